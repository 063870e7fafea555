"""The WebRTC side: SDP in and out, ICE-lite, DTLS. The only room that knows aiortc and aioice."""
