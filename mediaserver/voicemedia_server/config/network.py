"""Settings of where the server listens, and what it tells clients of that."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.dataclasses import dataclass

from voicemedia_server.config.fields import DAY_S, Group, option
from voicemedia_server.config.values import (
    AdvertisedList,
    IceServerList,
    Listen,
    ListenAddress,
    OptionalFile,
    OptionalListen,
    PublicAddress,
    ServerList,
    Whole,
)


@dataclass(frozen=True)
class NetworkSettings:
    """Listeners and addresses."""

    http: Listen = option(
        Group.LISTENERS,
        ListenAddress("127.0.0.1", 8080),
        "Where HTTP is answered: the page, /whip, /metrics, health. Port 0 lets the kernel choose. "
        "Only this machine by default, since without auth_mode anyone who reaches it may call.",
    )
    udp: Listen = option(
        Group.LISTENERS,
        ListenAddress("::", 3478),
        "The one media port. [::] takes IPv6 and IPv4, or IPv4 alone where the machine has no "
        "IPv6; 0.0.0.0 takes IPv4 alone. 3478 is STUN's own port, which firewalls often let pass.",
    )
    ice_tcp: bool = option(
        Group.LISTENERS,
        True,
        "Also take media over TCP on the same port number (ICE-TCP, RFC 6544), for networks that "
        "block UDP.",
    )
    admin: OptionalListen = option(
        Group.LISTENERS,
        ListenAddress("127.0.0.1", 8081),
        "Where whoever runs the server drains it, ends sessions, sees its fleet. Without "
        "admin_token_file it asks for no token: keep it local. Empty for nowhere.",
    )
    admin_token_file: OptionalFile = option(
        Group.LISTENERS,
        None,
        "A file with the bearer token that the admin port asks for, 32 bytes or more, for those "
        "who steer this server from another machine.",
    )
    tls_cert_file: OptionalFile = option(
        Group.LISTENERS,
        None,
        "PEM certificate chain; with it and tls_key_file the HTTP port speaks HTTPS.",
    )
    tls_key_file: OptionalFile = option(
        Group.LISTENERS, None, "PEM private key of tls_cert_file, without a passphrase."
    )

    advertise: AdvertisedList = option(
        Group.ADDRESSES,
        ("host",),
        "Addresses of the media port that clients are told, best first: host for all of this "
        "machine's own, stun for those and what the STUN servers see from outside, an address, or "
        "address:port where a port is forwarded. Needed outside a local network, since the "
        "server never connects out (ICE-lite).",
    )
    stun_servers: ServerList = option(
        Group.ADDRESSES,
        ("stun.l.google.com:19302", "stun.cloudflare.com:3478"),
        "STUN servers that are asked from the media port when advertise has stun; nobody waits "
        "for their answers.",
    )
    ice_servers: IceServerList = option(
        Group.ADDRESSES,
        (),
        "STUN and TURN servers that clients are told in Link header fields (RFC 9725 section "
        "4.6); rarely needed, since the media port itself is reachable.",
    )
    turn_secret_file: OptionalFile = option(
        Group.ADDRESSES,
        None,
        "File with the secret shared with the TURN servers (TURN REST convention): each client "
        "gets a user name and password of its own.",
    )
    turn_ttl_s: Whole = option(
        Group.ADDRESSES,
        3600,
        "Life of those TURN credentials: longer than most calls, short enough to be worth no "
        "theft.",
        ge=60,
        le=DAY_S,
    )


def contradictions(settings: NetworkSettings) -> Iterator[tuple[str, str]]:
    """Settings that cannot be together: the one to change, and a sentence about it."""
    yield from _contradictions_of_listeners(settings)
    yield from _contradictions_of_addresses(settings)


def _contradictions_of_listeners(settings: NetworkSettings) -> Iterator[tuple[str, str]]:
    if settings.tls_cert_file is not None and settings.tls_key_file is None:
        yield "tls_cert_file", "needs tls_key_file too"
    if settings.tls_key_file is not None and settings.tls_cert_file is None:
        yield "tls_key_file", "needs tls_cert_file too"
    if settings.admin is not None and settings.admin.meets(settings.http):
        yield "admin", f"is taken by http ({settings.http}); choose another port"
    if not settings.ice_tcp:
        return
    for name, other in (("http", settings.http), ("admin", settings.admin)):
        if other is not None and other.meets(settings.udp):
            yield name, f"is taken by ICE-TCP on udp's port ({settings.udp}); choose another port"


def _contradictions_of_addresses(settings: NetworkSettings) -> Iterator[tuple[str, str]]:
    if not settings.advertise:
        yield "advertise", "is empty, so that no client could reach the media port; write host"
    if "stun" in settings.advertise and not settings.stun_servers:
        yield "stun_servers", "is empty, but advertise has stun"
    if ":" not in settings.udp.host and any(
        isinstance(entry, PublicAddress) and entry.is_ipv6 for entry in settings.advertise
    ):
        yield "advertise", f"has an IPv6 address, but udp ({settings.udp}) takes IPv4 alone"
    needs_credentials = any(url.startswith("turn") for url in settings.ice_servers)
    if needs_credentials and settings.turn_secret_file is None:
        yield "ice_servers", "has a TURN server, for which clients need turn_secret_file"
