"""Who asks, and under which URL they know us, when proxies stand between."""

from __future__ import annotations

import ipaddress

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from voicemedia_server.edge.clients import UNKNOWN, Clients, read_address, read_forwarded

PROXY = ipaddress.ip_network("10.0.0.0/8")


def request_from(remote: str, **headers: str):  # type: ignore[no-untyped-def]  # aiohttp's own
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("POST", "/whip", {"Host": "media.example", **named}).clone(
        remote=remote
    )


def test_without_trusted_proxies_headers_are_not_believed() -> None:
    request = request_from("10.0.0.1", X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https")

    assert Clients().key(request) == "10.0.0.1"
    assert Clients().url(request, "/e") == "http://media.example/e"


def test_a_stranger_cannot_pass_for_a_proxy() -> None:
    request = request_from("198.51.100.1", X_Forwarded_For="203.0.113.9")

    assert Clients([PROXY]).key(request) == "198.51.100.1"


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.8", "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_one_whom_we_do_not_know(chain: str, client: str) -> None:
    request = request_from("10.0.0.1", X_Forwarded_For=chain)

    assert Clients([PROXY]).key(request) == client


def test_an_ipv6_client_is_counted_by_its_network() -> None:
    clients = Clients()

    assert clients.key(request_from("2001:db8::1")) == clients.key(request_from("2001:db8::2"))
    assert clients.key(request_from("2001:db8:0:1::1")) != clients.key(request_from("2001:db8::1"))
    assert clients.key(request_from("::ffff:192.0.2.1")) == "192.0.2.1"


def test_urls_are_right_behind_a_proxy() -> None:
    request = request_from(
        "10.0.0.1",
        X_Forwarded_Proto="https",
        X_Forwarded_Host="voice.example",
        X_Forwarded_Prefix="/media/",
    )
    clients = Clients([PROXY])

    assert clients.path(request, "/whip/sessions/1") == "/media/whip/sessions/1"
    assert clients.url(request, "/e") == "https://voice.example/media/e"


def test_a_prefix_that_would_name_another_host_is_not_believed() -> None:
    request = request_from("10.0.0.1", X_Forwarded_Prefix="//evil.example")

    assert Clients([PROXY]).path(request, "/whip") == "/whip"


@pytest.mark.parametrize(
    "prefix", ["/a>; rel=evil", "/a b", "/../a\\b", "/%0d%0aSet-Cookie:a", "media", "/a//b"]
)
def test_a_prefix_that_is_no_plain_path_is_not_believed(prefix: str) -> None:
    request = request_from("10.0.0.1", X_Forwarded_Prefix=prefix)

    assert Clients([PROXY]).path(request, "/whip") == "/whip"


@pytest.mark.parametrize("host", ['evil.example>; rel="x', "a b", "a/b", "user@host", ""])
def test_a_host_that_is_none_is_left_out_of_the_url(host: str) -> None:
    request = make_mocked_request("POST", "/whip", {"Host": host})

    assert Clients().url(request, "/whip/events/1") == "/whip/events/1"


@pytest.mark.parametrize("host", ["media.example:8080", "127.0.0.1", "[2001:db8::1]:8080"])
def test_a_host_is_kept_with_its_port(host: str) -> None:
    request = make_mocked_request("POST", "/whip", {"Host": host})

    assert Clients().url(request, "/e") == f"http://{host}/e"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_an_address_is_read_with_and_without_a_port(written: str, address: str) -> None:
    assert str(read_address(written)) == address


@pytest.mark.parametrize("written", ["unknown", "_hidden", "", "media.example", "[::1", "1.2.3"])
def test_what_is_no_address_is_none(written: str) -> None:
    assert read_address(written) is None


def test_ports_that_a_proxy_adds_do_not_make_another_client() -> None:
    clients = Clients([PROXY])
    keys = {
        clients.key(request_from("10.0.0.1", X_Forwarded_For=f"203.0.113.9:{port}"))
        for port in (4711, 4712)
    }

    assert keys == {"203.0.113.9"}


def test_a_proxy_that_adds_a_line_instead_of_a_member_is_understood() -> None:
    lines = CIMultiDict(
        [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "203.0.113.9"), ("Host", "h")]
    )
    request = make_mocked_request("POST", "/whip", lines).clone(remote="10.0.0.1")

    assert Clients([PROXY]).key(request) == "203.0.113.9"


def test_a_client_whom_the_proxy_hides_is_counted_with_all_hidden_ones() -> None:
    assert Clients([PROXY]).key(request_from("10.0.0.1", Forwarded="for=_hidden")) == UNKNOWN


# -- Forwarded (RFC 7239) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("for=203.0.113.9", "203.0.113.9"),
        ('For="203.0.113.9:4711";proto=https', "203.0.113.9"),
        ('for=1.2.3.4, for="203.0.113.9", for=10.0.0.7', "203.0.113.9"),
        ('for=1.2.3.4, for="unclosed', "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
    ],
)
def test_the_standard_field_names_the_client_too(header: str, client: str) -> None:
    assert Clients([PROXY]).key(request_from("10.0.0.1", Forwarded=header)) == client


def test_an_ipv6_client_of_the_standard_field_is_counted_by_its_network() -> None:
    request = request_from("10.0.0.1", Forwarded='for="[2001:db8::9]:4711"')

    assert Clients([PROXY]).key(request) == "2001:db8::/64"


def test_the_standard_field_makes_urls_right() -> None:
    request = request_from("10.0.0.1", Forwarded="for=203.0.113.9;proto=https;host=voice.example")

    assert Clients([PROXY]).url(request, "/e") == "https://voice.example/e"


def test_a_client_cannot_speak_by_the_standard_field_behind_a_proxy_of_the_other_kind() -> None:
    request = request_from(
        "10.0.0.1", X_Forwarded_For="203.0.113.9", Forwarded="for=1.2.3.4;host=evil.example"
    )

    assert Clients([PROXY]).key(request) == "203.0.113.9"


def test_quoted_values_are_read_as_what_they_stand_for() -> None:
    assert read_forwarded(r'by="a\"b;c,d" ; host=h , proto=https') == [
        {"by": 'a"b;c,d', "host": "h"},
        {"proto": "https"},
    ]


@given(st.text(alphabet='for="[]:;, \\x1_', max_size=60))
def test_whatever_a_proxy_writes_is_read_or_left_out(header: str) -> None:
    assert all(hop for hop in read_forwarded(header))
    read_address(header)
