"""Settings of WHIP and WebSocket v2, and of which of them a client is given."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from voicemedia_server.config.fields import DAY_S, Group, option
from voicemedia_server.config.values import (
    Number,
    OptionalFile,
    Whole,
)


@dataclass(frozen=True)
class TransportSettings:
    """Transports, and the choice between them."""

    echo: bool = option(
        Group.WHIP,
        True,
        "Answer offers of sendrecv with the caller's own audio, a declared deviation from RFC "
        "9725; false answers recvonly to all.",
    )
    reject_video: bool = option(
        Group.WHIP,
        False,
        "Refuse offers that have video (422). By default it is taken, dropped and counted, since "
        "OBS and FFmpeg always offer it.",
    )
    trickle: bool = option(Group.WHIP, True, "Take candidates by PATCH; false answers 422.")
    ice_restart: bool = option(Group.WHIP, True, "Take ICE restarts by PATCH; false answers 422.")
    websocket_ping_s: Number = option(
        Group.WHIP,
        15.0,
        "Between two pings over WebSocket v2, which measure the round trip.",
        ge=1,
        le=3600,
    )
    websocket_mark_s: Number = option(
        Group.WHIP,
        5.0,
        "Between two marks over WebSocket v2, which measure how long a client takes to play what "
        "it is sent. 0 for none.",
        ge=0,
        le=3600,
    )
    websocket_backlog_ms: Number = option(
        Group.WHIP,
        200.0,
        "Audio that may wait for a WebSocket client that reads too slowly; then the oldest frame "
        "is dropped, since old sound is of no use in a conversation.",
        ge=40,
        le=10_000,
    )
    websocket_heartbeat_s: Number = option(
        Group.WHIP,
        15.0,
        "Without a word over WebSocket for this long the client is pinged, and half as long "
        "after that let go. Proxies cut silent connections after 30 to 60 s.",
        ge=0.5,
        le=3600,
    )
    max_body_bytes: Whole = option(
        Group.WHIP,
        65536,
        "Largest request body; then 413. A browser's offer has about 6,000.",
        ge=1024,
        le=1 << 20,
    )
    request_timeout_s: Number = option(
        Group.WHIP,
        10.0,
        "Longest time for the body of a request to arrive; then 408, so that slow senders hold "
        "nothing.",
        ge=0.1,
        le=300,
    )

    flags_file: OptionalFile = option(
        Group.ROUTING,
        None,
        "A flag document in flagd's form, watched: by it POST /v2/session decides which transport "
        "a client is given. voicemedia-flags makes and changes it.",
    )
    webrtc_percent: Number = option(
        Group.ROUTING,
        100.0,
        "Without flags_file and registry_url: the share of clients that are given WebRTC by POST "
        "/v2/session, the others get WebSocket. A lone server has nothing to roll out, so all get "
        "it.",
        ge=0,
        le=100,
    )
    guard: bool = option(
        Group.ROUTING,
        True,
        "Whether this server may guard a rollout: one of the fleet compares how the sessions of "
        "both variants go, and takes the share of WebRTC back to nothing when the flag document's "
        "analysis fails. Without flags_file and registry_url there is nothing to guard.",
    )
    session_token_ttl_s: Whole = option(
        Group.ROUTING,
        3600,
        "How long the answer of POST /v2/session may be used to open or move a call.",
        ge=10,
        le=DAY_S,
    )
    fleet_secret_file: OptionalFile = option(
        Group.ROUTING,
        None,
        "File with a secret of at least 32 characters that all servers of a fleet share, so that "
        "each takes the session tokens and resume tokens of the others. Without it a server has "
        "one of its own.",
    )
