"""The options of `python -m whip_conformance`, as text and as `Options`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from whip_conformance.options import RFC_CONSENT_S, Options


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one run shall do."""

    options: Options
    only: tuple[str, ...]
    is_json: bool
    is_list: bool


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="whip_conformance",
        description="Tests a WHIP server (RFC 9725) line by line. Exits 1 when a MUST fails.",
    )
    add = made.add_argument
    add("url", metavar="URL", help="the WHIP endpoint")
    add("--token", metavar="T", help="a bearer token that may publish")
    add("--other-token", metavar="T", help="another token that may publish, of somebody else")
    add("--insufficient-token", metavar="T", help="a valid token that may not publish")
    add("--echo", action="store_true", help="a sendrecv offer is answered sendrecv and echoed")
    add("--admin-url", metavar="URL", help="where POST /drain and /undrain drain the server")
    add("--capacity", type=int, metavar="N", help="so many sessions fit; the suite fills them")
    add("--rate-limited", action="store_true", help="the server limits rates; it may be flooded")
    add("--trusts-forwarded", action="store_true", help="it trusts X-Forwarded-* from here")
    add("--setup-timeout", type=float, metavar="S", help="seconds until an unused offer is freed")
    add(
        "--consent-timeout",
        type=float,
        metavar="S",
        default=RFC_CONSENT_S,
        help="seconds until a vanished client is found (default: %(default)g, as RFC 7675)",
    )
    add(
        "--answer-within",
        type=float,
        metavar="S",
        default=1.0,
        help="seconds that the slowest of 20 answers may take (default: %(default)g)",
    )
    add("--insecure", action="store_true", help="do not verify the server's certificate")
    add("--only", metavar="IDS", default="", help="lines or checks, such as W9,W14,W10-415")
    add("--list", action="store_true", help="list the requirements and test nothing")
    add("--json", action="store_true", help="print JSON, not a table")
    return made


def read(arguments: Sequence[str] | None = None) -> Invocation:
    """Exits with status 2 and a message where the arguments are wrong."""
    given = parser().parse_args(arguments)
    options = Options(
        url=given.url,
        token=given.token,
        other_token=given.other_token,
        insufficient_token=given.insufficient_token,
        admin_url=given.admin_url,
        is_echo=given.echo,
        is_rate_limited=given.rate_limited,
        trusts_forwarded=given.trusts_forwarded,
        capacity=given.capacity,
        setup_timeout_s=given.setup_timeout,
        consent_timeout_s=given.consent_timeout,
        answer_within_s=given.answer_within,
        is_tls_verified=not given.insecure,
    )
    only = tuple(name for name in given.only.split(",") if name.strip())
    return Invocation(options, only, given.json, given.list)
