"""Refusals by their status."""

from __future__ import annotations

import pytest

from voicemedia_operator.cluster.errors import (
    ApiRefused,
    Conflict,
    Expired,
    Invalid,
    NotFound,
    refusal,
)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, NotFound), (409, Conflict), (410, Expired), (422, Invalid), (500, ApiRefused)],
)
def test_a_status_has_its_own_error(status: int, expected: type[ApiRefused]) -> None:
    found = refusal("get", "Pod", status, "no")

    assert type(found) is expected
    assert found.code == str(status)


def test_an_error_says_what_was_asked_and_what_was_said() -> None:
    assert str(refusal("delete", "Pod", 409, "the uid is another")) == (
        "delete Pod: 409 the uid is another"
    )
