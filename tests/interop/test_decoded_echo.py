"""`POST /whip?echo=decoded`: the echo is decoded and encoded again, for callers who ask."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from interop.impaired_network import Impairment, Way, impaired_network
from interop.server_process import ServerProcess, running_server, until
from interop.test_aiortc_client import until_heard
from interop.tone_client import ToneClient, tone_call

pytestmark = pytest.mark.system

DECODED = "?echo=decoded"


async def metric(server: ServerProcess, name: str) -> float:
    """The value of a metric without labels."""
    async with server.http.get(f"{server.base_url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


@pytest.mark.parametrize("codec", ["audio/opus", "audio/PCMU"])
async def test_the_tone_comes_back_in_packets_of_our_own_making(
    server: ServerProcess, codec: str
) -> None:
    async with tone_call(server.whip_url + DECODED, 440.0, codecs=[codec]) as client:
        await until_heard(client)

        (described,) = (await server.stats())["per_session"]
        assert client.heard_hz() == pytest.approx(440.0, abs=2)
        assert described["echo_form"] == "decoded"
        assert await metric(server, "voicemedia_transcode_sessions") == 1
        assert await metric(server, "voicemedia_transcode_packets_encoded_total") >= 100


async def test_what_the_network_lost_on_the_way_up_is_concealed(server: ServerProcess) -> None:
    impairment = Impairment(0.05)
    async with (
        impaired_network(impairment, server.whip_url, server.media_port) as (url, network),
        tone_call(url + DECODED, 440.0) as client,
    ):
        await until_heard(client, 400)
        replaced = [
            await metric(server, f"voicemedia_transcode_packets_{how}_total")
            for how in ("recovered", "concealed")
        ]
        (described,) = (await server.stats())["per_session"]

    assert network.dropped[Way.UP] > 0
    assert sum(replaced) > 0
    sent, received = described["sent"]["packets"], described["received"]["packets"]
    assert sent > received, "in place of what was lost there is sound"
    assert client.heard_hz() == pytest.approx(440.0, abs=2)


async def test_one_more_than_fits_is_told_to_come_back_and_untouched_echoes_still_fit() -> None:
    async with (
        running_server("--max-transcoded-sessions", "1") as server,
        AsyncExitStack() as calls,
    ):
        first = await calls.enter_async_context(tone_call(server.whip_url + DECODED))
        await until_heard(first, 10)

        async with server.http.post(server.whip_url + DECODED, data=b"") as refused:
            problem = await refused.json()
        second = await calls.enter_async_context(tone_call(server.whip_url))
        await until_heard(second, 10)

        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert "echo=decoded" in problem["detail"]
        await freed(server, first)
        third = await calls.enter_async_context(tone_call(server.whip_url + DECODED))
        await until_heard(third, 10)


async def freed(server: ServerProcess, client: ToneClient) -> None:
    """Ends a call and waits for its place."""
    async with server.http.delete(client.session_url) as response:
        assert response.status == 200

    async def has_room() -> bool:
        return await metric(server, "voicemedia_transcode_sessions") == 0

    await until(has_room)
