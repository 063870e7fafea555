"""`make bench`: measures our server, rivals beside it, or any server by its URL."""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench import generator
from bench.document import write_document
from bench.generator import GeneratorFailed, Load, Medium
from bench.ladder import RUNGS, Ladder, read_rungs
from bench.measurement import Bench
from bench.readings import ServerGone, read_memory
from bench.report import ReportUnreadable
from bench.rivals.subjects import RIVALS
from bench.server import OURS, Server, ServerFailed, Subject, fresh
from bench.table import write_ladder

OUTPUT = Path(__file__).parents[1] / "output"
GENERATOR_CORE = 1


def main() -> int:
    """Prints one table for each server; the exit code says only whether it could measure."""
    options, server_options = _split(sys.argv[1:])
    parser = _parser()
    arguments = parser.parse_args(options)
    if (arguments.url is None) != (arguments.pid is None):
        parser.error("--url and --pid belong together")
    OUTPUT.mkdir(exist_ok=True)
    bench = Bench(
        load=Load(
            measure_s=arguments.seconds,
            rate_per_s=arguments.rate,
            srtp_profile=arguments.srtp_profile,
            core=GENERATOR_CORE,
            is_realtime=arguments.realtime,
            quantum_us=arguments.quantum_us,
            has_own_sockets=arguments.own_sockets,
        ),
        rungs=arguments.ladder,
        max_attempts=arguments.attempts,
        server_core=arguments.server_core,
        tell=lambda sentence: print(sentence, file=sys.stderr, flush=True),
    )
    try:
        generator.build()
        ladders = _measure(bench, arguments, server_options)
    except (GeneratorFailed, ServerFailed, ServerGone, ReportUnreadable) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    print("\n".join(write_ladder(ladder) for ladder in ladders))
    path = OUTPUT / f"bench-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(write_document(_machine(options), ladders))
    print(f"All figures: {path}", file=sys.stderr)
    return 0


def _measure(
    bench: Bench, arguments: argparse.Namespace, server_options: Sequence[str]
) -> list[Ladder]:
    if arguments.url:
        server = Server(arguments.url, arguments.pid)
        idle_kb = read_memory(server.pid).pss_kb
        label = arguments.label or "server"
        return [
            _over(bench, medium).climb(_name(label, medium), lambda: nullcontext(server), idle_kb)
            for medium in arguments.medium or [Medium.WEBRTC]
        ]
    if arguments.command:
        command = (*shlex.split(arguments.command), *server_options)
        subjects = [Subject(arguments.label or command[0], command)]
        media = arguments.medium or [Medium.WEBRTC]
    else:
        label = arguments.label or " ".join(["voicemedia", *server_options])
        subjects = [Subject(label, (*OURS, *server_options))]
        media = arguments.medium or list(Medium)
    climbs = [(subject, medium) for subject in subjects for medium in media]
    climbs += [(RIVALS[name](), Medium.WEBRTC) for name in arguments.beside]
    log = OUTPUT / "bench-server.log"
    log.unlink(missing_ok=True)
    return [
        _over(bench, medium).climb(
            _name(subject.label, medium),
            partial(fresh, subject, arguments.server_core, bench.load.is_realtime, log),
        )
        for subject, medium in climbs
    ]


def _over(bench: Bench, medium: Medium) -> Bench:
    return replace(bench, load=replace(bench.load, medium=medium))


def _name(label: str, medium: Medium) -> str:
    return label if medium is Medium.WEBRTC else f"{label}, WebSocket {medium}"


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ours, and after `--` those of the server."""
    if "--" not in arguments:
        return list(arguments), []
    place = list(arguments).index("--")
    return list(arguments[:place]), list(arguments[place + 1 :])


def _machine(options: Sequence[str]) -> dict[str, str]:
    models = {
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    }
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": ", ".join(sorted(models)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "options": shlex.join(options),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Walks a ladder of session counts up to the break: loss of 0.5 %%, or "
        "p99 added latency of 20 ms. The server has one core, the generator another. Options "
        "after -- go to the server.",
    )
    parser.add_argument("--ladder", type=_rungs, default=RUNGS, metavar="N,N,…")
    parser.add_argument("--seconds", type=float, default=15, help="to measure on each rung (15)")
    parser.add_argument("--rate", type=float, default=300, help="set-ups begun per second (300)")
    parser.add_argument("--srtp-profile", choices=["cm", "gcm"], default="cm")
    parser.add_argument("--attempts", type=int, default=3, help="at a doubtful rung (3)")
    parser.add_argument(
        "--quantum-us",
        type=int,
        default=100,
        help="the generator sends what fell due in so many microseconds (100)",
    )
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run both before all other work (SCHED_FIFO): for machines that are not quiet",
    )
    parser.add_argument(
        "--own-sockets",
        action="store_true",
        help="a socket for each of the generator's sessions; Janus hears no other",
    )
    parser.add_argument(
        "--beside",
        action="append",
        choices=sorted(RIVALS),
        default=[],
        help="measure that one too, in this run; may be given again",
    )
    parser.add_argument(
        "--medium",
        action="append",
        choices=[medium.value for medium in Medium],
        type=Medium,
        default=[],
        help="how calls travel; may be given again (all of them for our server, else webrtc)",
    )
    parser.add_argument("--command", help="measure this server; it prints the URL of its /whip")
    parser.add_argument("--url", help="measure the server at this URL; needs --pid")
    parser.add_argument("--pid", type=int, help="its process")
    parser.add_argument("--server-core", type=int, default=0, help="where the server runs (0)")
    parser.add_argument("--label", help="its name in the table")
    return parser


def _rungs(text: str) -> tuple[int, ...]:
    try:
        return read_rungs(text)
    except ValueError as failure:
        raise argparse.ArgumentTypeError(str(failure)) from failure


if __name__ == "__main__":
    sys.exit(main())
