"""`python -m bench.decisions`: how many decisions of POST /v2/session one core gives in a second,
and what the evaluation alone takes."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from bench.readings import read_usage
from bench.server import OURS, Subject, fresh
from voicemedia_rollout.document import Rollout, write_document
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.routing.decision import Capabilities, decide

OUTPUT = Path(__file__).parents[1] / "output"
SERVER_CORE, GENERATOR_CORE = 0, 1
PATH = "/v2/session"
CAN_BOTH = Capabilities(webrtc=True, websocket=True)
WEIGHT_PERCENT = 50.0
LENGTH = b"content-length:"


class NotDecided(Exception):
    """The server answered with something else than a decision; the message is for people."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What a run of decisions took."""

    took_s: tuple[float, ...]
    wall_s: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Decisions in a second."""
        return len(self.took_s) / self.wall_s

    @property
    def cpu_us_each(self) -> float:
        """Of whoever decided."""
        return 1e6 * self.cpu_s / len(self.took_s)

    def quantile_ms(self, percent: float) -> float:
        """At or below which `percent` of all lie."""
        place = max(0, -int(-percent * len(self.took_s) // 100) - 1)
        return 1e3 * sorted(self.took_s)[place]


def evaluate_alone(count: int) -> Pace:
    """The flag and the decision in this process, each for another client."""
    flags = Flags()
    flags.take(write_document(Rollout(weight_percent=WEIGHT_PERCENT)))
    clients = [str(uuid4()) for _ in range(count)]
    took_s = []
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    for client in clients:
        before_s = time.perf_counter()
        decide(flags.evaluate(client), CAN_BOTH, None)
        took_s.append(time.perf_counter() - before_s)
    wall_s = time.perf_counter() - begun_s
    return Pace(tuple(took_s), wall_s, time.process_time() - begun_cpu_s)


async def ask(host: str, port: int, seconds: float, connections: int) -> list[float]:
    """Asks over kept connections, each again as soon as it is answered; how long each took.

    Raises `NotDecided`.
    """
    until_s = time.perf_counter() + seconds
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(_ask_again(host, port, until_s)) for _ in range(connections)]
    return [took_s for task in asking for took_s in task.result()]


async def _ask_again(host: str, port: int, until_s: float) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    took_s = []
    try:
        while (before_s := time.perf_counter()) < until_s:
            writer.write(request(host, str(uuid4())))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(length_of(head))
            took_s.append(time.perf_counter() - before_s)
    finally:
        writer.close()
        await writer.wait_closed()
    return took_s


def request(host: str, client_id: str) -> bytes:
    """One request, whole."""
    asked = {"client_id": client_id, "capabilities": {"webrtc": True, "websocket": True}}
    body = json.dumps(asked)
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def length_of(head: bytes) -> int:
    """Of the body behind this head of a 200. Raises `NotDecided`."""
    status, *lines = head.lower().split(b"\r\n")
    if status.split(b" ")[1:2] != [b"200"]:
        raise NotDecided(f"the server answered {status.decode(errors='replace')}")
    for line in lines:
        if line.startswith(LENGTH):
            return int(line.removeprefix(LENGTH))
    raise NotDecided("the server answered without a length")


def measure(seconds: float, connections: int, is_realtime: bool) -> Pace:
    """A fresh server on its core, asked from another."""
    OUTPUT.mkdir(exist_ok=True)
    subject = Subject("voicemedia", (*OURS, "--webrtc-percent", str(WEIGHT_PERCENT)))
    os.sched_setaffinity(0, {GENERATOR_CORE})
    with fresh(subject, SERVER_CORE, is_realtime, OUTPUT / "bench-server.log") as server:
        address = urlsplit(server.url)
        assert address.hostname is not None
        assert address.port is not None
        asyncio.run(ask(address.hostname, address.port, 1, connections))  # warm
        before = read_usage(server.pid, SERVER_CORE)
        took_s = asyncio.run(ask(address.hostname, address.port, seconds, connections))
        after = read_usage(server.pid, SERVER_CORE)
    return Pace(tuple(took_s), after.at_s - before.at_s, after.cpu_s - before.cpu_s)


def describe(label: str, pace: Pace) -> str:
    """A row of a table."""
    return (
        f"| {label} | {pace.per_s:,.0f} | {pace.cpu_us_each:.1f} | "
        f"{pace.quantile_ms(50):.3f} | {pace.quantile_ms(99):.3f} |"
    )


def main() -> int:
    """Prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.decisions", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=8, help="kept open, busy at once (8)")
    parser.add_argument("--evaluations", type=int, default=20_000, help="in this process")
    parser.add_argument("--realtime", action="store_true", help="the server before all other work")
    arguments = parser.parse_args()
    asked = measure(arguments.seconds, arguments.connections, arguments.realtime)
    print("| decisions | a second | µs CPU each | p50 ms | p99 ms |\n|---|---|---|---|---|")
    print(describe(f"POST {PATH}, {arguments.connections} connections", asked))
    print(describe("evaluation alone, in process", evaluate_alone(arguments.evaluations)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
