from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whip_conformance.syntax.fields import FieldError
from whip_conformance.syntax.links import (
    Link,
    ice_server_flaw,
    read_links,
    relation_flaw,
)

TURN = 'rel="ice-server"; username="u"; credential="p"; credential-type="password"'


def test_the_links_of_the_rfc_are_read() -> None:
    links = read_links(
        [
            '<stun:stun.example.net>; rel="ice-server"',
            f"<turn:turn.example.net?transport=udp>; {TURN}",
        ]
    )

    assert [link.target for link in links] == [
        "stun:stun.example.net",
        "turn:turn.example.net?transport=udp",
    ]
    assert links[1].value("credential") == "p"
    assert links[1].relations == ("ice-server",)


def test_one_field_holds_several_links_with_commas_inside_of_quotes() -> None:
    (first, second) = read_links(['<a>; title="x, <y>;"; rel=one , <b,c>;rel="two three"'])

    assert first == Link("a", (("title", "x, <y>;"), ("rel", "one")))
    assert second.relations == ("two", "three")


def test_quotes_and_backslashes_in_a_credential_are_unescaped() -> None:
    (link,) = read_links([r'<turn:t.example>; rel="ice-server"; credential="a\"b\\c"'])

    assert link.value("credential") == r"a\"b\c".replace(r"\"", '"')


@pytest.mark.parametrize(
    "text",
    ["stun:s.example; rel=x", "<a", '<a>; rel="x', "<a> rel=x", "<a>; =x", "<a>; rel=a b"],
)
def test_a_link_that_breaks_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        read_links([text])


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(FieldError):
        assert all(isinstance(link, Link) for link in read_links([text]))


def test_of_two_relations_only_the_first_counts() -> None:
    (link,) = read_links(["<a>; rel=one; rel=two"])

    assert link.relations == ("one",)


@pytest.mark.parametrize(
    "text",
    [
        '<stun:stun.example.net:3478>; rel="ice-server"',
        f"<turn:turn.example.net:3478?transport=tcp>; {TURN}",
        f"<turns:[2001:db8::1]:443?transport=tcp>; {TURN}",
        '<turn:192.0.2.1>; rel="ice-server"; username="1:u"; credential="p"',
    ],
)
def test_a_right_ice_server_has_no_flaw(text: str) -> None:
    assert ice_server_flaw(read_links([text])[0]) is None


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (f"<turn:turn.example.net%3Ftransport=udp>; {TURN}", "RFC 7065"),
        (f"<turn://turn.example.net>; {TURN}", "RFC 7065"),
        ('<turn:turn.example.net>; rel="ice-server"', "needs a username"),
        ('<stun:stun.example.net?transport=udp>; rel="ice-server"', "RFC 7064"),
        ('<stun:s.example>; rel="ice-server"; username="u"; credential="p"', "no credentials"),
        ('<https://t.example>; rel="ice-server"', "scheme 'https'"),
        (f"<turn:t.example>; {TURN.replace('password', 'oauth')}", "'oauth' is not"),
    ],
)
def test_a_wrong_ice_server_is_told_why(text: str, flaw: str) -> None:
    assert flaw in str(ice_server_flaw(read_links([text])[0]))


@pytest.mark.parametrize("relation", ["ice-server", "urn:ietf:params:whip:ext:x", "https://a/b"])
def test_relation_types_are_registered_names_or_absolute_uris(relation: str) -> None:
    assert relation_flaw(relation) is None


@pytest.mark.parametrize("relation", ["/sse", "Session_Events", "//a/b"])
def test_other_relation_types_are_wrong(relation: str) -> None:
    assert relation_flaw(relation) is not None
