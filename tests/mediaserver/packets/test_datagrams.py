"""Both sockets are one contract: every test here runs on each of them."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicemedia_server.packets.datagrams import (
    BATCH,
    BUFFER_BYTES,
    LARGEST_DATAGRAM_BYTES,
    DatagramSocket,
    MmsgSocket,
    PlainSocket,
    Slot,
    capped_receive_buffer_bytes,
    has_ipv6,
    media_host,
    open_datagrams,
    open_udp,
    plain_address,
)

BUFFER = 1024 * 1024
OpenDatagrams = Callable[[socket.socket], DatagramSocket]
LISTEN_HOSTS = ["127.0.0.1", *(["::1", "::"] if has_ipv6() else [])]


@pytest.fixture(params=[MmsgSocket, PlainSocket])
def open_with(request: pytest.FixtureRequest) -> OpenDatagrams:
    """Makes a `DatagramSocket` of a socket."""
    make: OpenDatagrams = request.param
    return make


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """Closes what a test has opened."""
    with contextlib.ExitStack() as opened:
        yield opened


def listen(
    open_with: OpenDatagrams, stack: contextlib.ExitStack, host: str = "127.0.0.1"
) -> tuple[DatagramSocket, int]:
    """A socket under test, and its port."""
    udp = open_udp(host, 0, BUFFER)
    datagrams = open_with(udp)
    stack.callback(datagrams.close)
    return datagrams, udp.getsockname()[1]


def a_client(stack: contextlib.ExitStack, host: str = "127.0.0.1") -> socket.socket:
    """A plain socket of the standard library on the other side, with a deadline."""
    is_ipv6 = ":" in host
    client = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    stack.enter_context(client)
    client.bind((host, 0))
    client.settimeout(5)
    return client


def a_slot(datagram: bytes) -> Slot:
    """A buffer that holds this datagram."""
    slot = Slot()
    slot.fill(datagram)
    return slot


def received(datagrams: DatagramSocket) -> list[bytes]:
    """Everything that waits, batch after batch."""
    found: list[bytes] = []
    while count := datagrams.receive():
        found += [slot.view[: slot.length] for slot in datagrams.slots[:count]]
    return found


def numbered(count: int) -> list[bytes]:
    """Datagrams that tell their order, each of another length."""
    return [b"%04d" % i + bytes(i) for i in range(count)]


# -- receiving ------------------------------------------------------------------------------


def test_an_empty_socket_gives_nothing_and_does_not_wait(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, _ = listen(open_with, stack)

    assert datagrams.receive() == 0


def test_more_than_a_batch_comes_in_batches_and_in_order(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, port = listen(open_with, stack)
    client = a_client(stack)
    for datagram in numbered(2 * BATCH + 10):
        client.sendto(datagram, ("127.0.0.1", port))

    assert [datagrams.receive() for _ in range(4)] == [BATCH, BATCH, 10, 0]


def test_each_datagram_keeps_its_bytes_its_length_and_its_place(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, port = listen(open_with, stack)
    client = a_client(stack)
    sent = numbered(3 * BATCH)
    for datagram in sent:
        client.sendto(datagram, ("127.0.0.1", port))

    assert received(datagrams) == sent


@pytest.mark.parametrize("size", [LARGEST_DATAGRAM_BYTES + 1, BUFFER_BYTES, BUFFER_BYTES + 1, 9000])
def test_a_datagram_that_is_too_large_shows_as_too_large(
    open_with: OpenDatagrams, stack: contextlib.ExitStack, size: int
) -> None:
    datagrams, port = listen(open_with, stack)
    a_client(stack).sendto(bytes(size), ("127.0.0.1", port))

    assert datagrams.receive() == 1
    assert datagrams.slots[0].length > LARGEST_DATAGRAM_BYTES


def test_an_empty_datagram_is_a_datagram(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, port = listen(open_with, stack)
    a_client(stack).sendto(b"", ("127.0.0.1", port))

    assert datagrams.receive() == 1
    assert datagrams.slots[0].length == 0


# -- paths ----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", LISTEN_HOSTS)
def test_a_reply_to_the_path_of_a_datagram_reaches_its_sender(
    open_with: OpenDatagrams, stack: contextlib.ExitStack, host: str
) -> None:
    datagrams, port = listen(open_with, stack, host)
    client_host = "::1" if ":" in host else host
    client = a_client(stack, client_host)
    client.sendto(b"question", (client_host, port))
    datagrams.receive()

    datagrams.queue(a_slot(b"answer"), datagrams.destination(datagrams.path(0)))

    assert datagrams.flush() == 0
    assert client.recvfrom(100)[0] == b"answer"


@pytest.mark.parametrize("host", LISTEN_HOSTS)
def test_the_path_of_a_datagram_is_the_path_to_its_sender(
    open_with: OpenDatagrams, stack: contextlib.ExitStack, host: str
) -> None:
    datagrams, port = listen(open_with, stack, host)
    client_host = "::1" if ":" in host else host
    client = a_client(stack, client_host)
    client.sendto(b"question", (client_host, port))
    datagrams.receive()

    path = datagrams.path(0)

    assert path == datagrams.path_to(*client.getsockname()[:2])
    assert datagrams.address_of(path) == client.getsockname()[:2]


@pytest.mark.parametrize("listen_host", [h for h in LISTEN_HOSTS if h == "::"])
def test_a_dual_stack_socket_knows_an_ipv4_client_by_its_ipv4_address(
    open_with: OpenDatagrams, stack: contextlib.ExitStack, listen_host: str
) -> None:
    datagrams, port = listen(open_with, stack, listen_host)
    client = a_client(stack, "127.0.0.1")
    client.sendto(b"question", ("127.0.0.1", port))
    datagrams.receive()

    path = datagrams.path(0)

    assert datagrams.address_of(path) == client.getsockname()
    assert path == datagrams.path_to(*client.getsockname())
    datagrams.queue_copy(b"answer", datagrams.destination(path))
    datagrams.flush()
    assert client.recv(100) == b"answer"


@given(address=st.ip_addresses(v=4), port=st.integers(1, 65535))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_an_ipv4_address_comes_back_from_its_path(
    open_with: OpenDatagrams, address: object, port: int
) -> None:
    with contextlib.ExitStack() as opened:
        for host in (h for h in LISTEN_HOSTS if h != "::1"):
            datagrams, _ = listen(open_with, opened, host)
            path = datagrams.path_to(str(address), port)
            assert datagrams.address_of(path) == (str(address), port)


@pytest.mark.parametrize("listen_host", [h for h in LISTEN_HOSTS if h == "::"])
@given(address=st.ip_addresses(v=6), port=st.integers(1, 65535))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_an_ipv6_address_comes_back_from_its_path(
    open_with: OpenDatagrams, listen_host: str, address: object, port: int
) -> None:
    with contextlib.ExitStack() as opened:
        datagrams, _ = listen(open_with, opened, listen_host)
        path = datagrams.path_to(str(address), port)

        assert datagrams.address_of(path) == plain_address(str(address), port)


def test_paths_of_two_clients_are_told_apart(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, port = listen(open_with, stack)
    for client in (a_client(stack), a_client(stack)):
        client.sendto(b"hello", ("127.0.0.1", port))
    datagrams.receive()

    assert datagrams.path(0) != datagrams.path(1)


def test_a_path_outlives_the_batch_that_it_came_with(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, port = listen(open_with, stack)
    first, second = a_client(stack), a_client(stack)
    first.sendto(b"hello", ("127.0.0.1", port))
    datagrams.receive()
    path = datagrams.path(0)
    second.sendto(b"hello", ("127.0.0.1", port))
    datagrams.receive()

    assert datagrams.address_of(path) == first.getsockname()


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_only_a_mapped_address_is_given_as_ipv4(host: str, plain: str) -> None:
    assert plain_address(host, 9) == (plain, 9)


# -- sending --------------------------------------------------------------------------------


def test_nothing_leaves_before_the_flush(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, _ = listen(open_with, stack)
    client = a_client(stack)
    to = datagrams.destination(datagrams.path_to(*client.getsockname()))
    client.setblocking(False)

    datagrams.queue(a_slot(b"later"), to)

    with pytest.raises(BlockingIOError):
        client.recv(100)
    datagrams.flush()
    assert client.recv(100) == b"later"


def test_more_than_a_batch_can_be_queued_and_leaves_in_order(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, _ = listen(open_with, stack)
    client = a_client(stack)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    to = datagrams.destination(datagrams.path_to(*client.getsockname()))
    sent = numbered(2 * BATCH + 10)

    slots = [a_slot(datagram) for datagram in sent]
    for slot in slots:
        datagrams.queue(slot, to)

    assert datagrams.flush() == 0
    assert [client.recv(2000) for _ in sent] == sent


def test_slots_and_copies_leave_in_the_order_in_which_they_were_queued(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, _ = listen(open_with, stack)
    client = a_client(stack)
    to = datagrams.destination(datagrams.path_to(*client.getsockname()))

    slots = [a_slot(b"one"), a_slot(b"three")]
    datagrams.queue(slots[0], to)
    datagrams.queue_copy(b"two", to)
    datagrams.queue(slots[1], to)
    datagrams.flush()

    assert [client.recv(100) for _ in range(3)] == [b"one", b"two", b"three"]


def test_one_batch_goes_to_many_clients(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, _ = listen(open_with, stack)
    clients = [a_client(stack) for _ in range(BATCH + 2)]

    for i, client in enumerate(clients):
        to = datagrams.destination(datagrams.path_to(*client.getsockname()))
        datagrams.queue_copy(b"%d" % i, to)
    datagrams.flush()

    assert [client.recv(100) for client in clients] == [b"%d" % i for i in range(BATCH + 2)]


def test_a_datagram_goes_out_as_it_was_received(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, port = listen(open_with, stack)
    client = a_client(stack)
    for datagram in (b"ping", b"a longer ping"):
        client.sendto(datagram, ("127.0.0.1", port))

    for i in range(datagrams.receive()):
        slot = datagrams.slots[i]
        slot.view[0:1] = b"P"
        datagrams.queue(slot, datagrams.destination(datagrams.path(i)))
    datagrams.flush()

    assert [client.recv(100) for _ in range(2)] == [b"Ping", b"P longer ping"]


def test_a_flush_of_nothing_sends_nothing(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, _ = listen(open_with, stack)

    assert datagrams.flush() == 0


# -- what the kernel refuses ----------------------------------------------------------------


@pytest.mark.parametrize("position", [0, 1, 2, BATCH, BATCH + 1])
def test_a_refused_datagram_is_counted_and_the_others_of_its_batch_leave(
    open_with: OpenDatagrams, stack: contextlib.ExitStack, position: int
) -> None:
    datagrams, _ = listen(open_with, stack)
    client = a_client(stack)
    good = datagrams.destination(datagrams.path_to(*client.getsockname()))
    bad = datagrams.destination(datagrams.path_to("127.0.0.1", 0))  # no such port: EINVAL
    sent = numbered(BATCH + 2)

    for i, datagram in enumerate(sent):
        datagrams.queue_copy(datagram, bad if i == position else good)

    assert datagrams.flush() == 1
    expected = [datagram for i, datagram in enumerate(sent) if i != position]
    assert [client.recv(2000) for _ in expected] == expected


def test_refused_datagrams_are_counted_once(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, _ = listen(open_with, stack)
    bad = datagrams.destination(datagrams.path_to("127.0.0.1", 0))
    for _ in range(BATCH + 3):
        datagrams.queue_copy(b"lost", bad)

    assert datagrams.flush() == BATCH + 3
    assert datagrams.flush() == 0


def test_a_datagram_over_the_limit_of_udp_is_refused(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    datagrams, _ = listen(open_with, stack)
    client = a_client(stack)

    datagrams.queue_copy(
        bytes(65_508), datagrams.destination(datagrams.path_to(*client.getsockname()))
    )

    assert datagrams.flush() == 1


def test_a_kernel_that_takes_no_more_costs_only_what_it_does_not_take(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    """A local socket says EAGAIN when its reader is behind; UDP on loopback never does."""
    name = b"\0" + f"{id(stack):013x}".encode()[-13:]  # fills a 16 byte socket address
    reader = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    stack.enter_context(reader)
    reader.bind(name)
    reader.setblocking(False)
    writer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    writer.setblocking(False)
    datagrams = open_with(writer)
    stack.callback(datagrams.close)
    address = struct.pack("=H", socket.AF_UNIX) + name
    to = datagrams.destination(name) if open_with is PlainSocket else datagrams.destination(address)

    for datagram in numbered(60):
        datagrams.queue_copy(datagram, to)
    refused = datagrams.flush()

    taken = []
    with contextlib.suppress(BlockingIOError):
        while True:
            taken.append(reader.recv(2000))
    assert 0 < refused < 60
    assert taken == numbered(60)[: 60 - refused]


def test_a_port_that_nobody_listens_on_costs_a_datagram_and_not_the_socket(
    open_with: OpenDatagrams, stack: contextlib.ExitStack
) -> None:
    """Only a connected socket is told of it (ECONNREFUSED): on the next call, whatever it is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()
    udp = open_udp("127.0.0.1", 0, BUFFER)
    datagrams = open_with(udp)
    stack.callback(datagrams.close)
    udp.connect(nobody)
    to = datagrams.destination(datagrams.path_to(*nobody))

    refused = []
    for _ in range(3):
        datagrams.queue_copy(b"anybody?", to)
        refused.append(datagrams.flush())
    waiting = udp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    assert refused == [0, 1, 0]
    assert waiting == errno.ECONNREFUSED
    datagrams.queue_copy(b"anybody?", to)
    datagrams.flush()
    assert datagrams.receive() == 0


