"""Datagrams in batches over one UDP socket, in buffers that are reused.

A `DatagramSocket` fills its buffers by `receive()`; the plane opens, rewrites and seals a packet
where it lies and queues it from there, and `flush()` hands the whole batch to the kernel. Nothing
here knows what a datagram holds. `MmsgSocket` moves a batch in one system call (Linux recvmmsg
and sendmmsg, called through cffi, so that no compiler is needed); `PlainSocket` does the same
with the standard library, one call a datagram, wherever those calls do not exist.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import struct
import sys
from typing import Any, Protocol

import structlog
from cffi import FFI

from voicemedia_server.ports import PathKey

log = structlog.get_logger("packets")

SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python does not name it
BATCH = 64
BUFFER_BYTES = 6144  # 60 ms of L16 at 48 kHz, which edges other than WebRTC carry, and headers
LARGEST_DATAGRAM_BYTES = BUFFER_BYTES - 192  # leaves room for the SRTP tag and SRTCP index

ffi = FFI()
ffi.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr {
        void *msg_name; unsigned int msg_namelen;
        struct iovec *msg_iov; size_t msg_iovlen;
        void *msg_control; size_t msg_controllen;
        int msg_flags;
    };
    struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
    int recvmmsg(int, struct mmsghdr *, unsigned int, int, void *);
    int sendmmsg(int, struct mmsghdr *, unsigned int, int);
    """
)


class Slot:
    """A buffer that holds one datagram, and the RTP header fields that were read from it.

    `buffer` is a cffi pointer, `view` the same memory as a Python buffer; `second` is the second
    byte of the header (marker and payload type).
    """

    __slots__ = ("buffer", "length", "second", "sequence", "ssrc", "timestamp", "view")

    def __init__(self) -> None:
        self.buffer = ffi.new("unsigned char[]", BUFFER_BYTES)
        self.view = ffi.buffer(self.buffer)
        self.length = 0
        self.second = 0
        self.sequence = 0
        self.timestamp = 0
        self.ssrc = 0

    def fill(self, datagram: bytes) -> None:
        """Copies a datagram in."""
        self.length = len(datagram)
        self.view[: self.length] = datagram


class DatagramSocket(Protocol):
    """A UDP socket with a batch of receive slots.

    After `receive()` returned n, the first n `slots` are filled; slot i came from `path(i)`.
    """

    slots: list[Slot]

    def fileno(self) -> int: ...

    def receive(self) -> int:
        """How many datagrams were read; 0 when there are none."""
        ...

    def path(self, index: int) -> PathKey: ...

    def destination(self, path: PathKey) -> Any:
        """The path in the form that `queue` takes."""
        ...

    def address_of(self, path: PathKey) -> tuple[str, int]: ...

    def path_to(self, host: str, port: int) -> PathKey: ...

    def queue(self, slot: Slot, destination: Any) -> None:
        """Sends the slot at the next flush; it must not change until then."""
        ...

    def queue_copy(self, datagram: bytes, destination: Any) -> None: ...

    def flush(self) -> int:
        """Sends what is queued, in order. Returns how many the kernel did not take."""
        ...

    def close(self) -> None: ...


def open_udp(host: str, port: int, receive_buffer_bytes: int) -> socket.socket:
    """A bound, non-blocking UDP socket; `::` takes IPv4 too. Raises `OSError`."""
    is_ipv6 = ":" in host
    udp = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        if is_ipv6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            udp.setsockopt(socket.SOL_SOCKET, option, receive_buffer_bytes)
        if sys.platform.startswith("linux"):
            with contextlib.suppress(PermissionError):  # without CAP_NET_ADMIN the cap stays
                udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer_bytes)
        udp.bind((host, port))
    except OSError:
        udp.close()
        raise
    return udp


def plain_address(host: str, port: int) -> tuple[str, int]:
    """Host and port; an IPv4 address that was mapped into IPv6 is given as IPv4 again."""
    if ":" in host:
        mapped = ipaddress.IPv6Address(host.partition("%")[0]).ipv4_mapped
        if mapped is not None:
            return str(mapped), port
    return host, port


