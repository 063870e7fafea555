"""The command `voicemedia-sessions`: lists, shows and ends sessions of a fleet, and tells events.

It talks to the admin port of any one instance. Exit code 1 when there is no such session, 2 when
it was called wrongly or the admin port does not answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

TOKEN_VARIABLE = "VOICEMEDIA_ADMIN_TOKEN_FILE"
ADMIN_URL = "http://127.0.0.1:8081"
TIMEOUT_S = 5.0
END_TIMEOUT_S = 5.0
POLL_S = 0.2
FOLLOW_S = 0.5
IN_EVERY_EVENT = ("id", "at_unix_s", "instance", "happening")


class Failed(Exception):
    """What to say, and the exit code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class AdminPort:
    """Of one instance."""

    url: str
    token: str | None = None

    def ask(self, method: str, path: str) -> Any:
        """What it answers. Raises `Failed`."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            request = Request(self.url + path, method=method, headers=headers)
            with urlopen(request, timeout=TIMEOUT_S) as response:
                return json.load(response)
        except HTTPError as refusal:
            with refusal:
                detail = json.load(refusal).get("detail", refusal.reason)
            code = 1 if refusal.code == HTTPStatus.NOT_FOUND else 2
            raise Failed(detail, code) from None
        except (URLError, OSError, ValueError) as failure:
            raise Failed("the admin port does not answer; is --admin right?", 2) from failure


def _read_token(file: str | None) -> str | None:
    try:
        return None if file is None else Path(file).read_text(encoding="utf-8").strip()
    except OSError as failure:
        raise Failed(f"the token cannot be read: {failure}", 2) from failure


def main() -> None:
    """The command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Does what the arguments say; returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        admin = AdminPort(given.admin.rstrip("/"), _read_token(given.token_file))
        if given.command == "events":
            return _tell_events(admin, given)
        found = _ask(admin, given.command, getattr(given, "label", ""))
    except Failed as failure:
        print(f"voicemedia-sessions: {failure}", file=sys.stderr)
        return failure.code
    print(json.dumps(found, indent=2) if given.json else _as_text(given.command, found))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="voicemedia-sessions", description="Lists, shows and ends sessions of a fleet."
    )
    parser.add_argument(
        "--admin", default=ADMIN_URL, help=f"the admin port of any instance (default {ADMIN_URL})"
    )
    parser.add_argument(
        "--token-file",
        default=os.environ.get(TOKEN_VARIABLE),
        help=f"with the token that the admin port asks for, if it does (or {TOKEN_VARIABLE})",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="all sessions, oldest first")
    commands.add_parser("instances", help="all instances")
    told = commands.add_parser("events", help="what happened, oldest first")
    told.add_argument("--follow", action="store_true", help="goes on with what happens")
    told.add_argument("--limit", type=int, default=100, help="of the past (default 100)")
    for name, text in (("show", "one session"), ("end", "end one session, wherever it is")):
        commands.add_parser(name, help=text).add_argument("label")
    return parser


def _ask(admin: AdminPort, command: str, label: str) -> Any:
    if command == "list":
        return admin.ask("GET", "/sessions")
    if command == "instances":
        return admin.ask("GET", "/instances")
    path = f"/sessions/{quote(label, safe='')}"
    if command == "show":
        return admin.ask("GET", path)
    admin.ask("DELETE", path)
    _wait_until_gone(admin, path)
    return {"ended": label}


def events(admin: AdminPort, limit: int, is_following: bool) -> Iterator[dict[str, Any]]:
    """What happened in the fleet: the newest `limit`, then each as it is told. Raises `Failed`."""
    found = admin.ask("GET", f"/events?limit={limit}")
    after, is_told = "0-0", False
    while True:
        for event in found["events"]:
            after = event["id"]
            yield event
        if not found["registry_reachable"] and not is_told:
            print("The registry is not reachable.", file=sys.stderr)
        is_told = not found["registry_reachable"]
        if not is_following:
            return
        if not found["events"]:
            time.sleep(FOLLOW_S)
        found = admin.ask("GET", f"/events?after={after}")


def _tell_events(admin: AdminPort, given: argparse.Namespace) -> int:
    try:
        for event in events(admin, given.limit, given.follow):
            print(json.dumps(event) if given.json else _as_line(event), flush=True)
    except KeyboardInterrupt:
        pass  # how following ends
    return 0


def _as_line(event: dict[str, Any]) -> str:
    """One event: when, where, what, and what else is known of it."""
    facts = {name: value for name, value in event.items() if name not in IN_EVERY_EVENT}
    said = " ".join(f"{name}={value}" for name, value in facts.items())
    moment = _moment(event["at_unix_s"])
    return f"{moment}  {event['instance']}  {event['happening']:<9}  {said}".rstrip()


def _wait_until_gone(admin: AdminPort, path: str) -> None:
    until_s = time.monotonic() + END_TIMEOUT_S
    while time.monotonic() < until_s:
        try:
            admin.ask("GET", path)
        except Failed as failure:
            if failure.code == 1:
                return
            raise
        time.sleep(POLL_S)
    raise Failed("the instance that holds the session was asked, but has not ended it yet", 1)


def _as_text(command: str, found: Any) -> str:
    if command == "end":
        return f"{found['ended']} has ended."
    if command == "show":
        width = max(map(len, found))
        return "\n".join(f"{name:<{width}}  {_shown(value)}" for name, value in found.items())
    if command == "list":
        rows = [
            (
                s["session"],
                s["instance"],
                s["transport"],
                *(_cell(s[name]) for name in ("variant", "tenant", "revision")),
                _moment(s["opened_unix_s"]),
            )
            for s in found
        ]
        head = ("SESSION", "INSTANCE", "TRANSPORT", "VARIANT", "TENANT", "REVISION", "OPENED")
        return _table(head, rows)
    rows = [
        (
            i["instance"],
            f"{i['sessions']}/{i['max_sessions']}",
            "yes" if i["is_draining"] else "no",
            i["url"],
        )
        for i in found["instances"]
    ]
    text = _table(("INSTANCE", "SESSIONS", "DRAINING", "URL"), rows)
    return text if found["registry_reachable"] else text + "\nThe registry is not reachable."


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    return "-" if value is None else f"{value}"


def _shown(value: object) -> str:
    return (
        json.dumps(value) if isinstance(value, dict | list | bool) or value is None else f"{value}"
    )


def _moment(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
