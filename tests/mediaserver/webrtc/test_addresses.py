"""Which addresses stand in an answer, and in which order clients should try them."""

from __future__ import annotations

import ipaddress

import ifaddr
import pytest
from aioice.candidate import Candidate

from voicemedia_server.ports import Endpoint
from voicemedia_server.webrtc.addresses import (
    Advertised,
    are_all_private,
    candidates,
    host_addresses,
)

UDP = Endpoint("0.0.0.0", 3478)
TCP = Endpoint("0.0.0.0", 3478, is_tcp=True)
FIRST, SECOND = Advertised("192.0.2.1"), Advertised("2001:db8::1")


# -- candidates -----------------------------------------------------------------------------


def test_an_address_on_both_transports_is_two_candidates_of_the_form_of_the_rfcs() -> None:
    assert candidates([FIRST], [UDP, TCP]) == (
        "u1 1 udp 2130706431 192.0.2.1 3478 typ host",
        "t1 1 tcp 1520435199 192.0.2.1 3478 typ host tcptype passive",
    )


def test_an_address_of_its_own_port_is_given_with_that_port() -> None:
    (candidate,) = candidates([Advertised("192.0.2.9", 50_000)], [UDP])

    assert candidate == "u1 1 udp 2130706431 192.0.2.9 50000 typ host"


def test_every_candidate_is_read_by_aioice_as_it_was_meant() -> None:
    read = [Candidate.from_sdp(line) for line in candidates([FIRST, SECOND], [UDP, TCP])]

    assert [(c.host, c.port, c.transport, c.tcptype) for c in read] == [
        ("192.0.2.1", 3478, "udp", None),
        ("2001:db8::1", 3478, "udp", None),
        ("192.0.2.1", 3478, "tcp", "passive"),
        ("2001:db8::1", 3478, "tcp", "passive"),
    ]
    assert all(c.component == 1 and c.type == "host" for c in read)


def test_udp_comes_before_tcp_and_the_first_address_before_the_second() -> None:
    lines = candidates([FIRST, SECOND], [UDP, TCP])

    priorities = [Candidate.from_sdp(line).priority for line in lines]

    assert priorities == sorted(priorities, reverse=True)
    assert len(set(priorities)) == 4


def test_a_priority_fits_its_31_bits_whatever_the_number_of_addresses() -> None:
    many = [Advertised(f"192.0.2.{i % 256}", i) for i in range(10_000)]

    for line in candidates(many, [UDP, TCP]):
        assert 0 < Candidate.from_sdp(line).priority < 1 << 31


def test_each_pair_of_address_and_transport_has_a_foundation_of_its_own() -> None:
    lines = candidates([FIRST, SECOND], [UDP, TCP])

    assert len({Candidate.from_sdp(line).foundation for line in lines}) == 4


def test_without_an_address_there_is_no_candidate() -> None:
    assert candidates([], [UDP, TCP]) == ()


# -- the host's own -------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.1", "2001:db8::1"])
def test_a_socket_on_one_address_is_reached_there_and_nowhere_else(host: str) -> None:
    assert host_addresses(host, with_loopback=False) == (Advertised(host),)


def own_addresses() -> set[str]:
    """Every address of this machine, as ifaddr has it."""
    ips = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    return {str(ipaddress.ip_address(ip if isinstance(ip, str) else ip[0])) for ip in ips}


@pytest.mark.parametrize("listen_host", ["0.0.0.0", "::"])
@pytest.mark.parametrize("with_loopback", [True, False])
def test_a_socket_on_all_addresses_is_reached_at_each_that_others_can_use(
    listen_host: str, with_loopback: bool
) -> None:
    found = [a.host for a in host_addresses(listen_host, with_loopback=with_loopback)]

    wanted = {
        host
        for host in own_addresses()
        if not ipaddress.ip_address(host).is_link_local
        and (listen_host == "::" or "." in host)
        and (with_loopback or not ipaddress.ip_address(host).is_loopback)
    }
    assert set(found) == wanted
    assert len(found) == len(set(found))


def test_loopback_comes_last_and_ipv4_before_ipv6() -> None:
    found = [ipaddress.ip_address(a.host) for a in host_addresses("::", with_loopback=True)]

    assert found == sorted(found, key=lambda a: (a.is_loopback, a.version))
    assert found[-1].is_loopback


def test_an_address_of_the_host_has_the_port_of_the_socket() -> None:
    assert {a.port for a in host_addresses("0.0.0.0", with_loopback=True)} == {None}


# -- reach ----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "127.0.0.1", "fd00::1", "::1"])
def test_a_server_on_private_addresses_alone_is_told_so(host: str) -> None:
    assert are_all_private([Advertised(host)])


def test_one_public_address_is_enough_to_be_reached() -> None:
    assert not are_all_private([Advertised("10.0.0.1"), Advertised("8.8.8.8")])
