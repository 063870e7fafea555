"""Who asks, and under which URL they know us, when trusted proxies stand between.

`X-Forwarded-*` counts only when the connection comes from a trusted network; the client is then
the last address in the chain that is not itself a trusted proxy.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from aiohttp import web

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Clients:
    """Reads clients' addresses and our own URLs off requests."""

    def __init__(self, trusted_proxies: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted_proxies)

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._trusted)

    def _is_proxied(self, request: web.Request) -> bool:
        return bool(self._trusted) and self._is_trusted(request.remote or "")

    def key(self, request: web.Request) -> str:
        """What rate limits count by: the client's address, IPv6 by its /64. Never logged."""
        found = request.remote or ""
        if self._is_proxied(request):
            chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
            strangers = [part for part in chain if part and not self._is_trusted(part)]
            found = strangers[-1] if strangers else found
        try:
            address = ipaddress.ip_address(found)
        except ValueError:
            return "unknown"
        if isinstance(address, ipaddress.IPv4Address):
            return str(address)
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))

    def path(self, request: web.Request, path: str) -> str:
        """An absolute path as the client must ask for it, below the proxy's prefix if any."""
        if self._is_proxied(request):
            prefix = request.headers.get("X-Forwarded-Prefix", "").rstrip("/")
            if prefix.startswith("/") and not prefix.startswith("//"):
                return prefix + path
        return path

    def url(self, request: web.Request, path: str) -> str:
        """The absolute URL of a path of ours."""
        scheme, host = request.scheme, request.host
        if self._is_proxied(request):
            forwarded = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip()
            scheme = forwarded if forwarded in ("http", "https") else scheme
            host = request.headers.get("X-Forwarded-Host", host).partition(",")[0].strip() or host
        return f"{scheme}://{host}{self.path(request, path)}"
