"""Section 4.3.1: PATCH, its content, and the entity-tags that guard it."""

from __future__ import annotations

from whip_conformance.offers import new_credentials
from whip_conformance.reply import Reply
from whip_conformance.requirement import Level, requirement
from whip_conformance.session import Session
from whip_conformance.syntax.fragment import MEDIA_TYPE
from whip_conformance.target import Target
from whip_conformance.verdict import Failed, NotApplicable, require

SECTION = "4.3.1"
STALE_TAG = '"a-tag-that-never-was"'


async def trickle_reply(session: Session) -> Reply:
    """A trickle PATCH that says nothing new. Raises `NotApplicable` without trickle."""
    reply = await session.trickle()
    if reply.status in (405, 422, 501):
        raise NotApplicable(f"trickle ICE is not supported ({reply.status})")
    return reply


async def patchable(target: Target) -> Session:
    """A session that takes trickle PATCHes."""
    session = await target.open()
    (await trickle_reply(session)).expect(204)
    return session


@requirement(
    "W23",
    level=Level.RECOMMENDED,
    section="4.3",
    text="Trickle ICE and ICE restarts are supported.",
)
async def trickle_and_restart(target: Target) -> str:
    session = await target.open()
    reply = await session.trickle()
    require(reply.is_success, f"trickle gave {reply.status}")
    fragment = session.fragment(new_credentials())
    reply = await session.patch(fragment.text, if_match="*")
    require(reply.is_success, f"a restart gave {reply.status}")
    return "both"


@requirement(
    "W24",
    level=Level.MUST,
    section=SECTION,
    text="A PATCH of another type than application/trickle-ice-sdpfrag: 4xx.",
)
async def other_patch_type(target: Target) -> str:
    session = await target.open()
    fragment = session.fragment(session.offered_credentials()).text
    for kind in ("application/sdp", "application/json", None):
        reply = await session.patch(fragment, if_match=session.entity_tag, content_type=kind)
        require(reply.is_client_error, f"a PATCH of type {kind} gave {reply.status}, not 4xx")
    return "refused, and so is none at all"


@requirement(
    "W24-415",
    level=Level.PROFILE,
    section=SECTION,
    text="Another type: 415 with Accept-Patch (RFC 5789 section 2.2).",
)
async def other_patch_type_is_415(target: Target) -> str:
    session = await patchable(target)
    fragment = session.fragment(session.offered_credentials()).text
    for kind in ("application/sdp", None):
        reply = await session.patch(fragment, if_match=session.entity_tag, content_type=kind)
        reply.expect(415)
        require(MEDIA_TYPE in reply.members("Accept-Patch"), "the 415 has no right Accept-Patch")
    upper = await session.patch(
        fragment, if_match=session.entity_tag, content_type=MEDIA_TYPE.upper() + "; a=b"
    )
    require(upper.is_success, "case or parameters of the right type matter")
    return "415 that names the right type"


MALFORMED_FRAGMENTS: dict[str, str | bytes] = {
    "no lines of attributes": "this is no fragment\r\n",
    "binary": b"\x00\x01\xff\xfe" * 8,
    "a candidate cut short": "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp\r\n",
    "a media line cut short": "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\nm=audio\r\na=mid:0\r\n",
    "JSON": '{{"candidate": ""}}',
    "a short password": "a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n",
    "empty": "",
}


def malformed_fragment(name: str, session: Session) -> bytes:
    """The named body, with the session's own credentials where it has any."""
    body = MALFORMED_FRAGMENTS[name]
    if isinstance(body, bytes):
        return body
    credentials = session.offered_credentials()
    return body.format(ufrag=credentials.ufrag, pwd=credentials.pwd).encode()


async def _malformed_statuses(target: Target) -> dict[str, int]:
    session = await patchable(target)
    statuses: dict[str, int] = {}
    for name in MALFORMED_FRAGMENTS:
        body = malformed_fragment(name, session)
        statuses[name] = (await session.patch(body, if_match=session.entity_tag)).status
    require(not await session.is_gone(), "a malformed fragment ended the session")
    return statuses


@requirement("W25", level=Level.MUST, section=SECTION, text="A malformed fragment: 4xx.")
async def malformed_fragments(target: Target) -> str:
    statuses = await _malformed_statuses(target)
    wrong = [f"{name} {status}" for name, status in statuses.items() if not 400 <= status < 500]
    require(not wrong, f"not refused with 4xx: {', '.join(wrong)}")
    return f"{len(statuses)} malformed fragments refused"


@requirement("W25-400", level=Level.PROFILE, section=SECTION, text="A malformed fragment: 400.")
async def malformed_fragments_are_400(target: Target) -> str:
    statuses = await _malformed_statuses(target)
    wrong = [f"{name} {status}" for name, status in statuses.items() if status != 400]
    require(not wrong, f"not 400: {', '.join(wrong)}")
    return f"400 for all {len(statuses)}"


