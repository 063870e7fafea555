"""Calls from Pion: what was sent comes back as it went, over UDP, over TCP, across a restart."""

from __future__ import annotations

import asyncio
import signal

import pytest

from interop import pion_client
from interop.pion_client import PionReport
from interop.server_process import ServerProcess, running_server, until

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True, scope="module")
def _client_is_built() -> None:
    pion_client.build()


def assert_untouched(report: PionReport) -> None:
    assert report.payload_mismatches == 0
    assert report.sequence_breaks == 0
    assert report.timestamp_breaks == 0
    assert report.marker_mismatches == 0
    assert report.same_ssrc


async def test_each_packet_comes_back_untouched_and_in_order(server: ServerProcess) -> None:
    report = await pion_client.call(server.whip_url, "-packets", "200")

    assert report.received == list(range(200))
    assert_untouched(report)
    assert report.protocol == "udp"
    assert report.deleted == 200


async def test_a_client_whose_network_blocks_udp_is_echoed_over_tcp(server: ServerProcess) -> None:
    report = await pion_client.call(server.whip_url, "-packets", "150", "-tcp")

    assert report.received == list(range(150))
    assert_untouched(report)
    assert report.protocol == "tcp"


async def test_an_ice_restart_keeps_the_call(server: ServerProcess) -> None:
    report = await pion_client.call(server.whip_url, "-packets", "200", "-restart")

    # Pion itself neither sends nor takes packets until its new candidate pair is chosen.
    assert len(report.received) > 180
    assert report.received[-1] == 199
    assert report.received_after_restart > 0
    assert_untouched(report)
    states = [line["event"] for line in server.lines if line["logger"] == "session"]
    assert states == [
        *("session opened", "session connecting", "session connected"),
        *("session reconnecting", "session connected", "session closed"),
    ]


async def test_a_client_that_is_killed_is_freed_when_its_consent_expires() -> None:
    limits = ("--consent-timeout-s", "6", "--silent-after-s", "3", "--idle-timeout-s", "0")
    async with running_server(*limits) as server:
        client = await pion_client.start(server.whip_url, "-packets", "5000")

        async def is_connected() -> bool:
            connected: int = (await server.stats())["sessions"]["by_state"]["connected"]
            return connected == 1

        await until(is_connected)
        client.send_signal(signal.SIGKILL)
        await client.wait()

        async with asyncio.timeout(8):
            await server.until_sessions(0)
        assert server.lines[-1]["reason"] == "consent-expired"
