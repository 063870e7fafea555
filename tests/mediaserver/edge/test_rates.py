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
