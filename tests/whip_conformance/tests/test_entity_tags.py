from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whip_conformance.syntax.entity_tags import EntityTag, EntityTagError, read_entity_tag

OPAQUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'))


@given(OPAQUE, st.booleans())
def test_a_tag_written_and_read_is_the_same(opaque: str, is_weak: bool) -> None:
    tag = EntityTag(opaque, is_weak)

    assert read_entity_tag(str(tag)) == tag


@pytest.mark.parametrize("text", ["*", "", "abc", '"abc', "'abc'", 'w/"abc"', '"a b"', '"a""b"'])
def test_what_is_no_entity_tag_is_refused(text: str) -> None:
    with pytest.raises(EntityTagError):
        read_entity_tag(text)
