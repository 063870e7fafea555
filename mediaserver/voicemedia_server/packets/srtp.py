"""libsrtp in place, through pylibsrtp's own cffi binding.

pylibsrtp's `Session` copies each packet in and out; here libsrtp works on the plane's buffers.
The private names (`_binding`, `Policy._policy`) are used in this file only and are held by
tests/mediaserver/packets/test_srtp.py.
"""

from __future__ import annotations

import socket
from typing import Any

from pylibsrtp import Policy, _binding

from voicemedia_server.ports import SrtpKeys, SrtpProfile

ffi = _binding.ffi
lib = _binding.lib

protect = lib.srtp_protect
unprotect = lib.srtp_unprotect
protect_rtcp = lib.srtp_protect_rtcp
unprotect_rtcp = lib.srtp_unprotect_rtcp

OK = 0
MALFORMED_STATUSES = (2, 21)  # srtp_err_status_bad_param, srtp_err_status_parse_err
REPLAY_STATUSES = (9, 10)  # srtp_err_status_replay_fail, srtp_err_status_replay_old

TRAILER_BYTES = 148  # the most that srtp_protect_rtcp may append
REPLAY_WINDOW_PACKETS = 1024

PROFILES = {
    SrtpProfile.AES128_CM_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SrtpProfile.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


class SrtpEnd:
    """One direction of one peer: `context` is libsrtp's `srtp_t`, freed with this object."""

    __slots__ = ("_owner", "context")

    def __init__(self, profile: SrtpProfile, key_and_salt: bytes, ssrc_type: int) -> None:
        policy = Policy(key=key_and_salt, ssrc_type=ssrc_type, srtp_profile=PROFILES[profile])
        policy.window_size = REPLAY_WINDOW_PACKETS
        context = ffi.new("srtp_t *")
        status = lib.srtp_create(context, policy._policy)
        if status != OK:
            raise AssertionError(f"libsrtp refused keys that DTLS agreed on (status {status})")
        self._owner = ffi.gc(context, lambda created: lib.srtp_dealloc(created[0]))
        self.context: Any = context[0]

    def forget_stream(self, ssrc: int) -> None:
        """Frees what libsrtp keeps for a source."""
        lib.srtp_remove_stream(self.context, socket.htonl(ssrc))


def open_ends(keys: SrtpKeys) -> tuple[SrtpEnd, SrtpEnd]:
    """The inbound and the outbound end."""
    return (
        SrtpEnd(keys.profile, keys.inbound, Policy.SSRC_ANY_INBOUND),
        SrtpEnd(keys.profile, keys.outbound, Policy.SSRC_ANY_OUTBOUND),
    )