def open_datagrams(udp: socket.socket) -> DatagramSocket:
    """The fastest `DatagramSocket` that this system has."""
    is_linux = sys.platform.startswith("linux")
    return MmsgSocket(udp) if is_linux else PlainSocket(udp)


class MmsgSocket:
    """recvmmsg and sendmmsg. A path is the raw socket address, a destination a cffi copy of it."""

    def __init__(self, udp: socket.socket) -> None:
        self._udp = udp
        self._fd = udp.fileno()
        self._libc: Any = ffi.dlopen(None)  # cffi learns its functions at run time
        self._is_ipv6 = udp.family == socket.AF_INET6
        self._name_bytes = 28 if self._is_ipv6 else 16
        self._copies: list[Any] = []
        self.slots = [Slot() for _ in range(BATCH)]

        self._in_names = [ffi.new("char[]", self._name_bytes) for _ in range(BATCH)]
        self._in_name_views = [ffi.buffer(name) for name in self._in_names]
        self._in_iovecs = ffi.new("struct iovec[]", BATCH)
        self._in_messages = ffi.new("struct mmsghdr[]", BATCH)
        self._in_headers = [self._in_messages[i] for i in range(BATCH)]
        for i in range(BATCH):
            self._in_iovecs[i].iov_base = self.slots[i].buffer
            self._in_iovecs[i].iov_len = BUFFER_BYTES
            header = self._in_messages[i].msg_hdr
            header.msg_name = self._in_names[i]
            header.msg_namelen = self._name_bytes
            header.msg_iov = ffi.addressof(self._in_iovecs, i)
            header.msg_iovlen = 1

        self._out_iovecs = ffi.new("struct iovec[]", BATCH)
        self._out_messages = ffi.new("struct mmsghdr[]", BATCH)
        self._out_slots: list[tuple[Any, Any]] = []
        for i in range(BATCH):
            header = self._out_messages[i].msg_hdr
            header.msg_namelen = self._name_bytes
            header.msg_iov = ffi.addressof(self._out_iovecs, i)
            header.msg_iovlen = 1
            self._out_slots.append((self._out_iovecs[i], header))
        self._queued = 0
        self._refused = 0

    def fileno(self) -> int:
        return self._fd

    def receive(self) -> int:
        count: int = self._libc.recvmmsg(
            self._fd, self._in_messages, BATCH, socket.MSG_DONTWAIT, ffi.NULL
        )
        if count < 0:
            return 0
        slots = self.slots
        headers = self._in_headers
        for i in range(count):
            slots[i].length = headers[i].msg_len
        return count

    def path(self, index: int) -> bytes:
        path: bytes = self._in_name_views[index][:]
        return path

    def destination(self, path: PathKey) -> Any:
        assert isinstance(path, bytes), "a UDP path of this socket is raw bytes"
        return ffi.new("char[]", path)

    def address_of(self, path: PathKey) -> tuple[str, int]:
        assert isinstance(path, bytes), "a UDP path of this socket is raw bytes"
        (port,) = struct.unpack_from("!H", path, 2)
        if self._is_ipv6:
            return plain_address(socket.inet_ntop(socket.AF_INET6, path[8:24]), port)
        return socket.inet_ntop(socket.AF_INET, path[4:8]), port

    def path_to(self, host: str, port: int) -> bytes:
        family = struct.pack("=H", self._udp.family)
        if self._is_ipv6:
            address = ipaddress.ip_address(host)
            packed = (
                address.packed
                if isinstance(address, ipaddress.IPv6Address)
                else b"\0" * 10 + b"\xff\xff" + address.packed
            )
            return family + struct.pack("!HI", port, 0) + packed + bytes(4)
        return family + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)

    def queue(self, slot: Slot, destination: Any) -> None:
        self._queue(slot.buffer, slot.length, destination)

    def _queue(self, buffer: Any, length: int, destination: Any) -> None:
        if self._queued == BATCH:
            self._refused += self._send()
        iovec, header = self._out_slots[self._queued]
        iovec.iov_base = buffer
        iovec.iov_len = length
        header.msg_name = destination
        self._queued += 1

    def queue_copy(self, datagram: bytes, destination: Any) -> None:
        copy = ffi.from_buffer(datagram)
        self._copies.append((copy, destination))
        self._queue(copy, len(datagram), destination)

    def flush(self) -> int:
        refused = self._refused + (self._send() if self._queued else 0)
        self._refused = 0
        self._copies.clear()
        return refused

    def _send(self) -> int:
        queued, sent, refused = self._queued, 0, 0
        self._queued = 0
        while sent < queued:
            count = self._libc.sendmmsg(
                self._fd, self._out_messages + sent, queued - sent, socket.MSG_DONTWAIT
            )
            if count > 0:
                sent += count
            elif ffi.errno == errno.EINTR:
                continue
            else:  # the first one cannot be sent (full buffer, no route): it alone is lost
                refused += 1
                sent += 1
        return refused

    def close(self) -> None:
        self._udp.close()


