"""Which addresses we tell clients: given ones, the host's own, or what a STUN server saw."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ifaddr

from voicemedia_server.ports import Endpoint

HOST_PREFERENCE = 126  # RFC 8445 section 5.1.2.2
TCP_HOST_PREFERENCE = 90  # below any UDP candidate (RFC 6544 section 4.2)
PASSIVE_DIRECTION_PREFERENCE = 4 << 13  # RFC 6544 section 4.2, host candidates


@dataclass(frozen=True, slots=True)
class Advertised:
    """An address under which clients reach the media socket. `port` None: the socket's own."""

    host: str
    port: int | None = None


def host_addresses(listen_host: str, *, with_loopback: bool) -> tuple[Advertised, ...]:
    """The host's own addresses that a socket on `listen_host` answers at, loopback last.

    Link-local addresses are left out: without a zone nobody can use them.
    """
    if listen_host not in ("0.0.0.0", "::"):
        return (Advertised(listen_host),)
    found = [_text(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    parsed = [ipaddress.ip_address(host) for host in found]
    usable = [
        address
        for address in dict.fromkeys(parsed)
        if not address.is_link_local
        and (address.version == 4 or listen_host == "::")
        and (with_loopback or not address.is_loopback)
    ]
    usable.sort(key=lambda address: (address.is_loopback, address.version))
    return tuple(Advertised(str(address)) for address in usable)


def _text(ip: str | tuple[str, int, int]) -> str:
    return ip if isinstance(ip, str) else ip[0]


def candidates(addresses: Sequence[Advertised], endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    """Candidate attributes for every address on every endpoint (RFC 8839 section 5.1)."""
    lines = []
    for endpoint in endpoints:
        for position, address in enumerate(addresses):
            port = address.port if address.port is not None else endpoint.port
            if endpoint.is_tcp:
                local = PASSIVE_DIRECTION_PREFERENCE | max(0, 8191 - position)
                priority = TCP_HOST_PREFERENCE << 24 | local << 8 | 255
                foundation, kind = f"t{position + 1}", "tcp"
            else:
                priority = HOST_PREFERENCE << 24 | max(0, 65535 - position) << 8 | 255
                foundation, kind = f"u{position + 1}", "udp"
            line = f"{foundation} 1 {kind} {priority} {address.host} {port} typ host"
            lines.append(f"{line} tcptype passive" if endpoint.is_tcp else line)
    return tuple(lines)


def are_all_private(addresses: Iterable[Advertised]) -> bool:
    """Nobody outside this network can reach an ICE-lite server here (RFC 9725 section 4.4)."""
    return all(ipaddress.ip_address(a.host).is_private for a in addresses)
