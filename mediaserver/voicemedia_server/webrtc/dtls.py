"""aiortc's DTLS on an ICE transport of ours. Every private name of aiortc that we use is here.

Held by tests/mediaserver/webrtc/test_dtls.py; should a release move them, pyOpenSSL itself offers
all that is needed (DTLS, SRTP profiles, the exporter) in public.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import cast

from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL

from voicemedia_server.ports import SrtpKeys, SrtpProfile
from voicemedia_server.sessions.offer import Fingerprint

MAX_WAITING_DATAGRAMS = 16
SRTP_EXPORTER = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2
PREFERENCE = [
    profile.encode()
    for profile in (
        SrtpProfile.AEAD_AES_128_GCM,  # the cheapest to seal and open
        SrtpProfile.AES128_CM_SHA1_80,
        SrtpProfile.AEAD_AES_256_GCM,
    )
]
"""The passive side chooses the profile (RFC 5764 section 4.1.1)."""


class HandshakeFailed(Exception):
    """The DTLS handshake did not end with keys: an alert, a wrong certificate, no profile."""


class Certificate(RTCCertificate):
    """A self-signed certificate whose OpenSSL context is made once, not once a session."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            by_cost = sorted(srtp_profiles, key=lambda p: PREFERENCE.index(p.openssl_profile))
            self._context = super()._create_ssl_context(by_cost)
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Its SHA-256 (RFC 8122)."""
        digest = next(f for f in self.getFingerprints() if f.algorithm == "sha-256")
        return Fingerprint(digest.algorithm, digest.value)


class _Pipe:
    """What `RTCDtlsTransport` asks of an ICE transport: datagrams in order, and a way out."""

    role = "controlling"  # aiortc makes the controlling side the DTLS server

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send_datagram = send
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_WAITING_DATAGRAMS)

    def put(self, datagram: bytes | None) -> bool:
        if self._waiting.full():
            return False
        self._waiting.put_nowait(datagram)
        return True

    async def _recv(self) -> bytes:
        datagram = await self._waiting.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, datagram: bytes) -> None:
        self._send_datagram(datagram)


class _Transport(RTCDtlsTransport):
    """Gives the keys away instead of opening SRTP itself: that is the packet plane's work."""

    keys: SrtpKeys | None = None

    def _setup_srtp(self) -> None:
        assert self._ssl is not None, "start() made it before the handshake"
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((p for p in SRTP_PROFILES if p.openssl_profile == chosen), None)
        if profile is None:
            self._set_state(type(self._state).FAILED)
            return
        material = self._ssl.export_keying_material(
            SRTP_EXPORTER, 2 * (profile.key_length + profile.salt_length)
        )
        self.keys = SrtpKeys(
            profile=SrtpProfile(profile.openssl_profile.decode()),
            inbound=profile.get_key_and_salt(material, 0),
            outbound=profile.get_key_and_salt(material, 1),
        )


class DtlsServer:
    """The passive side of one DTLS association."""

    def __init__(
        self,
        certificate: Certificate,
        remote: tuple[Fingerprint, ...],
        send: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._pipe = _Pipe(send)
        # A duck: RTCDtlsTransport reads `role`, `_recv` and `_send` of it, nothing else.
        self._transport = _Transport(cast(RTCIceTransport, self._pipe), [certificate])
        self._remote = RTCDtlsParameters(
            fingerprints=[RTCDtlsFingerprint(f.algorithm, f.value) for f in remote]
        )
        self._on_closed = on_closed

    def receive(self, datagram: bytes) -> bool:
        """Takes a datagram; False when too many are waiting and it was dropped."""
        return self._pipe.put(datagram)

    async def handshake(self) -> SrtpKeys:
        """Waits for the client's handshake. Raises `HandshakeFailed`."""
        await self._transport.start(self._remote)
        keys, self._transport.keys = self._transport.keys, None
        if keys is None:
            raise HandshakeFailed
        self._transport.on("statechange", self._state_changed)
        return keys

    def _state_changed(self) -> None:
        if self._transport.state == "closed":
            self._on_closed()

    async def close(self) -> None:
        """Sends close_notify and ends aiortc's task."""
        self._transport.remove_all_listeners()
        pump = self._transport._task
        await self._transport.stop()
        if pump is not None:
            await asyncio.wait([pump])
