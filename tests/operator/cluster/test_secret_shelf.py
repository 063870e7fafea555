"""Secrets that resources name."""

from __future__ import annotations

import pytest

from apiserver.documents import secret
from apiserver.twin import ApiServer
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.errors import ApiRefused
from voicemedia_operator.cluster.secret_shelf import SecretShelf, read_entries


@pytest.fixture
def shelf(api: Api) -> SecretShelf:
    return SecretShelf(api)


async def test_those_that_are_there_are_read_and_others_left_out(
    shelf: SecretShelf, server: ApiServer
) -> None:
    await server.put(secret("voice-redis", url="redis://here"))

    found = await shelf.read("calls", ["voice-redis", "voice-turn"])

    assert found == {"voice-redis": {"url": b"redis://here"}}


async def test_one_is_not_asked_for_again_at_once(shelf: SecretShelf, server: ApiServer) -> None:
    await server.put(secret("voice-redis", url="redis://here"))

    for _ in range(3):
        await shelf.read("calls", ["voice-redis"])

    assert server.asked == ["get Secret voice-redis"]


async def test_one_that_we_made_is_read_anew(shelf: SecretShelf, server: ApiServer) -> None:
    await shelf.read("calls", ["voice-fleet"])
    await server.put(secret("voice-fleet", token="t"))

    shelf.forget("calls", "voice-fleet")

    assert await shelf.read("calls", ["voice-fleet"]) == {"voice-fleet": {"token": b"t"}}


async def test_one_that_we_may_not_read_is_as_good_as_missing(
    shelf: SecretShelf, server: ApiServer
) -> None:
    server.fail = {"get": [403]}

    assert await shelf.read("calls", ["voice-redis"]) == {}


async def test_while_it_cannot_be_known_nobody_says_that_it_is_missing(
    shelf: SecretShelf, server: ApiServer
) -> None:
    server.fail = {"get": [500]}

    with pytest.raises(ApiRefused):
        await shelf.read("calls", ["voice-redis"])


def test_an_entry_that_cannot_be_decoded_is_left_out() -> None:
    assert read_entries({"data": {"good": "eA==", "bad": "%"}}) == {"good": b"x"}


def test_a_secret_may_be_empty() -> None:
    assert read_entries({"metadata": {"name": "empty"}}) == {}
