"""All that was measured as one JSON document, for later comparison. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any  # asdict() says no more about nested figures

from bench.ladder import Climb, Ladder, Rung, SetUpRun


def write_document(machine: Mapping[str, str], ladders: Sequence[Ladder]) -> str:
    """Figures as they were read, and those that follow from them."""
    document = {"machine": dict(machine), "ladders": [_ladder(ladder) for ladder in ladders]}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _ladder(ladder: Ladder) -> dict[str, Any]:
    return {
        "label": ladder.label,
        "holds": ladder.holds,
        "rungs": [_climb(climb) for climb in ladder.climbs],
        "set_ups": _set_ups(ladder.set_ups) if ladder.set_ups else None,
    }


def _climb(climb: Climb) -> dict[str, Any]:
    return {**_rung(climb.rung), "earlier_attempts": [_rung(r) for r in climb.attempts[:-1]]}


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        **asdict(rung),
        "verdict": str(rung.verdict),
        "doubts": list(rung.doubts),
        "cpu_percent": round(rung.use.cpu_percent, 2),
        "us_per_packet": round(rung.us_per_packet, 3),
        "kb_per_session": round(rung.kb_per_session, 2),
    }


def _set_ups(run: SetUpRun) -> dict[str, Any]:
    return {**asdict(run), "cpu_ms_each": round(run.cpu_ms_each, 4)}