@requirement(
    "W26",
    level=Level.MUST,
    section=SECTION,
    text="If only one of trickle and restart is supported: 422 for the other.",
)
async def one_of_two_is_422(target: Target) -> str:
    session = await target.open()
    trickle = await session.trickle()
    fragment = session.fragment(new_credentials())
    restart = await session.patch(fragment.text, if_match="*")
    if trickle.is_success and restart.is_success:
        raise NotApplicable("both are supported")
    if not trickle.is_success and not restart.is_success:
        trickle.expect(405, 422, 501)
        raise NotApplicable("neither is supported")
    unsupported, name = (restart, "restart") if trickle.is_success else (trickle, "trickle")
    require(unsupported.status == 422, f"{name} is unsupported and gave {unsupported.status}")
    return f"{name} is unsupported and gives 422"


@requirement(
    "W27",
    level=Level.MUST,
    section=SECTION,
    text="Every ICE session has a unique strong entity-tag.",
)
async def tags_are_unique_and_strong(target: Target) -> str:
    tags: list[str] = []
    for _ in range(3):
        session = await target.open()
        tags.append(str(session.created.expect_entity_tag()))
        for _ in range(2):
            tags.append((await session.restart(new_credentials())).entity_tag)
    require(len(set(tags)) == len(tags), "two ICE sessions have the same entity-tag")
    return f"{len(tags)} ICE sessions, {len(tags)} tags"


@requirement("W28", level=Level.MUST, section=SECTION, text="The 201 has the first ETag.")
async def first_tag(target: Target) -> str:
    session = await target.open()
    if session.entity_tag is None:
        await session.restart(new_credentials(), if_match="*")
        raise Failed("restarts are supported, but the 201 has no ETag")
    session.created.expect_entity_tag()
    return "a strong entity-tag"


@requirement(
    "W30", level=Level.MUST, section=SECTION, text="DELETE ignores entity-tags of any kind."
)
async def delete_ignores_tags(target: Target) -> str:
    for name, tag in (
        ("If-Match", STALE_TAG),
        ("If-None-Match", "*"),
        ("If-None-Match", "current"),
    ):
        session = await target.open()
        value = session.entity_tag or STALE_TAG if tag == "current" else tag
        reply = await session.delete(headers={name: value})
        require(reply.is_success, f"DELETE with {name} gave {reply.status}")
        require(await session.is_gone(), f"DELETE with {name} did not end the session")
    return "If-Match and If-None-Match"


@requirement(
    "W31",
    level=Level.MUST,
    section=SECTION,
    text="A PATCH without If-Match: 428 (RFC 6585 section 3).",
)
async def missing_tag(target: Target) -> str:
    session = await patchable(target)
    fragment = session.fragment(session.offered_credentials()).text
    (await session.patch(fragment, if_match=None)).expect(428)
    restart = session.fragment(new_credentials()).text
    (await session.patch(restart, if_match=None)).expect(428)
    (await trickle_reply(session)).expect(204)
    return "428 for trickle and for restart"


@requirement(
    "W32",
    level=Level.MUST,
    section=SECTION,
    text="A PATCH whose If-Match does not match: 412 (RFC 9110 section 13.1.1).",
)
async def other_tag(target: Target) -> str:
    session = await patchable(target)
    fragment = session.fragment(session.offered_credentials()).text
    for tag in (STALE_TAG, f"{STALE_TAG}, {STALE_TAG}", '""'):
        (await session.patch(fragment, if_match=tag)).expect(412)
    return "412"


@requirement(
    "W32-weak",
    level=Level.DERIVED,
    section=SECTION,
    text="If-Match compares strongly: the weak form of the current tag does not match.",
)
async def weak_tag(target: Target) -> str:
    session = await patchable(target)
    fragment = session.fragment(session.offered_credentials()).text
    (await session.patch(fragment, if_match=f"W/{session.entity_tag}")).expect(412)
    return "412 for a weak tag"


@requirement(
    "W32-list",
    level=Level.DERIVED,
    section=SECTION,
    text="If-Match is a list: one tag of it that matches is enough.",
)
async def list_of_tags(target: Target) -> str:
    session = await patchable(target)
    fragment = session.fragment(session.offered_credentials()).text
    for listed in (
        f"{STALE_TAG}, {session.entity_tag}",
        f'"with,a,comma" ,W/"weak",{session.entity_tag}',
    ):
        (await session.patch(fragment, if_match=listed)).expect(204)
    return "204 for lists that hold it"


@requirement(
    "W33",
    level=Level.PROFILE,
    section="4.3.3",
    text='Both `*` and the RFC example\'s quoted `"*"` are taken for a restart.',
)
async def star_and_quoted_star(target: Target) -> str:
    session = await target.open()
    for star in ("*", '"*"'):
        await session.restart(new_credentials(), if_match=star)
    return "both"
