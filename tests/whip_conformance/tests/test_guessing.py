from __future__ import annotations

import random
import uuid

import pytest

from whip_conformance.checks.security import ENOUGH_BITS, SAMPLES, estimated_bits

RANDOM = random.Random(1)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def text(count: int) -> str:
    return "".join(RANDOM.choices(ALPHABET, k=count))


@pytest.mark.parametrize(
    "identifiers",
    [
        [str(uuid.UUID(int=RANDOM.getrandbits(128), version=4)) for _ in range(SAMPLES)],
        [text(22) for _ in range(SAMPLES)],
        [f"{RANDOM.getrandbits(128):032x}" for _ in range(SAMPLES)],
        ["https://a/whip/" + text(32) for _ in range(SAMPLES)],
    ],
    ids=["uuid4", "base64url", "hexadecimal", "in a URL"],
)
def test_random_identifiers_hold_enough_bits(identifiers: list[str]) -> None:
    assert estimated_bits(identifiers) >= ENOUGH_BITS


@pytest.mark.parametrize(
    "identifiers",
    [
        [f"session-{number}" for number in range(SAMPLES)],
        [str(uuid.uuid1(node=1, clock_seq=1)) for _ in range(SAMPLES)],
        [f"{RANDOM.random():.12f}" for _ in range(SAMPLES)],
        [text(10) for _ in range(SAMPLES)],
        ["same"] * SAMPLES,
    ],
    ids=["counter", "uuid1", "Math.random", "short", "constant"],
)
def test_guessable_identifiers_do_not(identifiers: list[str]) -> None:
    assert estimated_bits(identifiers) < ENOUGH_BITS
