"""Who asks, and under which URL they know us, when trusted proxies stand between.

What proxies say counts only when the connection comes from a trusted network; the client is then
the last address in the chain that is not itself a trusted proxy. `X-Forwarded-*` counts before
`Forwarded` (RFC 7239): most proxies write the first and pass on whatever the client sent of the
other.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from aiohttp import web

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN = "unknown"
NODE = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[0-9.]+))(?::\d{1,5})?")
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
FORWARDED_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))\s*([;,]|\Z)')


class Clients:
    """Reads clients' addresses and our own URLs off requests."""

    def __init__(self, trusted_proxies: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted_proxies)

    def _is_trusted(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)

    def _is_proxied(self, request: web.Request) -> bool:
        return bool(self._trusted) and self._is_trusted(read_address(request.remote or ""))

    def key(self, request: web.Request) -> str:
        """What rate limits count by: the client's address, IPv6 by its /64. Never logged."""
        found = read_address(request.remote or "")
        if self._is_proxied(request):
            hops = [read_address(text) for text in _chain(request)]
            strangers = [hop for hop in hops if not self._is_trusted(hop)]
            found = strangers[-1] if strangers else found
        if found is None:
            return UNKNOWN
        if isinstance(found, ipaddress.IPv6Address):
            return str(ipaddress.IPv6Network((int(found), 64), strict=False))
        return str(found)

    def path(self, request: web.Request, path: str) -> str:
        """An absolute path as the client must ask for it, below the proxy's prefix if any."""
        if self._is_proxied(request):
            prefix = request.headers.get("X-Forwarded-Prefix", "").rstrip("/")
            if PREFIX.fullmatch(prefix):
                return prefix + path
        return path

    def url(self, request: web.Request, path: str) -> str:
        """The absolute URL of a path of ours, or the path where no usable host is known."""
        scheme, host = request.scheme, request.host
        if self._is_proxied(request):
            scheme = _first(request, "X-Forwarded-Proto", "proto").lower() or scheme
            host = _first(request, "X-Forwarded-Host", "host") or host
        if scheme not in ("http", "https") or not HOST.fullmatch(host):
            return self.path(request, path)
        return f"{scheme}://{host}{self.path(request, path)}"


def read_address(text: str) -> Address | None:
    """An address with or without a port, as proxies write it (RFC 7239 section 6).

    IPv4 inside of IPv6 is given as IPv4; `None` for a hidden or unknown one.
    """
    node = NODE.fullmatch(text)
    bare = (node["v6"] or node["v4"]) if node else text
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def read_forwarded(header: str) -> list[dict[str, str]]:
    """The hops of a `Forwarded` field, the first one nearest to the client (RFC 7239 section 4).

    Reading stops where the field stops making sense: what stands before was put there earlier
    and can be trusted less, so then nothing of it counts.
    """
    hops: list[dict[str, str]] = [{}]
    position = 0
    while position < len(header):
        pair = FORWARDED_PAIR.match(header, position)
        if pair is None:
            return []
        name, in_quotes, token, end = pair.groups()
        value = token if in_quotes is None else re.sub(r"\\(.)", r"\1", in_quotes)
        hops[-1].setdefault(name.lower(), value)
        if end == ",":
            hops.append({})
        position = pair.end()
    return [hop for hop in hops if hop]


def _joined(request: web.Request, name: str) -> str:
    """All lines of a list field as one: a proxy may add a line instead of a member."""
    return ",".join(request.headers.getall(name, ()))


def _chain(request: web.Request) -> list[str]:
    """The hops before us as they were written, the last one nearest to us."""
    listed = [part.strip() for part in _joined(request, "X-Forwarded-For").split(",")]
    if any(listed):
        return [part for part in listed if part]
    return [hop["for"] for hop in read_forwarded(_joined(request, "Forwarded")) if "for" in hop]


def _first(request: web.Request, name: str, parameter: str) -> str:
    """What the proxy nearest to the client said, by either field; empty when none did."""
    value = request.headers.get(name, "").partition(",")[0].strip()
    if value:
        return value
    hops = read_forwarded(_joined(request, "Forwarded"))
    return next((hop[parameter] for hop in hops if parameter in hop), "")
