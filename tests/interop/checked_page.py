"""Holds what a page says and hears over WebSocket v2 to the published schemas."""

from __future__ import annotations

from playwright.async_api import Page, WebSocket

from mediaserver.websocket.checked import Minutes, Side

PATHS = ("/v2/ws", "/ws/v2")


def listen_to(page: Page) -> Minutes:
    """Takes the minutes of each WebSocket v2 that the page opens; packets have no schema."""
    minutes = Minutes()

    def listen(socket: WebSocket) -> None:
        if socket.url.partition("?")[0].endswith(PATHS):
            socket.on("framesent", lambda said: take("client", said))
            socket.on("framereceived", lambda heard: take("server", heard))

    def take(side: Side, said: str | bytes) -> None:
        if isinstance(said, str):
            minutes.take(side, said)

    page.on("websocket", listen)
    return minutes
