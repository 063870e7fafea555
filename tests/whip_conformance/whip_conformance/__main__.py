"""`python -m whip_conformance URL`: the table for any WHIP server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from whip_conformance import command_line, report
from whip_conformance.catalogue import REQUIREMENTS
from whip_conformance.command_line import Invocation
from whip_conformance.requirement import Requirement, RequirementError, select
from whip_conformance.runner import Outcome, is_reachable, run_all


def print_list(requirements: Sequence[Requirement]) -> None:
    """Every requirement with its text."""
    for requirement in requirements:
        who = f" ({requirement.why_unchecked})" if requirement.check is None else ""
        print(f"{requirement.id:<22} {requirement.level:<12} {requirement.text}{who}")


async def run(invocation: Invocation, requirements: Sequence[Requirement]) -> int:
    """Prints as it goes and returns the exit status."""
    if not await is_reachable(invocation.options):
        print(f"nobody answers at {invocation.options.url}", file=sys.stderr)
        return report.EXIT_UNUSABLE

    def tell(outcome: Outcome) -> None:
        if not invocation.is_json:
            print(report.row(outcome), flush=True)

    if not invocation.is_json:
        print(report.heading())
    outcomes = await run_all(requirements, invocation.options, tell)
    if invocation.is_json:
        print(report.as_json(invocation.options.url, outcomes))
    else:
        print(report.summary(outcomes))
    return report.exit_status(outcomes)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    invocation = command_line.read(arguments)
    try:
        requirements = select(REQUIREMENTS, invocation.only)
    except RequirementError as error:
        print(error, file=sys.stderr)
        return report.EXIT_UNUSABLE
    if invocation.is_list:
        print_list(requirements)
        return report.EXIT_CONFORMS
    return asyncio.run(run(invocation, requirements))


if __name__ == "__main__":
    sys.exit(main())
