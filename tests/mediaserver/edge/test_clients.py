"""Who asks, and under which URL they know us, when proxies stand between."""

from __future__ import annotations

import ipaddress

import pytest
from aiohttp.test_utils import make_mocked_request

from voicemedia_server.edge.clients import Clients

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