class PlainSocket:
    """recvfrom_into and sendto. A path is the address tuple of the standard library."""

    def __init__(self, udp: socket.socket) -> None:
        self._udp = udp
        self._paths: list[Any] = [None] * BATCH
        self._queued: list[tuple[Any, Any]] = []
        self.slots = [Slot() for _ in range(BATCH)]

    def fileno(self) -> int:
        return self._udp.fileno()

    def receive(self) -> int:
        for i in range(BATCH):
            try:
                slot = self.slots[i]
                slot.length, self._paths[i] = self._udp.recvfrom_into(slot.view)
            except (BlockingIOError, InterruptedError):
                return i
            except OSError:  # an earlier datagram of ours was refused: nothing was read
                return i
        return BATCH

    def path(self, index: int) -> PathKey:
        path: PathKey = self._paths[index]
        return path

    def destination(self, path: PathKey) -> Any:
        return path

    def address_of(self, path: PathKey) -> tuple[str, int]:
        assert isinstance(path, tuple), "a UDP path of this socket is an address tuple"
        return plain_address(path[0], path[1])

    def path_to(self, host: str, port: int) -> PathKey:
        if self._udp.family == socket.AF_INET6:
            return (f"::ffff:{host}" if ":" not in host else host, port, 0, 0)
        return host, port

    def queue(self, slot: Slot, destination: Any) -> None:
        self._queued.append((slot.view[: slot.length], destination))

    def queue_copy(self, datagram: bytes, destination: Any) -> None:
        self._queued.append((datagram, destination))

    def flush(self) -> int:
        refused = 0
        for datagram, destination in self._queued:
            try:
                self._udp.sendto(datagram, destination)
            except OSError:
                refused += 1
        self._queued.clear()
        return refused

    def close(self) -> None:
        self._udp.close()


def capped_receive_buffer_bytes(udp: socket.socket, wanted_bytes: int) -> int | None:
    """What the kernel granted, where that is less than was asked for; else `None`."""
    granted_bytes = udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if sys.platform.startswith("linux"):
        granted_bytes //= 2  # Linux doubles the value for its own book-keeping
    return granted_bytes if granted_bytes < wanted_bytes else None


def has_ipv6() -> bool:
    """Whether a dual-stack socket can be opened here."""
    if not socket.has_ipv6:
        return False
    try:
        open_udp("::", 0, 65536).close()
    except OSError:
        return False
    return True


def media_host(wanted: str, *, has_ipv6: bool) -> str:
    """Where media is listened for: on IPv4 alone where both were wanted, but there is no IPv6."""
    if wanted == "::" and not has_ipv6:
        log.info("this machine has no IPv6; media goes over IPv4 alone")
        return "0.0.0.0"
    return wanted
