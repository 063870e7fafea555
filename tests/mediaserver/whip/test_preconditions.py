"""`If-Match` as RFC 9110 writes it and as WHIP clients do."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.sessions.refusals import PreconditionFailed, PreconditionRequired
from voicemedia_server.whip.preconditions import IfMatchMalformed, Match, check_if_match

CURRENT = "abc"


@pytest.mark.parametrize(
    "header", ['"abc"', ' "abc" ', '"x", "abc"', '"x","abc" , "y"', '"a,b","abc"']
)
def test_the_current_tag_matches_alone_and_in_a_list(header: str) -> None:
    assert check_if_match(header, CURRENT) is Match.CURRENT


@pytest.mark.parametrize("header", ["*", ' "*" '])
def test_a_star_matches_with_and_without_quotes(header: str) -> None:
    assert check_if_match(header, CURRENT) is Match.ANY


@pytest.mark.parametrize("header", ['"old"', 'W/"abc"', '"ABC"', '"x", W/"abc"'])
def test_other_and_weak_tags_do_not_match(header: str) -> None:
    with pytest.raises(PreconditionFailed):
        check_if_match(header, CURRENT)


@pytest.mark.parametrize("header", [None, "", "  "])
def test_without_a_tag_one_is_required(header: str | None) -> None:
    with pytest.raises(PreconditionRequired):
        check_if_match(header, CURRENT)


@pytest.mark.parametrize("header", ["abc", '"abc', "W/abc", '"a" "b"', ","])
def test_what_is_no_tag_is_called_so(header: str) -> None:
    with pytest.raises(IfMatchMalformed):
        check_if_match(header, CURRENT)


@given(st.text(max_size=60))
def test_any_header_is_either_taken_or_refused(header: str) -> None:
    with contextlib.suppress(IfMatchMalformed, PreconditionFailed, PreconditionRequired):
        check_if_match(header, CURRENT)
