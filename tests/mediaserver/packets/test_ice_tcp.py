"""ICE-TCP: frames out of a stream, deadlines for strangers, slow readers that pay alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.packets.datagrams import LARGEST_DATAGRAM_BYTES, has_ipv6
from voicemedia_server.packets.ice_tcp import (
    MAX_BACKLOG_BYTES,
    MAX_CONNECTIONS,
    IceTcpListener,
    TcpPath,
    open_ice_tcp,
)

WITHIN_S = 10.0
LONG_S = 60.0
SHORT_S = 0.05


class Ledger:
    """A taker of frames that writes down what it is given."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.paths: list[TcpPath] = []
        self.lost: list[TcpPath] = []
        self.bound: set[TcpPath] = set()
        self.oversized = 0
        self.changed = asyncio.Event()

    def take_frame(self, frame: bytes, path: TcpPath) -> None:
        self.frames.append(frame)
        if path not in self.paths:
            self.paths.append(path)
        self.changed.set()

    def path_lost(self, path: TcpPath) -> None:
        self.lost.append(path)
        self.changed.set()

    def is_bound(self, path: TcpPath) -> bool:
        return path in self.bound

    def count_oversized(self) -> None:
        self.oversized += 1

    async def frame(self, number: int) -> bytes:
        """The frame of this number, as soon as it has come."""
        async with asyncio.timeout(WITHIN_S):
            while len(self.frames) <= number:
                self.changed.clear()
                await self.changed.wait()
        return self.frames[number]

    async def all_lost(self, count: int) -> list[TcpPath]:
        """The connections that ended, as soon as there are so many."""
        async with asyncio.timeout(WITHIN_S):
            while len(self.lost) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.lost


class Client:
    """The far side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self.writer.write(framed(frame))

    async def receive(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            length = int.from_bytes(await self.reader.readexactly(2), "big")
            return await self.reader.readexactly(length)

    async def ended(self) -> bytes:
        """What still comes until the server ends the connection."""
        async with asyncio.timeout(WITHIN_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def close(self) -> None:
        self.writer.transport.abort()


def framed(frame: bytes) -> bytes:
    """A frame of RFC 4571."""
    return len(frame).to_bytes(2, "big") + frame


class Server:
    """A listener on loopback, and the clients that a test connects to it."""

    def __init__(self, ledger: Ledger, listener: IceTcpListener, port: int) -> None:
        self.ledger = ledger
        self.listener = listener
        self.port = port
        self.clients: list[Client] = []

    async def connect(self, host: str = "127.0.0.1", receive_buffer_bytes: int = 0) -> Client:
        raw = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        raw.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(raw, (host, self.port))
        except OSError:
            raw.close()
            raise
        client = Client(*await asyncio.open_connection(sock=raw, limit=1024))
        self.clients.append(client)
        return client

    async def path_of(self, client: Client) -> TcpPath:
        """The server's side of this client's connection."""
        number = len(self.ledger.frames)
        client.send(b"who am I")
        await self.ledger.frame(number)
        return self.ledger.paths[-1]

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        await self.listener.close()


async def serve(host: str = "127.0.0.1", bind_timeout_s: float = LONG_S) -> Server:
    """A listener on a port that the kernel chooses."""
    ledger = Ledger()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    return Server(ledger, await open_ice_tcp(ledger, host, port, bind_timeout_s), port)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A listener whose strangers have a minute."""
    running = await serve()
    yield running
    await running.close()


@pytest.fixture
async def strict() -> AsyncIterator[Server]:
    """A listener whose strangers have a moment."""
    running = await serve(bind_timeout_s=SHORT_S)
    yield running
    await running.close()


# -- frames ---------------------------------------------------------------------------------

STREAM = bytes.fromhex("0005") + b"hello" + bytes.fromhex("0000" + "0002") + b"hi"
FRAMES = [b"hello", b"", b"hi"]


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_a_stream_is_cut_into_the_same_frames_wherever_it_is_split(cut: int) -> None:
    ledger = Ledger()
    path = TcpPath(ledger, set(), LONG_S)

    path.data_received(STREAM[:cut])
    path.data_received(STREAM[cut:])

    assert ledger.frames == FRAMES


def test_a_stream_that_comes_byte_by_byte_is_the_same_stream() -> None:
    ledger = Ledger()
    path = TcpPath(ledger, set(), LONG_S)

    for position in range(len(STREAM)):
        path.data_received(STREAM[position : position + 1])

    assert ledger.frames == FRAMES


@given(
    frames=st.lists(st.binary(max_size=300), max_size=20),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=50),
)
def test_any_frames_come_out_of_any_pieces(frames: list[bytes], sizes: list[int]) -> None:
    ledger = Ledger()
    path = TcpPath(ledger, set(), LONG_S)
    stream = b"".join(map(framed, frames))

    while stream:
        for size in sizes:
            path.data_received(stream[:size])
            stream = stream[size:]

    assert ledger.frames == frames


async def test_a_frame_is_held_back_until_it_is_whole(server: Server) -> None:
    client = await server.connect()
    client.writer.write(framed(b"first") + framed(b"second")[:4])

    assert await server.ledger.frame(0) == b"first"
    assert server.ledger.frames == [b"first"]
    client.writer.write(framed(b"second")[4:])
    assert await server.ledger.frame(1) == b"second"


async def test_the_largest_datagram_is_a_frame(server: Server) -> None:
    client = await server.connect()
    largest = bytes(LARGEST_DATAGRAM_BYTES)

    client.send(largest)

    assert await server.ledger.frame(0) == largest


