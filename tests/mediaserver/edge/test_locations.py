"""Whose session a URL names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.edge.locations import Locations, Named
from voicemedia_server.edge.sealing import Sealer

SECRET = b"a secret of all servers of the fleet"
FIRST = Locations(Sealer(SECRET), "http://10.0.0.1:8080")
SECOND = Locations(Sealer(SECRET), "http://10.0.0.2:8080")


def test_another_server_of_the_fleet_reads_where_the_session_is() -> None:
    assert SECOND.read(FIRST.name("abc")) == Named("abc", "http://10.0.0.1:8080")


def test_a_server_knows_its_own_sessions() -> None:
    assert FIRST.read(FIRST.name("abc")) == Named("abc")


def test_a_lone_server_names_the_id_alone() -> None:
    assert Locations(Sealer()).name("abc") == "abc"
    assert Locations(Sealer()).read("abc") == Named("abc")


def test_the_url_does_not_tell_where_the_server_is() -> None:
    assert "10.0.0" not in FIRST.name("abc")


def test_a_token_is_good_for_its_own_session_alone() -> None:
    _, _, token = FIRST.name("abc").partition(".")

    assert SECOND.read(f"xyz.{token}") == Named("xyz")


@pytest.mark.parametrize("other", [Sealer(), Sealer(b"a secret of all servers of another fleet")])
def test_what_another_fleet_sealed_leads_nowhere(other: Sealer) -> None:
    name = Locations(other, "http://169.254.169.254").name("abc")

    assert FIRST.read(name) == Named("abc")


@given(st.text())
def test_no_name_that_was_made_up_leads_anywhere(name: str) -> None:
    assert FIRST.read(name).server_url is None
