"""Documents with keys come from servers that may be slow, broken or hostile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from mediaserver.edge.documents import serving
from voicemedia_server.edge.key_sets import fetch_text


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def test_a_document_that_comes_in_pieces_is_fetched_whole(client: ClientSession) -> None:
    async def give(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10):
            await response.write(b"0123456789")
            await asyncio.sleep(0)  # a piece of its own on the wire
        return response

    async with serving(give) as url:
        assert await fetch_text(client, url) == "0123456789" * 10


async def test_a_document_without_end_is_refused(client: ClientSession) -> None:
    async def give(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65536))

    async with serving(give) as url:
        with pytest.raises(ValueError, match="too large"):
            await fetch_text(client, url)


@pytest.mark.parametrize("body", [b"\xff", None], ids=["no text", "an error"])
async def test_a_document_that_cannot_be_had_is_one_of_two_errors(
    client: ClientSession, body: bytes | None
) -> None:
    async def give(request: web.Request) -> web.StreamResponse:
        return web.Response(status=200 if body else 500, body=body)

    async with serving(give) as url:
        with pytest.raises((OSError, ValueError)):
            await fetch_text(client, url)


async def test_a_server_that_is_not_there_is_an_os_error(client: ClientSession) -> None:
    with pytest.raises(OSError, match="cannot be fetched"):
        await fetch_text(client, "http://127.0.0.1:1/document")
