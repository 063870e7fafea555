from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from whip_conformance.syntax.fields import (
    FieldError,
    Scanner,
    read_list,
    read_media_type,
    read_retry_after_s,
)


def test_a_quoted_string_is_unescaped() -> None:
    assert Scanner(r'"a \"b\" \\ c"').quoted() == r'a "b" \ c'


@pytest.mark.parametrize("text", ['"never closed', "bare", '"a\x00b"', ""])
def test_what_is_no_quoted_string_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        Scanner(text).quoted()


def test_list_members_are_joined_over_fields_and_compared_in_lower_case() -> None:
    assert read_list(["POST, Patch ,", "DELETE"]) == {"post", "patch", "delete"}


def test_a_media_type_is_read_without_parameters_and_case() -> None:
    assert read_media_type("Application/SDP; charset=utf-8") == "application/sdp"
    assert read_media_type(None) is None


def test_retry_after_is_read_as_seconds() -> None:
    assert read_retry_after_s("17") == 17


def test_retry_after_is_read_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=60)

    assert 55 <= read_retry_after_s(format_datetime(later, usegmt=True)) <= 60


@pytest.mark.parametrize("text", ["soon", "-1", "1.5", ""])
def test_retry_after_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        read_retry_after_s(text)
