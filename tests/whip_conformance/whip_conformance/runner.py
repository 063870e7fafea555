"""Runs checks against a server, each with a target of its own, and collects outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from whip_conformance.options import Options
from whip_conformance.requirement import Requirement
from whip_conformance.target import open_target
from whip_conformance.verdict import CheckEnded, Failed, Verdict

WORK_S = 60.0
"""How long a check may work beside the timeouts of the server that it waits for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one requirement. `is_bug` means that the suite itself broke."""

    requirement: Requirement
    verdict: Verdict
    finding: str
    duration_s: float = 0.0
    is_bug: bool = False


async def run_check(requirement: Requirement, options: Options) -> Outcome:
    """One requirement. A mistake of the suite rises as whatever it raised."""
    if requirement.check is None:
        return Outcome(requirement, Verdict.NOT_APPLICABLE, requirement.why_unchecked)
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    waits_s = 2 * options.consent_timeout_s + (options.setup_timeout_s or 0.0)
    limit_s = WORK_S + waits_s + options.grace_s
    try:
        async with asyncio.timeout(limit_s), open_target(options) as target:
            finding = await requirement.check(target)
            verdict = Verdict.PASS
    except CheckEnded as ended:
        verdict, finding = ended.verdict, ended.finding
    except TimeoutError:
        verdict, finding = Verdict.FAIL, f"it did not come to an end within {limit_s:g} s"
    return Outcome(requirement, verdict, finding, loop.time() - started_s)


async def run_all(
    requirements: Iterable[Requirement],
    options: Options,
    tell: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """All of them, one after the other; a mistake of the suite is an outcome too."""
    outcomes: list[Outcome] = []
    for requirement in requirements:
        try:
            outcome = await run_check(requirement, options)
        except Exception as error:
            finding = f"this suite broke: {type(error).__name__}: {error}"
            outcome = Outcome(requirement, Verdict.INCONCLUSIVE, finding, is_bug=True)
        outcomes.append(outcome)
        tell(outcome)
    return outcomes


async def is_reachable(options: Options) -> bool:
    """Whether anybody speaks HTTP at the URL."""
    async with open_target(options) as target:
        try:
            await target.request("OPTIONS")
        except Failed:
            return False
        return True
