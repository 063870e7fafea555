"""Each requirement as a test, for `pytest --pyargs whip_conformance.suite --whip-url URL`."""

from __future__ import annotations

import asyncio

import pytest

from whip_conformance.options import Options
from whip_conformance.requirement import Requirement
from whip_conformance.runner import run_check
from whip_conformance.verdict import Verdict


def test_server_meets(whip_requirement: Requirement, whip_options: Options) -> None:
    outcome = asyncio.run(run_check(whip_requirement, whip_options))

    if outcome.verdict in (Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE):
        pytest.skip(f"{outcome.verdict}: {outcome.finding}")
    assert outcome.verdict is Verdict.PASS, f"{whip_requirement.text} {outcome.finding}"
