"""Who is let in now, and when the others are told to come back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.sessions.admission import NS_PER_S, Buckets, Rate, retry_after_s


def at(seconds: float) -> int:
    return int(seconds * NS_PER_S)


def test_a_burst_is_let_in_and_the_next_one_waits() -> None:
    buckets = Buckets(Rate(per_s=2, burst=3))

    waits_s = [buckets.take("client", at(0)) for _ in range(4)]

    assert waits_s == [0, 0, 0, 0.5]


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    buckets = Buckets(Rate(per_s=2, burst=3))
    for _ in range(3):
        buckets.take("client", at(0))

    waits_s = [buckets.take("client", at(100)) for _ in range(4)]

    assert waits_s == [0, 0, 0, 0.5]


def test_one_client_does_not_use_up_what_another_has() -> None:
    buckets = Buckets(Rate(per_s=1, burst=1))
    buckets.take("greedy", at(0))

    assert buckets.take("greedy", at(0)) > 0
    assert buckets.take("modest", at(0)) == 0


def test_a_rate_of_zero_is_no_limit() -> None:
    buckets = Buckets(Rate(per_s=0, burst=1))

    assert all(buckets.take("client", at(0)) == 0 for _ in range(1000))


def test_a_flood_of_clients_does_not_grow_the_memory() -> None:
    buckets = Buckets(Rate(per_s=1, burst=1), capacity=10)

    for number in range(1000):
        buckets.take(f"client {number}", at(0))

    assert len(buckets) == 10


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200), st.integers(1, 5), st.integers(1, 20))
def test_nobody_ever_gets_more_than_the_burst_and_the_rate_allow(
    pauses_s: list[float], burst: int, per_s: int
) -> None:
    buckets = Buckets(Rate(per_s, burst))
    now_s, let_in = 0.0, 0
    for pause_s in pauses_s:
        now_s += pause_s
        let_in += buckets.take("client", at(now_s)) == 0

    assert let_in <= burst + now_s * per_s + 1e-6


@given(st.floats(0, 100), st.floats(0, 1, exclude_max=True))
def test_nobody_is_told_to_come_back_too_early(wait_s: float, spread: float) -> None:
    assert max(1, wait_s) <= retry_after_s(wait_s, spread) <= wait_s + 6


def test_clients_are_told_different_times() -> None:
    told = {retry_after_s(1.0, spread / 10) for spread in range(10)}

    assert len(told) > 2
