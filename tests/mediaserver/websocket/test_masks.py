"""Frames of clients must be masked; those that are pass without a change, however they come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.websocket.builders import START, World
from mediaserver.websocket.wire import close_code, frame, raw_connection
from voicemedia_server.websocket.masks import REFUSED_FRAME, MaskCheck

TEXT = 0x1


MASKED = st.binary(max_size=300).map(lambda payload: frame(TEXT, payload))
LENGTHS = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 200_000]


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data, cut at these places."""
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@given(st.lists(MASKED), st.lists(st.integers(min_value=0)))
def test_masked_frames_pass_without_a_change_however_they_are_cut(
    frames: list[bytes], cuts: list[int]
) -> None:
    check, said = MaskCheck(), b"".join(frames)

    assert b"".join(check.passed(piece) for piece in pieces(said, cuts)) == said


@given(st.lists(MASKED), st.binary(max_size=300), st.binary(), st.lists(st.integers(min_value=0)))
def test_a_frame_without_a_mask_and_all_behind_it_gives_way_to_one_that_is_refused(
    frames: list[bytes], payload: bytes, rest: bytes, cuts: list[int]
) -> None:
    check, before = MaskCheck(), b"".join(frames)
    said = before + frame(TEXT, payload, is_masked=False) + rest

    passed = b"".join(check.passed(piece) for piece in pieces(said, cuts))

    assert passed == before + REFUSED_FRAME


@pytest.mark.parametrize("length", LENGTHS)
def test_the_next_frame_is_found_behind_one_of_any_length(length: int) -> None:
    check, long = MaskCheck(), frame(TEXT, bytes(length))

    assert check.passed(long) == long
    assert check.passed(frame(TEXT, b"{}", is_masked=False)) == REFUSED_FRAME


def test_a_head_is_handed_on_when_it_is_whole_and_a_payload_as_it_comes() -> None:
    check, said = MaskCheck(), frame(TEXT, bytes(1000))

    passed = [check.passed(said[at : at + 1]) for at in range(6)]

    assert passed == [b"", b"", b"", said[:4], said[4:5], said[5:6]]


@given(st.lists(st.binary(max_size=50)))
def test_no_data_breaks_the_check(data: list[bytes]) -> None:
    check = MaskCheck()

    passed = b"".join(check.passed(piece) for piece in data)

    assert b"".join(data).startswith(passed.removesuffix(REFUSED_FRAME))


PING = b'{"event":"ping","t":1}'


@pytest.mark.parametrize(
    "said",
    [
        frame(TEXT, PING, is_masked=False),
        frame(TEXT, PING) + frame(TEXT, PING, is_masked=False),
        frame(TEXT, bytes(200), is_masked=False),
        frame(0x8, b"", is_masked=False),
        frame(0x9, b"", is_masked=False),
    ],
    ids=["the first", "the second", "a longer one", "a close", "a ping"],
)
async def test_a_connection_with_a_frame_without_a_mask_is_closed_as_the_rfc_has_it(
    world: World, said: bytes
) -> None:
    async with raw_connection(world.url) as (reader, writer):
        writer.write(said)

        assert await close_code(reader) == 1002


async def test_what_was_said_before_a_frame_without_a_mask_is_heard(world: World) -> None:
    async with world.connected("vm.v2.json") as bystander:
        await bystander.say(START)
        await bystander.hear_of("started")
        async with raw_connection(world.url) as (reader, writer):
            writer.write(frame(TEXT, json.dumps(START).encode()))
            writer.write(frame(TEXT, PING) + frame(TEXT, PING, is_masked=False))
            assert await close_code(reader) == 1002

        await bystander.say({"event": "ping", "t": 7})
        assert (await bystander.hear_of("pong"))["t"] == 7
        assert len(world.service.sessions) == 1
