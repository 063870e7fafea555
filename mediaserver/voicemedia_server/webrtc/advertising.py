"""Which addresses the settings have clients be told at the start, and whether those suffice."""

from __future__ import annotations

from collections.abc import Sequence

from voicemedia_server.config.settings import Settings
from voicemedia_server.config.values import PublicAddress
from voicemedia_server.webrtc.addresses import Advertised, are_all_private, host_addresses


def known_addresses(settings: Settings, listen_host: str) -> tuple[Advertised, ...]:
    """The addresses that are known at the start, in the order of the setting.

    Where STUN is asked, the machine's own stand in until there is an answer. Loopback is told
    where HTTP is open to this machine alone, or where there is nothing else.
    """
    found: list[Advertised] = []
    for entry in settings.advertise:
        if isinstance(entry, PublicAddress):
            found.append(Advertised(entry.host, entry.port))
        else:
            found += host_addresses(listen_host, with_loopback=settings.http.is_loopback)
    return tuple(dict.fromkeys(found or host_addresses(listen_host, with_loopback=True)))


def is_out_of_reach(settings: Settings, addresses: Sequence[Advertised]) -> bool:
    """HTTP is open to others, but nobody beyond this network is told where media goes."""
    return not settings.http.is_loopback and are_all_private(addresses)
