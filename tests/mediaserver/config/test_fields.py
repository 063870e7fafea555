"""How a setting is written down, and what pydantic makes of it."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import ValidationError
from pydantic.dataclasses import dataclass

from voicemedia_server.config.fields import Group, option


@dataclass(frozen=True)
class Topic:
    calls: int = option(Group.CAPACITY, 5, "Calls at a time.", ge=1, le=9)
    word: str = option(Group.ACCESS, "", "A word that only friends know.", is_secret=True)


def test_a_field_carries_its_heading_and_meaning() -> None:
    calls, word = dataclasses.fields(Topic)

    assert (calls.metadata["group"], calls.metadata["description"]) == (
        Group.CAPACITY,
        "Calls at a time.",
    )
    assert (calls.metadata["is_secret"], word.metadata["is_secret"]) == (False, True)


def test_a_secret_is_left_out_of_the_representation() -> None:
    assert repr(Topic(word="hunter2")) == "Topic(calls=5)"


def test_headings_differ() -> None:
    assert len({group.value for group in Group}) == len(Group)


@pytest.mark.parametrize("calls", ["many", 2.5])
def test_what_has_another_type_is_refused(calls: object) -> None:
    with pytest.raises(ValidationError):
        Topic(calls=calls)  # type: ignore[arg-type]  # as a file would have it
