"""What the caller tells about the server under test."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

RFC_CONSENT_S = 30.0
"""RFC 7675 section 5.1: consent expires after 30 seconds."""


@dataclass(frozen=True, slots=True)
class Options:
    """`url` is the WHIP endpoint. What is None or False makes its checks not applicable.

    token: may publish and owns its sessions. other_token: also valid, of somebody else.
    insufficient_token: valid, but without the right to publish.
    admin_url: `POST {admin_url}/drain` and `/undrain` stop and restart the taking of sessions.
    is_echo: a `sendrecv` offer is answered `sendrecv` and heard back (a declared deviation).
    is_rate_limited: the server limits rates, and this run may exhaust them.
    trusts_forwarded: the server trusts `X-Forwarded-*` from here.
    capacity: how many sessions fit. setup_timeout_s: when a session that never connects is freed.
    consent_timeout_s: when a session whose client vanished is freed.
    answer_within_s: how long the slowest of 20 answers may take. connect_within_s: ICE, and DTLS.
    grace_s: how late the server may notice that a timeout is over.
    """

    url: str
    token: str | None = None
    other_token: str | None = None
    insufficient_token: str | None = None
    admin_url: str | None = None
    is_echo: bool = False
    is_rate_limited: bool = False
    trusts_forwarded: bool = False
    capacity: int | None = None
    setup_timeout_s: float | None = None
    consent_timeout_s: float = RFC_CONSENT_S
    answer_within_s: float = 1.0
    connect_within_s: float = 10.0
    grace_s: float = 5.0
    is_tls_verified: bool = True

    @property
    def host(self) -> str:
        """The host of the endpoint's URL."""
        return urlsplit(self.url).hostname or ""

    @property
    def direction(self) -> str:
        """What to offer so that as much as possible can be seen."""
        return "sendrecv" if self.is_echo else "sendonly"
