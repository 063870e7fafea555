"""Why a packet went no further: the closed list of reasons, each a label of a counter."""

from __future__ import annotations

from enum import StrEnum


class DropReason(StrEnum):
    """What made us discard a datagram or packet."""

    UNKNOWN_KIND = "unknown-kind"  # first byte in no range of RFC 7983
    TOO_LARGE = "too-large"  # over the receive buffer, or a TCP frame over the limit
    STUN_MALFORMED = "stun-malformed"
    STUN_NOT_A_CHECK = "stun-not-a-check"  # not a binding request with USERNAME, nor an answer
    STUN_UNKNOWN_UFRAG = "stun-unknown-ufrag"
    STUN_BAD_INTEGRITY = "stun-bad-integrity"
    STUN_REPLAYED = "stun-replayed"  # a check that was seen before from another address
    STUN_ROLE_CONFLICT = "stun-role-conflict"
    DTLS_UNBOUND = "dtls-unbound"  # from an address that no check has bound
    DTLS_BACKLOG = "dtls-backlog"
    RTP_UNBOUND = "rtp-unbound"
    RTP_BEFORE_KEYS = "rtp-before-keys"
    RTP_MALFORMED = "rtp-malformed"
    RTP_UNAUTHENTICATED = "rtp-unauthenticated"
    RTP_REPLAYED = "rtp-replayed"
    RTP_SSRC_FLOOD = "rtp-ssrc-flood"
    RTP_UNKNOWN_PAYLOAD_TYPE = "rtp-unknown-payload-type"
    RTP_VIDEO = "rtp-video"  # accepted in the answer, discarded by configuration
    RTCP_UNBOUND = "rtcp-unbound"
    RTCP_BEFORE_KEYS = "rtcp-before-keys"
    RTCP_MALFORMED = "rtcp-malformed"
    RTCP_UNAUTHENTICATED = "rtcp-unauthenticated"
    LISTENER_NOT_READY = "listener-not-ready"  # a subscription whose listener has no keys yet
    SEAL_REFUSED = "seal-refused"  # libsrtp would not seal it: a sequence number sent before
    SEND_FAILED = "send-failed"  # the kernel took no more
    TCP_BACKLOG = "tcp-backlog"  # a TCP listener that does not read
    NACK_REFUSED = "nack-refused"  # asked for too often, or not agreed on
    NACK_MISSED = "nack-missed"  # asked for what the speaker lost already, or is kept no more
    TRANSCODE_BACKLOG = "transcode-backlog"
    WEBSOCKET_BACKLOG = "websocket-backlog"  # a client that does not read: over 200 ms of audio
    WEBSOCKET_CLEARED = "websocket-cleared"  # the client wanted to hear it no more
