"""Decisions are asked for as clients do, and timed."""

from __future__ import annotations

import asyncio
import json

import pytest

from bench.decisions import NotDecided, Pace, ask, evaluate_alone, length_of, request
from voicemedia_server.decisions.requests import read_request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers whole requests until the client leaves."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            writer.write(ANSWER)
    except asyncio.IncompleteReadError:
        writer.close()


async def test_each_answer_over_a_kept_connection_is_one_time() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]

        took_s = await ask(host, port, 0.05, 2)

    assert len(took_s) >= 2
    assert all(0 < one_s < 5 for one_s in took_s)


def test_a_request_is_one_that_the_server_reads() -> None:
    head, body = request("h", "anna").split(b"\r\n\r\n")

    assert read_request(body).client_id == json.loads(body)["client_id"] == "anna"
    assert f"Content-Length: {len(body)}".encode() in head


def test_anything_but_a_decision_is_a_failure_in_words() -> None:
    assert length_of(ANSWER) == 2
    with pytest.raises(NotDecided, match="429"):
        length_of(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n")
    with pytest.raises(NotDecided, match="length"):
        length_of(b"HTTP/1.1 200 OK\r\n\r\n")


def test_a_pace_tells_rate_cost_and_quantiles() -> None:
    pace = Pace(tuple(n / 1000 for n in range(100, 0, -1)), wall_s=2, cpu_s=0.001)

    assert pace.per_s == 50
    assert pace.cpu_us_each == pytest.approx(10)
    assert (pace.quantile_ms(50), pace.quantile_ms(99)) == (50, 99)


def test_the_evaluation_alone_is_timed_for_each_client() -> None:
    assert len(evaluate_alone(10).took_s) == 10
