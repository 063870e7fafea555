"""Section 4.7: bearer tokens (RFC 9110 section 11, RFC 6750). Needs tokens."""

from __future__ import annotations

from whip_conformance.checks.cors import preflight
from whip_conformance.offers import baseline, new_credentials
from whip_conformance.reply import Reply
from whip_conformance.requirement import Level, requirement
from whip_conformance.session import Session
from whip_conformance.syntax.challenges import Challenge, read_challenges
from whip_conformance.syntax.fields import FieldError
from whip_conformance.syntax.fragment import MEDIA_TYPE
from whip_conformance.target import SDP, Target
from whip_conformance.verdict import Failed, NotApplicable, require

SECTION = "4.7"
WRONG_TOKEN = "never-heard-of-this-token"


def _need(token: str | None, option: str) -> str:
    if token is None:
        raise NotApplicable(f"it needs {option}")
    return token


def bearer_challenge(reply: Reply) -> Challenge:
    """The Bearer challenge of a 401 or 403. Raises `Failed`."""
    try:
        challenges = read_challenges(reply.values("WWW-Authenticate"))
    except FieldError as error:
        raise Failed(f"WWW-Authenticate cannot be read: {error}") from error
    for challenge in challenges:
        if challenge.scheme == "bearer":
            return challenge
    raise Failed(f"the {reply.status} has no Bearer challenge")


async def _post(target: Target, authorization: str | None) -> Reply:
    fields = {"Content-Type": SDP}
    if authorization is not None:
        fields["Authorization"] = authorization
    offer = baseline().with_identity(target.identity())
    return await target.request("POST", body=offer.text, headers=fields, is_anonymous=True)


@requirement(
    "W75",
    level=Level.MUST,
    section=SECTION,
    text="Bearer tokens are supported: without one 401 with a Bearer challenge, with it 201.",
)
async def token_is_needed(target: Target) -> str:
    token = _need(target.options.token, "--token")
    reply = (await _post(target, None)).expect(401)
    challenge = bearer_challenge(reply)
    require(challenge.value("error") is None, "the challenge has an error where no token came")
    (await _post(target, f"Bearer {token}")).expect(201)
    return "401 with a challenge, 201 with the token"


@requirement("W75-realm", level=Level.PROFILE, section=SECTION, text="The challenge names a realm.")
async def challenge_has_a_realm(target: Target) -> str:
    _need(target.options.token, "--token")
    challenge = bearer_challenge((await _post(target, None)).expect(401))
    require(bool(challenge.value("realm")), "the challenge has no realm")
    return "it does"


@requirement(
    "W75-invalid",
    level=Level.DERIVED,
    section=SECTION,
    text='A wrong token: 401 with error="invalid_token" (RFC 6750 section 3.1).',
)
async def wrong_token(target: Target) -> str:
    _need(target.options.token, "--token")
    reply = (await _post(target, f"Bearer {WRONG_TOKEN}")).expect(401)
    error = bearer_challenge(reply).value("error")
    require(error == "invalid_token", f"the challenge's error is {error}")
    for scheme in ("Basic dXNlcjpwYXNz", "Bearer", "Bearer a b"):
        reply = await _post(target, scheme)
        require(reply.status in (400, 401), f"`{scheme.split()[0]}` gave {reply.status}")
    return "401, invalid_token"


@requirement(
    "W75-scope",
    level=Level.DERIVED,
    section=SECTION,
    text='A token without the right: 403 with error="insufficient_scope".',
)
async def insufficient_token(target: Target) -> str:
    token = _need(target.options.insufficient_token, "--insufficient-token")
    reply = (await _post(target, f"Bearer {token}")).expect(403)
    error = bearer_challenge(reply).value("error")
    require(error == "insufficient_scope", f"the challenge's error is {error}")
    return "403, insufficient_scope"


@requirement(
    "W75-scheme",
    level=Level.DERIVED,
    section=SECTION,
    text="The scheme's name is taken in any case (RFC 9110 section 11.1).",
)
async def scheme_in_any_case(target: Target) -> str:
    token = _need(target.options.token, "--token")
    for scheme in ("bearer", "BEARER"):
        (await _post(target, f"{scheme} {token}")).expect(201)
    return "any case"


@requirement(
    "W75-preflight",
    level=Level.DERIVED,
    section=SECTION,
    text="A preflight needs no token: no client sends one on it.",
)
async def preflight_needs_no_token(target: Target) -> str:
    _need(target.options.token, "--token")
    session = await target.open()
    for url, method in ((target.url, "POST"), (session.url, "PATCH")):
        reply = await preflight(target, url, method, "authorization,content-type")
        require(reply.is_success, f"the preflight gave {reply.status}")
    return "2xx without a token"


async def _session_replies(
    session: Session, *, token: str | None, is_anonymous: bool
) -> list[Reply]:
    fragment = session.fragment(new_credentials()).text
    return [
        await session.request(
            "PATCH",
            body=fragment,
            headers={"Content-Type": MEDIA_TYPE, "If-Match": "*"},
            token=token,
            is_anonymous=is_anonymous,
        ),
        await session.request("DELETE", token=token, is_anonymous=is_anonymous),
    ]


@requirement(
    "W76",
    level=Level.MAY,
    section=SECTION,
    text="PATCH and DELETE without a token: 401, and the session lives.",
)
async def session_needs_a_token(target: Target) -> str:
    _need(target.options.token, "--token")
    session = await target.open()
    for reply in await _session_replies(session, token=None, is_anonymous=True):
        reply.expect(401)
        bearer_challenge(reply)
    for reply in await _session_replies(session, token=WRONG_TOKEN, is_anonymous=False):
        reply.expect(401)
    require(not await session.is_gone(), "the session is gone")
    return "401, the session lives"


@requirement(
    "W76-other",
    level=Level.PROFILE,
    section=SECTION,
    text="PATCH and DELETE with somebody else's token: 403, and the session lives.",
)
async def session_of_somebody_else(target: Target) -> str:
    _need(target.options.token, "--token")
    other = _need(target.options.other_token, "--other-token")
    await target.open(token=other)
    session = await target.open()
    for reply in await _session_replies(session, token=other, is_anonymous=False):
        reply.expect(403)
    require(not await session.is_gone(), "the session is gone")
    return "403, the session lives"
