"""What the models of the resource are made of."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from voicemedia_operator.spec.parts import (
    RULES_BROKEN,
    ObjectName,
    Part,
    SecretKeyRef,
    each_once,
    rule,
)


class Pause(Part):
    least_s: int = 1
    longest_ms: int = 1000

    @rule("self.leastSeconds >= 0", "leastSeconds is negative")
    def is_no_negative(self) -> bool:
        return self.least_s >= 0

    @rule("self.longestMilliseconds > 0", "longestMilliseconds is nothing")
    def is_some(self) -> bool:
        return self.longest_ms > 0


def test_units_of_members_are_spelt_out() -> None:
    assert Pause().model_dump(by_alias=True) == {"leastSeconds": 1, "longestMilliseconds": 1000}


def test_rules_are_kept_in_the_order_in_which_they_are_written() -> None:
    assert Pause.rules() == (Pause.is_no_negative, Pause.is_some)


def test_all_rules_that_are_broken_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as refusal:
        Pause(least_s=-1, longest_ms=0)

    (fault,) = refusal.value.errors()
    assert fault["type"] == RULES_BROKEN
    assert fault["ctx"]["messages"] == [
        "leastSeconds is negative",
        "longestMilliseconds is nothing",
    ]


def test_rules_stand_in_the_schema() -> None:
    assert Pause.model_json_schema()["x-kubernetes-validations"] == [
        {"rule": "self.leastSeconds >= 0", "message": "leastSeconds is negative"},
        {"rule": "self.longestMilliseconds > 0", "message": "longestMilliseconds is nothing"},
    ]


def test_a_part_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Pause().least_s = 2  # what this test is about


def test_entries_of_a_list_map_have_names_of_their_own() -> None:
    once = each_once("name", "key").func
    refs = (SecretKeyRef(name="a", key="k"), SecretKeyRef(name="a", key="l"))

    assert once(refs) == refs  # type: ignore[call-arg]  # pydantic's type allows for two arguments
    with pytest.raises(ValueError, match="same name and key"):
        once((*refs, refs[0]))  # type: ignore[call-arg]  # as above


@pytest.mark.parametrize("name", ["", "Upper", "-a", "a.", "a..b", "a" * 64, "a\n"])
def test_a_name_that_no_object_could_have_is_refused(name: str) -> None:
    class Named(Part):
        name: ObjectName

    with pytest.raises(ValidationError):
        Named(name=name)
