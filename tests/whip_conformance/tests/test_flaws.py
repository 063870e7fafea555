"""The suite against a server that is right in everything, and wrong in one thing at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whip_conformance.catalogue import CHECKED, REQUIREMENTS
from whip_conformance.options import Options
from whip_conformance.paper.flaws import FOUND_BY, Flaw
from whip_conformance.paper.server import Settings, paper_server
from whip_conformance.requirement import Requirement
from whip_conformance.runner import Outcome, run_check
from whip_conformance.verdict import Verdict

SHORT_S = 1.0
LONG_S = 30.0
TOKENS = {"alice": True, "bob": True, "carol": False}
SOUND = Settings(consent_s=LONG_S, setup_s=LONG_S)
TOLD = Options(
    "",
    is_echo=True,
    consent_timeout_s=LONG_S,
    setup_timeout_s=LONG_S,
    answer_within_s=0.25,
    connect_within_s=2.0,
    grace_s=1.0,
)
pytestmark = pytest.mark.system
CANNOT_FAIL_ON_LOOPBACK = {"W63", "W82", "W36-each", "W86-reuse"}
BY_ID = {requirement.id: requirement for requirement in REQUIREMENTS}


def circumstances(requirement: Requirement) -> tuple[Settings, Options]:
    """The server on which a requirement applies, and what the suite is told of it."""
    match requirement.line:
        case "W75" | "W76":
            tokens = {
                "token": "alice",
                "other_token": "bob",
                "insufficient_token": "carol",
            }
            return replace(SOUND, tokens=TOKENS), replace(TOLD, **tokens)  # type: ignore[arg-type]  # all are text
        case "W83" | "W85" | "W86":
            return replace(SOUND, requests_per_s=10), replace(TOLD, is_rate_limited=True)
        case "W71" | "W72" | "W73":
            return replace(SOUND, has_ice_servers=True), TOLD
        case "W14" if requirement.id == "W14":
            return replace(SOUND, is_echo=False), replace(TOLD, is_echo=False)
        case "W15" | "W51":
            return replace(SOUND, consent_s=SHORT_S), replace(TOLD, consent_timeout_s=SHORT_S)
        case "W87":
            return replace(SOUND, setup_s=SHORT_S), replace(TOLD, setup_timeout_s=SHORT_S)
    match requirement.id:
        case "W26":
            return replace(SOUND, has_restart=False), TOLD
        case "W70-capacity":
            return replace(SOUND, capacity=3), replace(TOLD, capacity=3)
    return SOUND, TOLD


async def outcome_of(requirement: Requirement, *flaws: Flaw) -> Outcome:
    """The check on a fresh server with these flaws."""
    settings, told = circumstances(requirement)
    if Flaw.DEAF_TO_PROXY in flaws:
        settings = replace(settings, trusts_forwarded=True)
        told = replace(told, trusts_forwarded=True)
    if Flaw.UNSUPPORTED_IS_500 in flaws:
        settings = replace(settings, has_restart=False)
    async with paper_server(settings, *flaws) as base_url:
        return await run_check(
            requirement, replace(told, url=f"{base_url}/whip", admin_url=f"{base_url}/admin")
        )


@pytest.mark.parametrize("requirement", CHECKED, ids=[r.id for r in CHECKED])
async def test_a_sound_server_passes(requirement: Requirement) -> None:
    outcome = await outcome_of(requirement)

    assert outcome.verdict is Verdict.PASS, outcome.finding


FOUND = [(flaw, BY_ID[id]) for flaw, ids in FOUND_BY.items() for id in ids]


@pytest.mark.parametrize(
    ("flaw", "requirement"), FOUND, ids=[f"{flaw.name}-{found.id}" for flaw, found in FOUND]
)
async def test_a_flaw_is_found_by_the_check_for_it(flaw: Flaw, requirement: Requirement) -> None:
    outcome = await outcome_of(requirement, flaw)

    assert outcome.verdict is Verdict.FAIL, f"{flaw}: {outcome.finding}"


def test_every_check_finds_some_flaw() -> None:
    found = {id for ids in FOUND_BY.values() for id in ids}

    assert {r.id for r in CHECKED} - found == CANNOT_FAIL_ON_LOOPBACK


def test_every_flaw_is_found_by_some_check() -> None:
    assert {flaw for flaw in Flaw if not FOUND_BY.get(flaw)} == set()
