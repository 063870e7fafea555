"""Rate limits of each method for each client."""

from __future__ import annotations

import pytest

from voicemedia_server.edge.rates import MethodRates, RateLimits
from voicemedia_server.sessions.admission import Rate
from voicemedia_server.sessions.refusals import RateLimited


def test_a_client_over_its_rate_is_told_when_to_come_back_and_others_are_not() -> None:
    limits = RateLimits(MethodRates(post=Rate(0.1, 1)))
    limits.check("POST", "greedy")

    with pytest.raises(RateLimited) as refused:
        limits.check("POST", "greedy")

    assert refused.value.retry_after_s
    limits.check("POST", "modest")
    limits.check("DELETE", "greedy")


def test_after_the_time_that_it_was_told_a_client_is_served_again() -> None:
    now_ns = 0
    limits = RateLimits(MethodRates(patch=Rate(0.5, 1)), now_ns=lambda: now_ns)
    limits.check("PATCH", "patient")
    with pytest.raises(RateLimited) as refused:
        limits.check("PATCH", "patient")

    assert refused.value.retry_after_s is not None
    now_ns = refused.value.retry_after_s * 1_000_000_000
    limits.check("PATCH", "patient")


def test_those_who_are_turned_away_do_not_all_come_back_at_once() -> None:
    limits = RateLimits(MethodRates(post=Rate(0.1, 1)), now_ns=lambda: 0)
    waits = set()
    for client in map(str, range(50)):
        limits.check("POST", client)
        with pytest.raises(RateLimited) as refused:
            limits.check("POST", client)
        waits.add(refused.value.retry_after_s)

    assert len(waits) > 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_no_method_is_limited_unless_it_is_said(method: str) -> None:
    limits = RateLimits(MethodRates(), now_ns=lambda: 0)

    for _ in range(1000):
        limits.check(method, "busy")
