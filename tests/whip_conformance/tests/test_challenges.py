from __future__ import annotations

import pytest

from whip_conformance.syntax.challenges import Challenge, read_challenges
from whip_conformance.syntax.fields import FieldError


def test_a_bearer_challenge_is_read() -> None:
    (challenge,) = read_challenges(['Bearer realm="voice", error="invalid_token"'])

    assert challenge.scheme == "bearer"
    assert challenge.value("realm") == "voice"
    assert challenge.value("error") == "invalid_token"


@pytest.mark.parametrize(
    ("fields", "schemes"),
    [
        (["Bearer"], ["bearer"]),
        (["Basic realm=a, Bearer realm=b"], ["basic", "bearer"]),
        (["Negotiate, Bearer realm=b, scope=c"], ["negotiate", "bearer"]),
        (["Negotiate dG9rZW4=, Bearer"], ["negotiate", "bearer"]),
        (["Basic realm=a", "BEARER realm=b"], ["basic", "bearer"]),
        ([", ,Bearer realm=b"], ["bearer"]),
        ([], []),
    ],
)
def test_several_challenges_are_told_apart(fields: list[str], schemes: list[str]) -> None:
    assert [challenge.scheme for challenge in read_challenges(fields)] == schemes


def test_a_comma_in_quotes_does_not_end_a_challenge() -> None:
    (challenge,) = read_challenges(['Bearer realm="a, Basic b", scope="x y"'])

    assert challenge == Challenge("bearer", (("realm", "a, Basic b"), ("scope", "x y")))


@pytest.mark.parametrize("text", ['Bearer realm="a', "Bearer realm=a scope=b", '"Bearer"'])
def test_a_challenge_that_breaks_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        read_challenges([text])