async def test_a_frame_that_no_datagram_can_be_ends_the_connection_and_is_counted(
    server: Server,
) -> None:
    client = await server.connect()
    client.writer.write((LARGEST_DATAGRAM_BYTES + 1).to_bytes(2, "big"))

    await client.ended()

    assert server.ledger.oversized == 1
    assert len(await server.ledger.all_lost(1)) == 1


async def test_what_came_before_a_frame_that_is_too_long_is_still_taken(server: Server) -> None:
    client = await server.connect()
    client.writer.write(framed(b"good") + b"\xff\xff")

    await client.ended()

    assert server.ledger.frames == [b"good"]


async def test_a_datagram_is_framed_on_its_way_out(server: Server) -> None:
    client = await server.connect()
    path = await server.path_of(client)

    assert path.send(b"hello")
    assert path.send(b"")

    assert [await client.receive() for _ in range(2)] == [b"hello", b""]


# -- connections ----------------------------------------------------------------------------


async def test_two_connections_are_two_paths(server: Server) -> None:
    one = await server.path_of(await server.connect())
    two = await server.path_of(await server.connect())

    assert one != two


async def test_a_path_knows_the_address_of_its_client(server: Server) -> None:
    client = await server.connect()
    path = await server.path_of(client)

    assert path.address == client.writer.get_extra_info("sockname")


@pytest.mark.parametrize("host", ["127.0.0.1", *(["::1"] if has_ipv6() else [])])
async def test_a_dual_stack_listener_takes_both_and_names_ipv4_as_such(host: str) -> None:
    server = await serve("::" if has_ipv6() else "0.0.0.0")
    client = await server.connect(host)

    path = await server.path_of(client)

    assert path.address[0] == host
    await server.close()


async def test_a_stranger_is_disconnected_when_its_time_is_over(strict: Server) -> None:
    client = await strict.connect()

    assert await client.ended() == b""
    assert len(await strict.ledger.all_lost(1)) == 1


async def test_a_stranger_that_talks_is_disconnected_all_the_same(strict: Server) -> None:
    client = await strict.connect()
    client.send(b"not a check")

    assert await client.ended() == b""


async def test_a_connection_that_was_bound_in_time_stays(strict: Server) -> None:
    guest = await strict.connect()
    path = await strict.path_of(guest)
    strict.ledger.bound.add(path)
    stranger = await strict.connect()  # came later, so its time is over later

    await stranger.ended()

    assert path not in strict.ledger.lost
    path.send(b"still here")
    assert await guest.receive() == b"still here"


async def test_a_client_that_leaves_is_told_of_once(server: Server) -> None:
    client = await server.connect()
    path = await server.path_of(client)

    await client.close()

    assert await server.ledger.all_lost(1) == [path]


async def test_a_connection_too_many_is_turned_away_and_never_told_of() -> None:
    ledger = Ledger()
    full = {TcpPath(ledger, set(), LONG_S) for _ in range(MAX_CONNECTIONS)}
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: TcpPath(ledger, full, LONG_S), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = Client(*await asyncio.open_connection("127.0.0.1", port))

    assert await client.ended() == b""

    assert len(full) == MAX_CONNECTIONS
    assert ledger.lost == []
    await client.close()
    listening.close()


async def test_a_port_that_is_taken_is_an_error(server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        await open_ice_tcp(Ledger(), "127.0.0.1", server.port, LONG_S)


# -- slow readers ---------------------------------------------------------------------------


async def fill(path: TcpPath) -> int:
    """Sends until the path takes no more; how many packets it took."""
    packet = bytes(1200)
    for taken in range(100_000):
        if not path.send(packet):
            return taken
        await asyncio.sleep(0)  # the loop's turn to write
    raise AssertionError("the backlog has no bound")


async def test_a_reader_that_does_not_read_is_bounded_and_told_by_false(server: Server) -> None:
    path = await server.path_of(await server.connect(receive_buffer_bytes=4096))

    await fill(path)

    assert MAX_BACKLOG_BYTES < path._transport.get_write_buffer_size() < MAX_BACKLOG_BYTES + 2048


async def test_a_slow_reader_pays_alone(server: Server) -> None:
    slow = await server.path_of(await server.connect(receive_buffer_bytes=4096))
    quick_client = await server.connect()
    quick = await server.path_of(quick_client)
    await fill(slow)

    assert quick.send(b"on time")

    assert await quick_client.receive() == b"on time"


async def test_a_reader_that_reads_again_is_sent_to_again(server: Server) -> None:
    client = await server.connect(receive_buffer_bytes=4096)
    path = await server.path_of(client)
    taken = await fill(path)

    for _ in range(taken):
        assert await client.receive() == bytes(1200)

    assert path.send(b"again")
    assert await client.receive() == b"again"


# -- closing --------------------------------------------------------------------------------


async def test_what_was_sent_before_the_close_arrives(server: Server) -> None:
    client = await server.connect()
    path = await server.path_of(client)

    path.send(b"bye")
    path.close()

    assert await client.ended() == framed(b"bye")


async def test_closing_the_listener_ends_every_connection(server: Server) -> None:
    clients = [await server.connect() for _ in range(3)]
    for client in clients:
        await server.path_of(client)

    await server.listener.close()

    assert len(server.ledger.lost) == 3
    assert [await client.ended() for client in clients] == [b""] * 3


async def test_nobody_can_connect_after_the_close(server: Server) -> None:
    await server.listener.close()

    with pytest.raises(ConnectionRefusedError):
        await server.connect()


async def test_a_reader_that_does_not_read_cannot_hold_its_connection_open(
    server: Server,
) -> None:
    path = await server.path_of(await server.connect(receive_buffer_bytes=4096))
    await fill(path)

    path.close()

    assert await server.ledger.all_lost(1) == [path]
