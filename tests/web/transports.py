"""Both transports that a call of the page can take, for what must hold on either."""

from __future__ import annotations

import pytest

from interop.server_process import ServerProcess

ASKED = "/?transport=websocket"
PATHS = {"webrtc": "/", "websocket": ASKED}
"""The page's address for each; a server without flags gives WebRTC to who does not ask."""
BY_EITHER = pytest.mark.parametrize("transport", PATHS)


async def transports(server: ServerProcess) -> list[str]:
    """Of the sessions that live."""
    return [session["transport"] for session in (await server.stats())["per_session"]]
