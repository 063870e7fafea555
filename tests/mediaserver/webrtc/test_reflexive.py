"""Learning our own address from STUN servers, asked from the media socket; a real one on loopback
answers here."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

import pytest
from aioice import stun

from mediaserver.packets.builders import Scene, a_scene, until
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.webrtc.addresses import Advertised
from voicemedia_server.webrtc.peers import WebRtcPeers
from voicemedia_server.webrtc.reflexive import RETRANSMISSIONS_S, ReflexiveDiscovery

SEEN_FROM_AFAR = ("203.0.113.5", 40_000)


class StunServer(asyncio.DatagramProtocol):
    """Answers binding requests with an address; `deaf_to` requests are lost first."""

    def __init__(self, deaf_to: int = 0) -> None:
        self.sees = SEEN_FROM_AFAR
        self.deaf_to = deaf_to
        self.asked: list[tuple[bytes, tuple[str, int]]] = []
        self.change: Callable[[stun.Message], stun.Message] = lambda response: response
        self.port = 0
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = stun.parse_message(data)
        self.asked.append((request.transaction_id, addr))
        if len(self.asked) <= self.deaf_to:
            return
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = self.sees
        self._transport.sendto(bytes(self.change(response)), addr)

    @property
    def name(self) -> str:
        """As it stands in the configuration."""
        return f"127.0.0.1:{self.port}"


class Asking:
    """A plane that runs, and a place where what is found is written down."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.peers = WebRtcPeers(scene.plane, [])
        self.found: list[Advertised] = []

    def start(self, *servers: str) -> asyncio.Task[None]:
        """Asks these servers, beside the test."""
        discovery = ReflexiveDiscovery(self.scene.plane, servers, self.found.append)
        self.peers.discovery = discovery
        return asyncio.get_running_loop().create_task(discovery.run())


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    """A plane on 127.0.0.1."""
    async with a_scene() as scene:
        yield Asking(scene)


@contextlib.asynccontextmanager
async def a_stun_server(deaf_to: int = 0) -> AsyncIterator[StunServer]:
    """A server on a port that the kernel chooses."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: StunServer(deaf_to), ("127.0.0.1", 0)
    )
    yield server
    transport.close()


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """The name of a server that never answers: a socket that is not read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{silent.getsockname()[1]}"


# -- found ----------------------------------------------------------------------------------


async def test_the_address_that_a_server_saw_is_reported(asking: Asking) -> None:
    async with a_stun_server() as server:
        await asking.start(server.name)

    assert asking.found == [Advertised(*SEEN_FROM_AFAR)]


async def test_the_question_comes_from_the_media_socket(asking: Asking) -> None:
    async with a_stun_server() as server:
        await asking.start(server.name)

    (_, source), *_ = server.asked
    assert source == ("127.0.0.1", asking.scene.plane.endpoints[0].port)


async def test_two_servers_that_agree_are_one_address(asking: Asking) -> None:
    async with a_stun_server() as first, a_stun_server() as second:
        await asking.start(first.name, second.name)

    assert asking.found == [Advertised(*SEEN_FROM_AFAR)]


async def test_two_servers_that_differ_are_two_addresses(asking: Asking) -> None:
    async with a_stun_server() as first, a_stun_server() as second:
        second.sees = ("203.0.113.6", 40_001)
        await asking.start(first.name, second.name)

    assert set(asking.found) == {Advertised(*SEEN_FROM_AFAR), Advertised("203.0.113.6", 40_001)}


async def test_what_was_found_stands_in_the_answers_from_then_on(asking: Asking) -> None:
    async with a_stun_server() as server:
        await asking.start(server.name)
    assert not asking.peers.candidates

    asking.peers.add_address(asking.found[0])
    asking.peers.add_address(asking.found[0])

    assert asking.peers.candidates == ("u1 1 udp 2130706431 203.0.113.5 40000 typ host",)


@pytest.mark.looptime
async def test_a_lost_question_is_asked_again_under_the_same_number() -> None:
    async with a_scene() as scene, a_stun_server(deaf_to=2) as server:
        asking = Asking(scene)
        await asking.start(server.name)

    assert asking.found == [Advertised(*SEEN_FROM_AFAR)]
    assert len(server.asked) == 3
    assert len({transaction_id for transaction_id, _ in server.asked}) == 1


# -- not found ------------------------------------------------------------------------------


async def test_a_server_that_is_silent_does_not_hold_up_one_that_answers(asking: Asking) -> None:
    with nobody() as silent:
        async with a_stun_server() as server:
            running = asking.start(silent, server.name)
            await until(lambda: bool(asking.found))

        assert not running.done()
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.looptime
async def test_a_server_that_is_silent_is_given_up() -> None:
    async with a_scene() as scene:
        asking = Asking(scene)
        began_s = asyncio.get_running_loop().time()
        with nobody() as silent:
            await asking.start(silent)

        took_s = asyncio.get_running_loop().time() - began_s
    assert asking.found == []
    assert took_s == pytest.approx(sum(RETRANSMISSIONS_S), abs=0.5)


@pytest.mark.parametrize("name", ["[::1]:3478", "x" * 64 + ".example:3478"])
async def test_a_server_whose_name_means_nothing_spoils_no_other(asking: Asking, name: str) -> None:
    async with a_stun_server() as server:
        await asking.start(name, server.name)

    assert asking.found == [Advertised(*SEEN_FROM_AFAR)]


async def test_an_answer_that_nobody_asked_for_is_dropped_and_counted(asking: Asking) -> None:
    def forge(response: stun.Message) -> stun.Message:
        response.transaction_id = bytes(12)
        return response

    async with a_stun_server() as server:
        server.change = forge
        running = asking.start(server.name)
        await until(lambda: bool(asking.scene.plane.drops()[DropReason.STUN_NOT_A_CHECK]))
        running.cancel()
        await asyncio.wait([running])

    assert asking.found == []


async def test_an_answer_without_an_address_is_dropped_and_counted(asking: Asking) -> None:
    def strip(response: stun.Message) -> stun.Message:
        del response.attributes["XOR-MAPPED-ADDRESS"]
        return response

    async with a_stun_server() as server:
        server.change = strip
        running = asking.start(server.name)
        await until(lambda: bool(asking.scene.plane.drops()[DropReason.STUN_NOT_A_CHECK]))
        running.cancel()
        await asyncio.wait([running])

    assert asking.found == []


async def test_asking_that_is_given_up_leaves_no_task_behind(asking: Asking) -> None:
    before = asyncio.all_tasks()
    with nobody() as silent:
        running = asking.start(silent, silent)
        await until(lambda: len(asyncio.all_tasks()) > len(before) + 1)

        running.cancel()
        await asyncio.wait([running])

    assert asyncio.all_tasks() == before


async def test_without_servers_there_is_nothing_to_wait_for(asking: Asking) -> None:
    await asking.start()

    assert asking.found == []
