"""How long the client takes to play is measured by one mark at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.websocket.marks import PlayoutMarks

INTERVAL_NS = 5_000_000_000
FRAME_NS = 20_000_000


def test_a_mark_goes_behind_a_frame_when_the_interval_is_over() -> None:
    marks = PlayoutMarks(INTERVAL_NS)

    named = [n for n in range(500) if marks.behind_frame(n * FRAME_NS)]

    assert named == [INTERVAL_NS // FRAME_NS]


def test_a_mark_that_comes_back_tells_when_its_frame_was_played_and_makes_room_for_another() -> (
    None
):
    marks = PlayoutMarks(INTERVAL_NS)
    marks.behind_frame(0)
    first = marks.behind_frame(INTERVAL_NS)
    assert first is not None

    assert marks.returned(first, INTERVAL_NS + 80_000_000) == 0.08
    assert marks.returned(first, INTERVAL_NS + 90_000_000) is None
    second = marks.behind_frame(3 * INTERVAL_NS)
    assert second not in (None, first)


def test_a_name_that_we_did_not_give_measures_nothing() -> None:
    marks = PlayoutMarks(INTERVAL_NS)
    marks.behind_frame(0)
    marks.behind_frame(INTERVAL_NS)

    assert marks.returned("another", 2 * INTERVAL_NS) is None


def test_a_mark_whose_sound_was_cleared_measures_nothing_and_makes_room_for_another() -> None:
    marks = PlayoutMarks(INTERVAL_NS)
    marks.behind_frame(0)
    first = marks.behind_frame(INTERVAL_NS)
    assert first is not None

    marks.clear()

    assert marks.returned(first, INTERVAL_NS + 1) is None
    second = marks.behind_frame(3 * INTERVAL_NS)
    assert second is not None
    assert marks.returned(second, 3 * INTERVAL_NS + 80_000_000) == 0.08


def test_a_clear_between_two_marks_spoils_neither() -> None:
    marks = PlayoutMarks(INTERVAL_NS)
    marks.behind_frame(0)

    marks.clear()

    mark = marks.behind_frame(INTERVAL_NS)
    assert mark is not None
    assert marks.returned(mark, INTERVAL_NS + 80_000_000) == 0.08


def test_without_an_interval_there_are_no_marks() -> None:
    marks = PlayoutMarks(0)

    assert not any(marks.behind_frame(n * FRAME_NS) for n in range(1000))


@given(st.lists(st.integers(0, 10 * INTERVAL_NS)), st.booleans())
def test_a_client_that_never_answers_is_sent_one_mark_at_most(
    times_ns: list[int], is_sorted: bool
) -> None:
    marks = PlayoutMarks(INTERVAL_NS)

    named = [marks.behind_frame(now) for now in (sorted(times_ns) if is_sorted else times_ns)]

    assert len([name for name in named if name is not None]) <= 1
