"""Section 4.2, the other half: how a session ends, and what must be over then."""

from __future__ import annotations

from whip_conformance.offers import baseline
from whip_conformance.requirement import Level, requirement
from whip_conformance.session import Call
from whip_conformance.target import Target
from whip_conformance.verdict import Failed, require

SECTION = "4.2"
SILENCE_S = 0.3
WATCH_S = 1.0


@requirement(
    "W15",
    level=Level.SHALL,
    section=SECTION,
    text="Consent freshness (RFC 7675) finds a client that vanished.",
)
async def vanished_client_is_found(target: Target) -> str:
    call = await target.call()
    call.peer.vanish()
    limit_s = target.options.consent_timeout_s + target.options.grace_s
    took_s = await call.session.until_gone(limit_s)
    if took_s is None:
        raise Failed(f"the session was still there {limit_s:g} s after it vanished")
    return f"gone after {took_s:.1f} s"


@requirement(
    "W15-live",
    level=Level.DERIVED,
    section=SECTION,
    text="A client that renews its consent is not taken for one that vanished.",
)
async def consenting_client_is_kept(target: Target) -> str:
    call = await target.call()
    wait_s = round(target.options.consent_timeout_s + 3.0)
    for _ in range(wait_s):
        call.peer.send_media(call.session.payload_type)
        lost = await call.peer.seen.until(lambda: call.peer.is_closed_by_server, 1.0)
        require(not lost, "the server closed DTLS although consent was renewed")
    require(not await call.session.is_gone(), "the session is gone although consent was renewed")
    return f"still there after {wait_s} s"


@requirement(
    "W16",
    level=Level.SHALL,
    section=SECTION,
    text="The client's DTLS close_notify ends the session.",
)
async def close_notify_ends_the_session(target: Target) -> str:
    call = await target.call()
    call.peer.close_dtls()
    limit_s = target.options.grace_s
    took_s = await call.session.until_gone(limit_s)
    require(took_s is not None, f"the session was still there {limit_s:g} s later")
    return f"gone after {took_s:.1f} s"


@requirement(
    "W18",
    level=Level.DERIVED,
    section=SECTION,
    text="DELETE: 2xx, the session is removed; a second DELETE: 404.",
)
async def delete_removes_the_session(target: Target) -> str:
    session = await target.open()
    first = await session.delete()
    require(first.is_success, f"DELETE gave {first.status}")
    require(await session.is_gone(), "a GET still finds the session")
    (await session.delete()).expect(404, 410)
    return f"{first.status}, then 404"


@requirement(
    "W18-200", level=Level.PROFILE, section=SECTION, text="DELETE: exactly 200, which OBS wants."
)
async def delete_is_200(target: Target) -> str:
    session = await target.open()
    (await session.delete()).expect(200)
    (await session.delete()).expect(404)
    return "200, then 404"


async def _ended_call(target: Target) -> Call:
    call = await target.call(baseline(target.options.direction))
    await call.expect_media("before the end")
    (await call.session.delete()).expect(200, 202, 204)
    return call


@requirement(
    "W18-transport",
    level=Level.DERIVED,
    section=SECTION,
    text="DELETE ends DTLS: close_notify is seen.",
)
async def delete_ends_dtls(target: Target) -> str:
    call = await _ended_call(target)
    seen = await call.peer.seen.until(lambda: call.peer.is_closed_by_server, target.options.grace_s)
    require(seen, "no close_notify came")
    return "close_notify was seen"


@requirement(
    "W19",
    level=Level.MUST,
    section=SECTION,
    text="The server's end revokes consent at once (RFC 7675 section 5.2): no media any more.",
)
async def nothing_is_sent_after_the_end(target: Target) -> str:
    call = await _ended_call(target)
    seen = call.peer.seen
    require(await seen.quiet(SILENCE_S, target.options.grace_s), "the server goes on sending")
    before = seen.media
    call.peer.send_media(call.session.payload_type, 10)
    await seen.until(lambda: seen.media > before, WATCH_S)
    require(seen.media == before, f"{seen.media - before} packets came after the end")
    return "no packet in a second"


@requirement(
    "W19-stun",
    level=Level.MUST,
    section=SECTION,
    text="After the server's end no connectivity check gets success.",
)
async def no_success_after_the_end(target: Target) -> str:
    call = await _ended_call(target)
    await call.peer.seen.quiet(SILENCE_S, target.options.grace_s)
    answered = await call.peer.check(call.peer.pair, WATCH_S)
    require(not answered, "a check got success after the end")
    return "checks get no success"