# -- opening --------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_an_error_and_leaves_no_socket_open(
    stack: contextlib.ExitStack,
) -> None:
    _, port = listen(PlainSocket, stack)

    with pytest.raises(OSError, match="in use"):
        open_udp("127.0.0.1", port, BUFFER)


def test_a_socket_on_all_ipv4_addresses_is_no_ipv6_socket(stack: contextlib.ExitStack) -> None:
    udp = stack.enter_context(open_udp("0.0.0.0", 0, BUFFER))

    assert udp.family == socket.AF_INET


def test_linux_gets_the_socket_that_moves_batches(stack: contextlib.ExitStack) -> None:
    udp = stack.enter_context(open_udp("127.0.0.1", 0, BUFFER))

    assert isinstance(open_datagrams(udp), MmsgSocket)


def test_a_buffer_that_was_granted_whole_is_not_called_capped(stack: contextlib.ExitStack) -> None:
    udp = stack.enter_context(open_udp("127.0.0.1", 0, 64 * 1024))

    assert capped_receive_buffer_bytes(udp, 64 * 1024) is None


def test_a_buffer_that_the_kernel_cut_tells_what_was_granted(stack: contextlib.ExitStack) -> None:
    udp = stack.enter_context(open_udp("127.0.0.1", 0, 64 * 1024))

    assert capped_receive_buffer_bytes(udp, 1 << 40) == 64 * 1024


@pytest.mark.parametrize(
    ("wanted", "has_ipv6", "host"),
    [
        ("::", True, "::"),
        ("::", False, "0.0.0.0"),
        ("::1", False, "::1"),
        ("0.0.0.0", True, "0.0.0.0"),
    ],
)
def test_without_ipv6_media_goes_over_ipv4_alone(wanted: str, has_ipv6: bool, host: str) -> None:
    assert media_host(wanted, has_ipv6=has_ipv6) == host
