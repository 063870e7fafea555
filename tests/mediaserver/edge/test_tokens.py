"""Bearer tokens: who is let in as whom, and what the others are told."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Awaitable, Callable

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.edge.tokens import (
    ANYONE,
    KEYS_AGE_S,
    REFRESH_PAUSE_S,
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


def encoded(part: bytes) -> str:
    """A part of a JWT (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


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


@pytest.mark.parametrize("token", ["two words", "\udcff", "tökn", "a\tb", "x" * 8193])
async def test_what_no_token_can_be_is_an_invalid_token(token: str) -> None:
    for tokens in (StaticTokens(["first"]), JwtTokens(POLICY, fetching(jwks(one=KEY)))):
        with pytest.raises(InvalidToken):
            await tokens.principal(f"Bearer {token}")


def test_the_scheme_is_read_in_any_case() -> None:
    assert bearer_token("bEaReR  abc ") == "abc"


async def test_each_static_token_is_a_principal_of_its_own() -> None:
    tokens = StaticTokens(["first", "second"])

    assert await tokens.principal("Bearer first") != await tokens.principal("Bearer second")
    with pytest.raises(InvalidToken):
        await tokens.principal("Bearer third")


async def test_a_token_that_is_known_but_may_not_publish_is_told_so() -> None:
    tokens = StaticTokens(["first"], without_publish=["listener"])

    with pytest.raises(InsufficientScope):
        await tokens.principal("Bearer listener")


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
    unsigned = encoded(b'{"alg":"none","kid":"one"}')

    for forged in (f"{unsigned}.{body}.", f"{head}.{body}."):
        with pytest.raises(InvalidToken):
            await tokens.principal(f"Bearer {forged}")


@pytest.mark.parametrize("scope", [None, "whep:play", ["whep:play"], 7, {"whip:publish": 1}, [7]])
async def test_a_token_without_the_right_may_not_publish(scope: object) -> None:
    tokens = JwtTokens(POLICY, fetching(jwks(one=KEY)))

    with pytest.raises(InsufficientScope):
        await tokens.principal(signed(scope=scope))


@pytest.mark.parametrize("scope", ["whep:play whip:publish", ["whep:play", "whip:publish"]])
async def test_the_right_may_be_one_of_several_words_or_of_a_list(scope: object) -> None:
    tokens = JwtTokens(POLICY, fetching(jwks(one=KEY)))

    assert await tokens.principal(signed(scope=scope)) == "sub-caller"


async def test_while_the_keys_cannot_be_had_the_client_is_asked_to_come_back() -> None:
    tokens = JwtTokens(POLICY, fetching(OSError("down")))

    with pytest.raises(Overloaded) as refused:
        await tokens.principal(signed())

    assert refused.value.retry_after_s


@given(st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=80))
async def test_whatever_comes_as_a_token_is_refused_and_nothing_else(token: str) -> None:
    tokens = JwtTokens(POLICY, fetching(jwks(one=KEY)))

    with pytest.raises(InvalidToken):
        await tokens.principal(f"Bearer {token}")


