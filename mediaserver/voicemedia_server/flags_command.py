"""The command `voicemedia-flags`: shows, splits, overrides, kills, and explains decisions.

Each change is the next revision of the document, with who made it and why; of two who change the
same revision at once, one is told.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic.alias_generators import to_camel

from voicemedia_rollout.analysis import Analysis, Measure, Threshold
from voicemedia_rollout.document import (
    DocumentMalformed,
    Override,
    Rollout,
    Subject,
    Variant,
    read_document,
    write_document,
)
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.flags.stores import FileFlagStore
from voicemedia_server.ports import FlagStore, FlagsUnavailable, RevisionConflict
from voicemedia_server.registry.connection import WrongUrl, connect
from voicemedia_server.registry.flag_store import RedisFlagStore
from voicemedia_server.routing.decision import Capabilities, Decision, DecisionReason, decide

PROGRAM = "voicemedia-flags"
VARIABLE = "VOICEMEDIA_FLAGS_FILE"
REDIS_VARIABLE = "VOICEMEDIA_REGISTRY_URL"
FLEET_VARIABLE = "VOICEMEDIA_FLEET"
WHY = {
    DecisionReason.FLAG: "the split gives it that by its id",
    DecisionReason.OVERRIDE: "it, or its tenant, is listed as an override",
    DecisionReason.KILL: "the kill switch is on",
    DecisionReason.CAPABILITY: "it cannot do what the flag says",
    DecisionReason.NO_FLAG: "the document has no such flag, or it is disabled",
    DecisionReason.REGISTRY_DOWN: "there is no document",
    DecisionReason.RESUME: "its call goes on",
}


class CommandFailed(Exception):
    """It could not be done; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes, why (empty for the change's own words), and when."""

    name: str
    reason: str
    now_unix_s: int


def main() -> None:
    """Exit code 2 for a wrong call, 1 when it cannot be done."""
    try:
        print(asyncio.run(run(sys.argv[1:], os.environ, int(time.time()))), end="")
    except (
        CommandFailed,
        DocumentMalformed,
        FlagsUnavailable,
        RevisionConflict,
        WrongUrl,
    ) as failure:
        print(f"{PROGRAM}: {failure}", file=sys.stderr)
        sys.exit(1)


async def run(arguments: Sequence[str], environment: Mapping[str, str], now_unix_s: int) -> str:
    """Does what the arguments say; returns what to print.

    Raises `CommandFailed`, `DocumentMalformed`, `FlagsUnavailable`, `RevisionConflict` or
    `WrongUrl`.
    """
    called = parser(environment).parse_args(arguments)
    if called.file is not None:
        return await do(FileFlagStore(Path(called.file)), called, now_unix_s)
    if called.redis is None:
        raise CommandFailed(
            f"name the flag document: --file or {VARIABLE}, or a fleet's with --redis or "
            f"{REDIS_VARIABLE}"
        )
    store = RedisFlagStore(connect(called.redis), called.fleet)
    try:
        return await do(store, called, now_unix_s)
    finally:
        await store.close()


async def do(store: FlagStore, called: argparse.Namespace, now_unix_s: int) -> str:
    """One command on one store."""
    if called.command == "explain":
        return await explain(store, called)
    if called.command == "show":
        return await show(store, is_raw=called.raw)
    author = Author(called.by or getpass.getuser(), called.reason, now_unix_s)
    return await change(store, called, author)


def parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """What can be said, with defaults of the environment."""
    root = argparse.ArgumentParser(PROGRAM, description=(__doc__ or "").partition(":")[2])
    root.add_argument(
        "--file", default=environment.get(VARIABLE), help=f"the flag document (or {VARIABLE})"
    )
    root.add_argument(
        "--redis",
        default=environment.get(REDIS_VARIABLE),
        metavar="URL",
        help=f"where a fleet keeps it, without --file (or {REDIS_VARIABLE}, which others do not "
        "see in the list of processes)",
    )
    root.add_argument(
        "--fleet",
        default=environment.get(FLEET_VARIABLE, "voicemedia"),
        help=f"the fleet's name there (or {FLEET_VARIABLE})",
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shown = commands.add_parser("show", help="what is in force, by whom and why")
    shown.add_argument("--raw", action="store_true", help="the document itself")
    explained = commands.add_parser("explain", help="why a client gets what it gets")
    explained.add_argument("client_id", metavar="CLIENT")
    explained.add_argument("--tenant")
    explained.add_argument("--without-webrtc", action="store_true")

    def changing(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text)
        command.add_argument("--reason", default="", help="why, for those who look later")
        command.add_argument("--by", help="who; else the name of this user")
        return command

    split = changing("split", "the share of clients that are given WebRTC")
    split.add_argument("percent", type=float, metavar="PERCENT")
    changing("rollback", "nobody is given WebRTC any more, but for overrides")
    changing("kill", "the kill switch on: WebSocket for all new sessions")
    changing("revive", "the kill switch off")
    setting = changing("set", "an override for a client or a tenant")
    setting.add_argument("subject", choices=list(Subject), type=Subject)
    setting.add_argument("name", metavar="NAME")
    setting.add_argument("variant", choices=list(Variant), type=Variant)
    guarding = changing("guard", "when the guard takes a share back by itself")
    guarding.add_argument("state", choices=("on", "off"), nargs="?", help="left as it is without")
    guarding.add_argument("--interval-s", type=float, help="between two checks")
    guarding.add_argument("--window-s", type=float, help="how far back sessions count")
    guarding.add_argument("--min-sessions", type=int, help="fewer than these say nothing")
    guarding.add_argument("--failure-limit", type=int, help="failed checks in a row, then rollback")
    for option, text in (
        ("--limit", "a bound that holds whatever the other variant does; none takes it away"),
        ("--worse-by", "how much worse than the other variant is borne"),
    ):
        guarding.add_argument(
            option,
            type=bound,
            action="append",
            default=[],
            metavar="MEASURE=VALUE",
            help=f"{text}. Measures: {', '.join(Measure)}",
        )
    unsetting = changing("unset", "takes an override back")
    unsetting.add_argument("subject", choices=list(Subject), type=Subject)
    unsetting.add_argument("name", metavar="NAME")
    return root


def bound(text: str) -> tuple[Measure, float | None]:
    """`setup-failure=0.1`, or `setup-failure=none`. Raises `ValueError`."""
    measure, _, value = text.partition("=")
    return Measure(measure), None if value == "none" else float(value)


async def read(store: FlagStore) -> Rollout | None:
    """What stands in the store."""
    text = await store.read()
    return None if text is None else read_document(text)


async def show(store: FlagStore, *, is_raw: bool) -> str:
    """For people, or the document itself."""
    text = await store.read()
    if text is None:
        raise CommandFailed("there is no document yet; a first `split` makes one")
    return text if is_raw else describe(read_document(text))


def describe(rollout: Rollout) -> str:
    """What is in force, in lines."""
    when = datetime.fromtimestamp(rollout.changed_unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [
        f"revision   {rollout.revision}",
        f"webrtc     {rollout.weight_percent:g} %" + (" (killed)" if rollout.is_killed else ""),
        f"changed    {when} by {rollout.changed_by or 'nobody'}: {rollout.reason or 'no reason'}",
    ]
    lines.append(f"guard      {describe_analysis(rollout.analysis)}")
    lines += [f"override   {o.subject} {o.name}: {o.variant}" for o in rollout.overrides]
    return "\n".join(lines) + "\n"


def describe_analysis(analysis: Analysis) -> str:
    """Whether and when it takes a share back, and by which bounds."""
    if not analysis.is_on:
        return "off"
    bounds = ", ".join(describe_threshold(threshold) for threshold in analysis.thresholds)
    return (
        f"on: every {analysis.interval_s:g} s over {analysis.window_s:g} s, "
        f"{analysis.min_sessions} sessions, {analysis.failure_limit} failed checks; {bounds}"
    )


def describe_threshold(threshold: Threshold) -> str:
    """`setup-failure limit 0.1 worse by 0.05`."""
    words: list[str] = [threshold.measure]
    if threshold.limit is not None:
        words.append(f"limit {threshold.limit:g}")
    if threshold.worse_by is not None:
        words.append(f"worse by {threshold.worse_by:g}")
    return " ".join(words)


async def explain(store: FlagStore, called: argparse.Namespace) -> str:
    """By the evaluation that servers use."""
    flags = Flags()
    text = await store.read()
    if text is not None:
        flags.take(text)
    can = Capabilities(webrtc=not called.without_webrtc, websocket=True)
    decision: Decision = decide(flags.evaluate(called.client_id, called.tenant), can)
    return (
        f"{called.client_id} gets {decision.variant} (revision {decision.revision}): "
        f"{WHY[decision.reason]}\n"
    )


async def change(store: FlagStore, called: argparse.Namespace, author: Author) -> str:
    """Writes the next revision."""
    before = await read(store)
    members, words = CHANGES[called.command](before or Rollout(), called)
    rollout = (before or Rollout()).changed(
        by=author.name, reason=author.reason or words, now_unix_s=author.now_unix_s, **members
    )
    if before is None:
        rollout = rollout.model_copy(update={"revision": 1})
    await store.replace(rollout)
    return describe(read_document(write_document(rollout)))


def guarded(analysis: Analysis, called: argparse.Namespace) -> dict[str, object]:
    """The analysis as it is to be, as the member `analysis` of a document."""
    names = ("interval_s", "window_s", "min_sessions", "failure_limit")
    wanted = {name: getattr(called, name) for name in names if getattr(called, name) is not None}
    if called.state is not None:
        wanted["is_on"] = called.state == "on"
    thresholds = analysis
    for member, bounds in (("limit", called.limit), ("worse_by", called.worse_by)):
        for measure, value in bounds:
            standing = next((t for t in thresholds.thresholds if t.measure is measure), None)
            changed = (standing or Threshold(measure=measure)).model_copy(update={member: value})
            thresholds = thresholds.model_copy(
                update={"thresholds": thresholds.with_threshold(changed)}
            )
    named = {to_camel(name): value for name, value in wanted.items()}
    return {"analysis": {**thresholds.model_dump(by_alias=True), **named}}


Change = Callable[[Rollout, argparse.Namespace], tuple[dict[str, object], str]]
CHANGES: dict[str, Change] = {
    "split": lambda _, called: (
        {"weight_percent": called.percent},
        f"split {called.percent:g} %",
    ),
    "rollback": lambda before, _: (
        {"weight_percent": 0.0},
        f"rolled back from {before.weight_percent:g} %",
    ),
    "kill": lambda _, __: ({"is_killed": True}, "killed"),
    "revive": lambda _, __: ({"is_killed": False}, "revived"),
    "set": lambda before, called: (
        {
            "overrides": before.with_override(
                Override(subject=called.subject, name=called.name, variant=called.variant)
            )
        },
        f"{called.subject} {called.name} set to {called.variant}",
    ),
    "guard": lambda before, called: (guarded(before.analysis, called), "guard changed"),
    "unset": lambda before, called: (
        {"overrides": before.without_override(called.subject, called.name)},
        f"{called.subject} {called.name} unset",
    ),
}
"""What each command changes, and the reason where none is given."""


if __name__ == "__main__":
    main()
