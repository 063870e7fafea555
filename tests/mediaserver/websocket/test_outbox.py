"""What waits for a slow client stays short, and its words are not lost in its audio."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.websocket.outbox import Outbox


def taken(outbox: Outbox) -> list[str | bytes]:
    """All that waits, in order."""
    messages = []
    while (message := outbox.take()) is not None:
        messages.append(message)
    return messages


def test_words_go_before_audio() -> None:
    outbox = Outbox()
    outbox.play("frame", 20)
    outbox.say("word")

    assert taken(outbox) == ["word", "frame"]
    assert not outbox


def test_audio_beyond_the_limit_pushes_out_the_oldest() -> None:
    outbox = Outbox(max_audio_ms=60)

    dropped = [outbox.play(f"frame {n}", 20) for n in range(5)]

    assert dropped == [0, 0, 0, 1, 1]
    assert taken(outbox) == ["frame 2", "frame 3", "frame 4"]


def test_one_frame_always_fits() -> None:
    outbox = Outbox(max_audio_ms=10)

    assert outbox.play("long", 60) == 0
    assert taken(outbox) == ["long"]


def test_who_does_not_take_words_is_told_of() -> None:
    outbox = Outbox(max_words=2)

    for word in "abc":
        outbox.say(word)

    assert outbox.is_overrun
    assert [outbox.take_words(), outbox.take_words(), outbox.take_words()] == ["a", "b", None]


@given(st.lists(st.one_of(st.floats(2.5, 60), st.none())))
def test_what_waits_never_lasts_longer_than_the_limit(steps: list[float | None]) -> None:
    outbox = Outbox(max_audio_ms=200)

    for duration_ms in steps:
        if duration_ms is None:
            outbox.take()
        else:
            outbox.play(b"frame", duration_ms)
        assert -1e-6 <= outbox.audio_ms <= 200


def test_a_mark_goes_behind_its_frame_and_before_the_next() -> None:
    outbox = Outbox()
    outbox.play("one", 20, "mark")
    outbox.play("two", 20)

    assert [outbox.take() for _ in range(4)] == ["one", "mark", "two", None]


def test_a_mark_whose_frame_is_dropped_goes_behind_the_next_frame() -> None:
    outbox = Outbox(max_audio_ms=40)
    outbox.play("one", 20, "mark")
    outbox.play("two", 20)

    assert outbox.play("three", 20) == 1
    assert [outbox.take() for _ in range(4)] == ["two", "mark", "three", None]


def test_an_outbox_that_holds_only_a_mark_is_not_empty() -> None:
    outbox = Outbox()
    outbox.play("one", 20, "mark")
    outbox.take()

    assert outbox
    assert outbox.take() == "mark"
    assert not outbox


def test_a_clear_leaves_words_and_the_mark_and_no_audio() -> None:
    outbox = Outbox()
    outbox.play("one", 20)
    outbox.play("two", 20, "mark")
    outbox.play("three", 20)
    outbox.say("word")

    assert outbox.clear() == 3
    assert outbox.audio_ms == 0
    assert taken(outbox) == ["mark", "word"]


def test_a_mark_whose_frame_has_been_sent_outlives_a_clear() -> None:
    outbox = Outbox()
    outbox.play("one", 20, "mark")
    outbox.take()

    assert outbox.clear() == 0
    assert taken(outbox) == ["mark"]


def test_what_comes_after_a_clear_is_sent() -> None:
    outbox = Outbox(max_audio_ms=40)
    outbox.play("one", 20)
    outbox.clear()

    assert [outbox.play(f"frame {n}", 20) for n in range(3)] == [0, 0, 1]
    assert taken(outbox) == ["frame 1", "frame 2"]
