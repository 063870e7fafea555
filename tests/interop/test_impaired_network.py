"""The same call over a bad network: what is lost is lost, and nothing more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interop import pion_client
from interop.impaired_network import Impairment, Way, impaired_network
from interop.pion_client import PionReport
from interop.server_process import ServerProcess, until

pytestmark = pytest.mark.system

PACKETS = 500
SPARED_AT_THE_END = 25


@pytest.fixture(autouse=True, scope="module")
def _client_is_built() -> None:
    pion_client.build()


async def call_through(
    server: ServerProcess, impairment: Impairment
) -> tuple[PionReport, dict[str, Any], dict[Way, int]]:
    """A call of `PACKETS` packets: the client's report, the server's figures, what was dropped."""
    async with impaired_network(impairment, server.whip_url, server.media_port) as (url, network):
        network.last_packets_from = PACKETS - SPARED_AT_THE_END - PACKETS // 4
        client = await pion_client.start(url, "-packets", str(PACKETS))

        async def described() -> dict[str, Any] | None:
            sessions = (await server.stats())["per_session"]
            done = PACKETS - network.dropped[Way.UP]
            if sessions and sessions[0]["received"]["packets"] >= done:
                session: dict[str, Any] = sessions[0]
                return session
            return None

        session = await until(described, PACKETS * 0.02 + 20)
        report = await pion_client.finish(client)
        return report, session, dict(network.dropped)


@pytest.mark.parametrize("loss_ratio", [0.01, 0.05, 0.2])
async def test_what_the_network_lost_is_lost_and_nothing_more(
    server: ServerProcess, loss_ratio: float
) -> None:
    report, session, dropped = await call_through(server, Impairment(loss_ratio))

    lost_up, lost_down = dropped[Way.UP], dropped[Way.DOWN]
    assert lost_up > 0
    assert session["received"]["lost"] == lost_up
    assert session["received"]["packets"] == PACKETS - lost_up
    assert session["sent"]["packets"] == PACKETS - lost_up
    assert len(report.received) == PACKETS - lost_up - lost_down
    assert report.received == sorted(report.received)
    assert report.sequence_breaks == 0
    assert report.payload_mismatches == 0


async def test_jitter_of_fifty_milliseconds_is_measured_and_passed_on(
    server: ServerProcess,
) -> None:
    report, session, _ = await call_through(server, Impairment(jitter_s=0.05))

    # Two delays drawn evenly from 0 to 50 ms differ by a third of that in the mean, and RFC 3550
    # averages that difference.
    assert session["received"]["jitter_s"] == pytest.approx(0.05 / 3, rel=0.35)
    assert session["received"]["out_of_order"] > 0
    assert session["received"]["lost"] == 0
    assert sorted(report.received) == list(range(PACKETS))
    assert report.sequence_breaks == 0
    assert report.payload_mismatches == 0


async def test_calls_on_a_good_network_do_not_suffer_from_one_on_a_bad_one(
    server: ServerProcess,
) -> None:
    bad = asyncio.ensure_future(call_through(server, Impairment(0.2, 0.05)))
    good = await pion_client.call(server.whip_url, "-packets", "300")
    await bad

    assert good.received == list(range(300))
