"""How single values are written."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.config.values import (
    ListenAddress,
    PublicAddress,
    join_port,
    read_advertised,
    read_connect_source,
    read_ice_server,
    read_keys_url,
    read_list,
    read_listen_address,
    read_network,
    read_optional_listen_address,
    read_origin,
    read_server,
    read_token,
    split_port,
)

HOSTS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
PORTS = st.integers(min_value=0, max_value=65535)


def fault_of(read: Callable[[object], object], value: object) -> str | None:
    """What is wrong with a value, or `None`."""
    try:
        read(value)
    except ValueError as failure:
        return str(failure)
    return None


@given(HOSTS, PORTS)
def test_host_and_port_survive_being_joined_and_split(host: str, port: int) -> None:
    assert split_port(join_port(host, port)) == (host, port)


@given(HOSTS, PORTS)
def test_a_listen_address_reads_what_it_writes(host: str, port: int) -> None:
    address = ListenAddress(host, port)

    assert read_listen_address(str(address)) == address


@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    readers = (
        *(read_listen_address, read_advertised, read_server, read_ice_server),
        *(read_origin, read_connect_source),
    )
    for read in readers:
        fault = fault_of(read, text)

        assert fault is None or fault.split()[0] in ("has", "is", "does")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        ("8080", "has no port"),
        ("[::]", "has no port"),
        (":8080", "has no port"),
        ("127.0.0.1:", "has a port that is no number from 0 to 65535"),
        ("127.0.0.1:65536", "has a port that is no number from 0 to 65535"),
        ("127.0.0.1:٣", "has a port that is no number from 0 to 65535"),
        ("::1:8080", "is an IPv6 address without brackets"),
        ("example.org:8080", "has a host that is not an IPv4 or IPv6 address"),
    ],
)
def test_a_wrong_listen_address_is_told_what_is_wrong(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}$"):
        read_listen_address(text)


def test_a_number_alone_is_no_listen_address() -> None:
    with pytest.raises(ValueError, match="put quotes around it"):
        read_listen_address(8080)


def test_localhost_means_this_machine_over_ipv4() -> None:
    assert read_listen_address("localhost:80") == ListenAddress("127.0.0.1", 80)


def test_an_optional_listen_address_may_be_empty() -> None:
    assert read_optional_listen_address("") is None


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True),
        ("127.0.0.1:80", "127.0.0.1:81", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
        ("0.0.0.0:80", "127.0.0.1:80", True),
        ("[::]:80", "127.0.0.1:80", True),
        ("[::1]:80", "127.0.0.1:80", False),
        ("127.0.0.2:80", "127.0.0.1:80", False),
    ],
)
def test_two_listen_addresses_meet_when_one_takes_what_the_other_needs(
    one: str, other: str, meets: bool
) -> None:
    first, second = (ListenAddress(*split_port(text)) for text in (one, other))

    assert first.meets(second) is meets
    assert second.meets(first) is meets


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("host", "host"),
        ("stun", "stun"),
        ("203.0.113.4", PublicAddress("203.0.113.4")),
        ("203.0.113.4:40000", PublicAddress("203.0.113.4", 40000)),
        ("2001:db8::1", PublicAddress("2001:db8::1")),
        ("[2001:db8::1]", PublicAddress("2001:db8::1")),
        ("[2001:db8::1]:40000", PublicAddress("2001:db8::1", 40000)),
    ],
)
def test_an_advertised_entry_is_a_word_or_an_address(text: str, entry: object) -> None:
    assert read_advertised(text) == entry


@pytest.mark.parametrize(
    "text", ["", "hosts", "example.org", "0.0.0.0", "224.0.0.1", "203.0.113.4:0", "[::]:9"]
)
def test_nobody_is_told_an_address_that_cannot_be_reached(text: str) -> None:
    with pytest.raises(ValueError, match=r"is|has"):
        read_advertised(text)


@pytest.mark.parametrize("text", ["stun.example.org:3478", "192.0.2.1:3478", "[2001:db8::1]:3478"])
def test_a_server_is_named_by_host_and_port(text: str) -> None:
    assert read_server(text) == text


@pytest.mark.parametrize("text", ["stun.example.org", "stun.example.org:0", "a b:1", "-a:1"])
def test_a_server_without_a_usable_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="has"):
        read_server(text)


@pytest.mark.parametrize(
    "text", ["stun:stun.example.org", "turn:turn.example.org:3478?transport=udp", "turns:a"]
)
def test_an_ice_server_is_a_stun_or_turn_uri(text: str) -> None:
    assert read_ice_server(text) == text


@pytest.mark.parametrize(
    "text", ["stun.example.org:3478", "turn://a", "turn:", 'turn:a"b', "http:a"]
)
def test_what_is_no_stun_or_turn_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not begin|is no STUN"):
        read_ice_server(text)


def test_a_network_with_host_bits_is_refused() -> None:
    assert read_network("10.0.0.0/8") == ipaddress.ip_network("10.0.0.0/8")
    with pytest.raises(ValueError, match="has host bits set"):
        read_network("10.0.0.1/8")


@pytest.mark.parametrize(
    ("text", "is_origin"),
    [
        ("*", True),
        ("https://app.example.org", True),
        ("http://localhost:3000", True),
        ("https://app.example.org/", False),
        ("app.example.org", False),
        ("null", False),
    ],
)
def test_an_origin_is_scheme_host_and_port_alone(text: str, is_origin: bool) -> None:
    if is_origin:
        assert read_origin(text) == text
    else:
        with pytest.raises(ValueError, match=r"does not begin|has more"):
            read_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://eu.example.org",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "https://*.example.net",
    ],
)
def test_a_connect_source_is_an_origin_perhaps_of_all_hosts_below_one(text: str) -> None:
    assert read_connect_source(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "'self'",
        "ws://host.example.org",
        "https://*",
        "https://host.example.org/path",
        "https://host.example.org; script-src *",
        "https://host.example.org 'unsafe-inline'",
        "https://user@host.example.org",
    ],
)
def test_what_could_change_the_rest_of_a_policy_is_no_connect_source(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not begin|is no origin"):
        read_connect_source(text)


@pytest.mark.parametrize(
    "text", ["https://login.example.org/jwks.json", "http://127.0.0.1:9/k", "http://localhost/k"]
)
def test_keys_come_over_https_or_from_this_machine(text: str) -> None:
    assert read_keys_url(text) == text


@pytest.mark.parametrize(
    "text", ["http://login.example.org/jwks.json", "login.example.org", "https:"]
)
def test_keys_that_others_could_change_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no https|is not encrypted"):
        read_keys_url(text)


@pytest.mark.parametrize("text", ["", "***", "two words", "schlüssel"])
def test_what_no_client_could_send_is_no_token(text: str) -> None:
    with pytest.raises(ValueError, match=r"stands for|has characters"):
        read_token(text)


def test_a_list_may_be_written_with_commas() -> None:
    assert read_list(" host, 203.0.113.4,") == ["host", "203.0.113.4"]
    assert read_list("") == []
    with pytest.raises(ValueError, match="is no list"):
        read_list(3)
