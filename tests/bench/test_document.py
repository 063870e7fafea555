"""The JSON document that is kept for later."""

from __future__ import annotations

import json

from bench.document import write_document
from bench.figures import report, rung, use
from bench.ladder import Climb, Ladder, SetUpRun


def test_it_holds_what_was_read_and_what_follows() -> None:
    slipped = rung(found=report(warnings=("slipped",)))
    measured = rung(used=use(cpu_s=1, grown_kb=12_000))
    ladder = Ladder("ours", (Climb((slipped, measured)),), SetUpRun(report(500), use(cpu_s=1)))

    document = json.loads(write_document({"kernel": "6"}, [ladder]))

    found = document["ladders"][0]["rungs"][0]
    assert document["machine"] == {"kernel": "6"}
    assert (found["verdict"], found["us_per_packet"], found["kb_per_session"]) == ("holds", 20, 120)
    assert found["report"]["media"]["latency"]["p99_ms"] == 2
    assert found["earlier_attempts"][0]["doubts"] == ["slipped"]
    assert document["ladders"][0]["set_ups"]["cpu_ms_each"] == 2
