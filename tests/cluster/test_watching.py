"""Events of a watch, wherever the pieces of the stream begin and end."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.watching import Change, Event, EventReader

texts = st.text(max_size=8)
events = st.builds(Event, st.sampled_from(Change), st.dictionaries(texts, texts, max_size=3))


def written(event: Event) -> str:
    """As kubectl writes it: indented, with a newline at the end."""
    return json.dumps({"type": event.change, "object": event.document}, indent=4) + "\n"


@given(st.lists(events, max_size=5), st.lists(st.integers(0, 400), max_size=8))
def test_every_event_is_read_once_and_in_order(sent: list[Event], cuts: list[int]) -> None:
    stream = "".join(written(event) for event in sent)
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = EventReader()

    read = [event for begin, end in pairwise(bounds) for event in reader.feed(stream[begin:end])]

    assert read == sent


@pytest.mark.parametrize("change", Change)
def test_an_event_is_given_as_soon_as_it_is_whole(change: Change) -> None:
    text = written(Event(change, {"kind": "Pod"})).rstrip()
    reader = EventReader()

    assert reader.feed(text[:-1]) == []
    assert reader.feed(text[-1:]) == [Event(change, {"kind": "Pod"})]
