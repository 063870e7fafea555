"""Bearer tokens: who is let in as whom, and what the others are told."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Awaitable, Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from voicemedia_server.edge.tokens import (
    ANYONE,
    JwtPolicy,
    JwtTokens,
    OpenAccess,
    StaticTokens,
    bearer_token,
)
from voicemedia_server.sessions.refusals import (
    InsufficientScope,
    InvalidToken,
    Overloaded,
    Unauthenticated,
)

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
POLICY = JwtPolicy(("ES256",), issuer="https://issuer.example", audience="voicemedia")


def jwks(**keys: ec.EllipticCurvePrivateKey) -> str:
    """A key set of the public halves, each under its id."""
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    documents = []
    for key_id, key in keys.items():
        document = json.loads(algorithm.to_jwk(key.public_key()))
        documents.append({**document, "kid": key_id, "alg": "ES256"})
    return json.dumps({"keys": documents})


def signed(key: ec.EllipticCurvePrivateKey = KEY, kid: str | None = "one", **claims: object) -> str:
    """An Authorization header with a good token, but for what the test names."""
    now = int(time.time())
    payload = {
        "sub": "caller",
        "iss": POLICY.issuer,
        "aud": POLICY.audience,
        "exp": now + 60,
        "scope": "whip:publish",
        **claims,
    }
    kept = {name: value for name, value in payload.items() if value is not None}
    headers = {"kid": kid} if kid else None
    return "Bearer " + jwt.encode(kept, key, algorithm="ES256", headers=headers)


def fetching(*documents: str | OSError) -> Callable[[], Awaitable[str]]:
    """A source of key sets: the documents one after another, the last one for ever."""
    left = list(documents)

    async def fetch() -> str:
        document = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(document, OSError):
            raise document
        return document

    return fetch


async def test_without_authentication_everybody_is_the_same() -> None:
    assert await OpenAccess().principal(None) == ANYONE


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer"])
def test_without_a_bearer_token_one_is_asked_for(header: str | None) -> None:
    with pytest.raises((Unauthenticated, InvalidToken)):
        bearer_token(header)


def test_the_scheme_is_read_in_any_case() -> None:
    assert bearer_token("bEaReR  abc ") == "abc"


async def test_each_static_token_is_a_principal_of_its_own() -> None:
    tokens = StaticTokens(["first", "second"])

    assert await tokens.principal("Bearer first") != await tokens.principal("Bearer second")
    with pytest.raises(InvalidToken):
        await tokens.principal("Bearer third")


async def test_a_good_jwt_gives_its_subject() -> None:
    tokens = JwtTokens(POLICY, fetching(jwks(one=KEY)))

    assert await tokens.principal(signed()) == "sub-caller"


@pytest.mark.parametrize(
    "header",
    [
        signed(exp=1),
        signed(exp=None),
        signed(sub=None),
        signed(iss="https://elsewhere.example"),
        signed(aud="another"),
        signed(key=OTHER_KEY),
        signed(kid="unknown"),
        "Bearer not.a.jwt",
    ],
    ids=["expired", "no expiry", "no subject", "issuer", "audience", "forged", "key", "nonsense"],
)
async def test_a_bad_jwt_is_told_no_more_than_that(header: str) -> None:
    tokens = JwtTokens(POLICY, fetching(jwks(one=KEY)))

    with pytest.raises(InvalidToken) as refused:
        await tokens.principal(header)

    assert header.removeprefix("Bearer ") not in str(refused.value)


async def test_the_token_has_no_say_in_how_it_is_checked() -> None:
    tokens = JwtTokens(POLICY, fetching(jwks(one=KEY)))
    head, body, _ = signed().removeprefix("Bearer ").split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').decode().rstrip("=")

    for forged in (f"{unsigned}.{body}.", f"{head}.{body}."):
        with pytest.raises(InvalidToken):
            await tokens.principal(f"Bearer {forged}")


@pytest.mark.parametrize("scope", [None, "whep:play", ["whep:play"]])
async def test_a_token_without_the_right_may_not_publish(scope: object) -> None:
    tokens = JwtTokens(POLICY, fetching(jwks(one=KEY)))

    with pytest.raises(InsufficientScope):
        await tokens.principal(signed(scope=scope))


async def test_while_the_keys_cannot_be_had_the_client_is_asked_to_come_back() -> None:
    tokens = JwtTokens(POLICY, fetching(OSError("down")))

    with pytest.raises(Overloaded) as refused:
        await tokens.principal(signed())

    assert refused.value.retry_after_s