@given(
    st.dictionaries(
        st.sampled_from(["sub", "iss", "aud", "exp", "nbf", "iat", "scope", "jti"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2),
    )
)
async def test_whatever_a_signed_token_claims_it_is_taken_or_refused(
    claims: dict[str, object],
) -> None:
    token = jwt.api_jws.encode(json.dumps(claims).encode(), KEY, "ES256", headers={"kid": "one"})
    tokens = JwtTokens(POLICY, fetching(jwks(one=KEY)))

    with pytest.raises((InvalidToken, InsufficientScope)):
        await tokens.principal(f"Bearer {token}")


# -- algorithms ---------------------------------------------------------------------------------


async def test_a_public_key_is_no_shared_secret() -> None:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _, body, _ = signed().split(".")
    head = encoded(b'{"alg":"HS256","kid":"one"}')
    mac = hmac.digest(public, f"{head}.{body}".encode(), "sha256")
    tokens = JwtTokens(POLICY, fetching(jwks(one=KEY)))

    with pytest.raises(InvalidToken):
        await tokens.principal(f"Bearer {head}.{body}.{encoded(mac)}")


async def test_a_key_for_another_algorithm_than_the_pinned_ones_is_no_key() -> None:
    shared = b"s" * 32
    document = json.dumps({"keys": [{"kty": "oct", "kid": "one", "k": encoded(shared)}]})
    claims = jwt.decode(signed().removeprefix("Bearer "), options={"verify_signature": False})
    token = jwt.encode(claims, shared, algorithm="HS256", headers={"kid": "one"})

    with pytest.raises(Overloaded):
        await JwtTokens(POLICY, fetching(document)).principal(f"Bearer {token}")


async def test_a_key_that_names_no_algorithm_serves_each_pinned_one_of_its_type() -> None:
    key = rsa.generate_private_key(65537, 2048)
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    document = json.dumps(
        {"keys": [{**json.loads(algorithm.to_jwk(key.public_key())), "kid": "r"}]}
    )
    tokens = JwtTokens(JwtPolicy(("ES256", "PS256", "RS512")), fetching(document))
    claims = {"sub": "caller", "exp": int(time.time()) + 60, "scope": "whip:publish"}

    for name, is_taken in (("PS256", True), ("RS512", True), ("RS256", False)):
        token = jwt.encode(claims, key, algorithm=name, headers={"kid": "r"})
        if is_taken:
            assert await tokens.principal(f"Bearer {token}") == "sub-caller"
        else:
            with pytest.raises(InvalidToken):
                await tokens.principal(f"Bearer {token}")


async def test_a_key_for_encryption_signs_nothing() -> None:
    document = json.loads(jwks(one=KEY, two=OTHER_KEY))
    document["keys"][0]["use"] = "enc"
    tokens = JwtTokens(POLICY, fetching(json.dumps(document)))

    with pytest.raises(InvalidToken):
        await tokens.principal(signed())


# -- the key set --------------------------------------------------------------------------------


class KeyServer:
    """Serves key sets, and counts how often it was asked; `document` may be an error.

    It does not answer while `answers` is cleared.
    """

    def __init__(self, document: str | OSError) -> None:
        self.document = document
        self.asked = 0
        self.now_s = 1000.0
        self.answers = asyncio.Event()
        self.answers.set()
        self._asked_again = asyncio.Condition()

    async def was_asked(self, times: int) -> None:
        async with self._asked_again:
            await asyncio.wait_for(self._asked_again.wait_for(lambda: self.asked >= times), 1)

    async def fetch(self) -> str:
        async with self._asked_again:
            self.asked += 1
            self._asked_again.notify_all()
        await self.answers.wait()
        if isinstance(self.document, OSError):
            raise self.document
        return self.document

    def tokens(self) -> JwtTokens:
        return JwtTokens(POLICY, self.fetch, lambda: self.now_s)


async def test_keys_are_fetched_once_for_many_tokens() -> None:
    server = KeyServer(jwks(one=KEY))
    tokens = server.tokens()

    await asyncio.gather(*(tokens.principal(signed()) for _ in range(20)))

    assert server.asked == 1


async def test_a_new_key_is_taken_as_soon_as_a_token_names_it() -> None:
    server = KeyServer(jwks(one=KEY))
    tokens = server.tokens()
    await tokens.principal(signed())
    server.document = jwks(one=KEY, two=OTHER_KEY)
    server.now_s += REFRESH_PAUSE_S + 1

    assert await tokens.principal(signed(OTHER_KEY, "two")) == "sub-caller"


async def test_naming_unknown_keys_does_not_make_us_ask_again_and_again() -> None:
    server = KeyServer(jwks(one=KEY))
    tokens = server.tokens()

    for number in range(50):
        with pytest.raises(InvalidToken):
            await tokens.principal(signed(kid=f"unknown-{number}"))

    assert server.asked == 1


async def test_a_key_that_was_taken_out_of_the_set_is_refused_when_the_keys_are_old() -> None:
    server = KeyServer(jwks(one=KEY))
    tokens = server.tokens()
    await tokens.principal(signed())
    server.document = jwks(two=OTHER_KEY)
    server.now_s += KEYS_AGE_S + 1

    with pytest.raises(InvalidToken):
        await tokens.principal(signed())


@pytest.mark.parametrize(
    "document",
    [OSError("down"), "not JSON", "[]", '{"keys": 7}', '{"keys": [7, {}]}', "[" * 100_000],
    ids=["down", "no JSON", "a list", "a number", "no keys", "deep"],
)
async def test_keys_that_were_known_stay_while_no_others_can_be_had(
    document: str | OSError,
) -> None:
    server = KeyServer(jwks(one=KEY))
    tokens = server.tokens()
    await tokens.principal(signed())
    server.document = document
    server.now_s += KEYS_AGE_S + 1

    assert await tokens.principal(signed()) == "sub-caller"
    assert server.asked == 2


async def test_while_one_request_asks_for_newer_keys_others_go_on_with_the_old_ones() -> None:
    server = KeyServer(jwks(one=KEY))
    tokens = server.tokens()
    await tokens.principal(signed())
    server.now_s += KEYS_AGE_S + 1
    server.answers.clear()
    first = asyncio.ensure_future(tokens.principal(signed()))
    await server.was_asked(times=2)

    assert await asyncio.wait_for(tokens.principal(signed()), 1) == "sub-caller"
    assert not first.done()
    server.answers.set()
    assert await first == "sub-caller"
