"""Section 4.3.3: ICE restarts, wanted, refused, overlapping and unused."""

from __future__ import annotations

import asyncio

from whip_conformance.checks.patch import STALE_TAG
from whip_conformance.offers import new_credentials
from whip_conformance.peer.path import Path
from whip_conformance.peer.peer import Pair
from whip_conformance.reply import Reply
from whip_conformance.requirement import Level, requirement
from whip_conformance.session import Call, Restarted
from whip_conformance.target import Target
from whip_conformance.verdict import Failed, NotApplicable, require

SECTION = "4.3.3"
WATCH_S = 1.0
PARALLEL = 50


async def restart(call: Call) -> tuple[Restarted, Path]:
    """A restart in the name of the call's peer; the path is the new socket that it names."""
    path, candidate = await call.new_end()
    return await call.session.restart(call.peer.renew(), candidate), path


async def move(call: Call) -> tuple[Pair, Pair]:
    """Restarts and goes over to the new socket; returns the old and the new pair."""
    old = call.peer.pair
    restarted, path = await restart(call)
    return old, await call.reach(restarted.ice, path)


@requirement(
    "W45",
    level=Level.MUST,
    section=SECTION,
    text="Changed ice-ufrag and ice-pwd mean a restart, whatever If-Match says; else trickle.",
)
async def credentials_tell_restart_from_trickle(target: Target) -> str:
    session = await target.open()
    await session.restart(new_credentials(), if_match="*")
    await session.restart(new_credentials(), if_match=session.entity_tag or STALE_TAG)
    fresh = await target.open()
    same = fresh.fragment(fresh.offered_credentials())
    reply = await fresh.patch(same.text, if_match="*")
    require(reply.status in (204, 405, 422), f"unchanged credentials with * gave {reply.status}")
    return "with * and with the current tag"


@requirement(
    "W46",
    level=Level.SHALL,
    section=SECTION,
    text="A restart: 200 with a fragment of new ice-ufrag, ice-pwd and candidates.",
)
async def restart_is_answered(target: Target) -> str:
    session = await target.open()
    before = session.ice.credentials
    seen = {before}
    for _ in range(3):
        restarted = await session.restart(new_credentials())
        after = restarted.ice.credentials
        require(after.flaw() is None, f"the new credentials are wrong: {after.flaw()}")
        require(after.ufrag not in {c.ufrag for c in seen}, "the ice-ufrag is not new")
        require(after.pwd not in {c.pwd for c in seen}, "the ice-pwd is not new")
        require(bool(restarted.ice.candidates), "the fragment has no candidates")
        seen.add(after)
    return f"new credentials, {len(restarted.ice.candidates)} candidates"


@requirement(
    "W47",
    level=Level.MUST,
    section=SECTION,
    text="The 200 has the new ETag; the old one gives 412 from then on.",
)
async def restart_changes_the_tag(target: Target) -> str:
    session = await target.open()
    old = session.entity_tag
    credentials = new_credentials()
    restarted = await session.restart(credentials)
    require(restarted.entity_tag != old, "the ETag is the old one")
    fragment = session.fragment(credentials).text
    (await session.patch(fragment, if_match=old)).expect(412)
    reply = await session.patch(fragment, if_match=restarted.entity_tag)
    reply.expect(204, 405, 422)
    return "the new one is taken, the old one gives 412"


@requirement(
    "W48",
    level=Level.MUST,
    section=SECTION,
    text="A restart replaces the remote candidates: what the server sends goes the new way.",
)
async def restart_replaces_candidates(target: Target) -> str:
    call = await target.call()
    await call.expect_media("before the restart")
    old, new = await move(call)
    await call.expect_media("after the restart")
    await call.peer.seen.quiet(0.2, 2.0)
    ports = call.peer.seen.by_port
    before_old, before_new = ports[old.path.port], ports[new.path.port]
    await call.expect_media("on the new path")
    (await call.session.delete()).expect(200, 202, 204)
    await call.peer.seen.until(lambda: call.peer.is_closed_by_server, 2.0)
    went_old, went_new = ports[old.path.port] - before_old, ports[new.path.port] - before_new
    require(went_old == 0, f"{went_old} datagrams still went to the old address")
    require(went_new > 0, "nothing came to the new address")
    return "media and close_notify go the new way alone"


@requirement(
    "W48-old",
    level=Level.PROFILE,
    section=SECTION,
    text="Once the new credentials are in use the old ones get no success.",
)
async def old_credentials_die(target: Target) -> str:
    call = await target.call()
    old, _ = await move(call)
    await call.expect_media("after the restart")
    require(not await call.peer.check(old, WATCH_S), "a check with the old ones got success")
    return "no success"


@requirement(
    "W49",
    level=Level.MUST,
    section=SECTION,
    text="ice-options, ice-pacing and ice-lite of the 200 are those of the answer.",
)
async def restart_keeps_ice_attributes(target: Target) -> str:
    session = await target.open()
    restarted = await session.restart(new_credentials())
    for name in ("ice-options", "ice-pacing", "ice-lite"):
        answered = set(session.answer.everywhere(name))
        again = set(restarted.fragment.everywhere(name))
        require(answered == again, f"{name} differs between the answer and the 200")
    return "all three are equal"


async def _refused(call: Call) -> list[Reply]:
    """Restarts that have to be refused, each for another reason."""
    session = call.session
    good = session.fragment(new_credentials()).text
    pwd_line = next(line for line in good.split("\r\n") if line.startswith("a=ice-pwd:"))
    return [
        await session.patch(good, if_match=STALE_TAG),
        await session.patch(good, if_match=None),
        await session.patch(good.replace(pwd_line, "a=ice-pwd:short"), if_match="*"),
        await session.patch(good, if_match="*", content_type="text/plain"),
    ]


@requirement(
    "W50",
    level=Level.MUST_NOT,
    section=SECTION,
    text="A restart that is refused does not end the session: the old ICE session goes on.",
)
async def refused_restart_does_no_harm(target: Target) -> str:
    call = await target.call()
    tag = call.session.entity_tag
    replies, finding = await asyncio.gather(
        _refused(call), call.expect_media("during refused restarts", packets=40)
    )
    for reply in replies:
        require(not reply.is_success, f"a wrong restart was taken ({reply.status})")
        require(reply.header("ETag") in (None, tag), "a refused restart changed the ETag")
    require(await call.peer.check(call.peer.pair, 2.0), "the old ICE session is dead")
    require(not await call.session.is_gone(), "the session is gone")
    return f"{len(replies)} refused; {finding}"


@requirement(
    "W50-unused",
    level=Level.DERIVED,
    section=SECTION,
    text="After a restart the old path carries on until the new one is nominated.",
)
async def unused_restart_does_no_harm(target: Target) -> str:
    call = await target.call()
    await restart(call)
    finding = await call.expect_media("between the restart and its use", packets=25)
    require(await call.peer.check(call.peer.pair, 2.0), "the old path gives no consent any more")
    return finding


@requirement(
    "W51",
    level=Level.MUST,
    section=SECTION,
    text="If consent expires after a restart, the session ends.",
)
async def restart_then_silence_ends(target: Target) -> str:
    call = await target.call()
    await restart(call)
    call.peer.vanish()
    limit_s = target.options.consent_timeout_s + target.options.grace_s
    took_s = await call.session.until_gone(limit_s)
    if took_s is None:
        raise Failed(f"the session was still there {limit_s:g} s later")
    return f"gone after {took_s:.1f} s"


@requirement(
    "W53",
    level=Level.DERIVED,
    section=SECTION,
    text="Of overlapping restarts the last wins, and the session is whole after them.",
)
async def overlapping_restarts(target: Target) -> str:
    call = await target.call()
    session = call.session
    offered = [new_credentials() for _ in range(PARALLEL)]
    replies = await asyncio.gather(
        *(session.patch(session.fragment(c).text, if_match="*") for c in offered)
    )
    if all(reply.status in (405, 422, 501) for reply in replies):
        raise NotApplicable("ICE restart is not supported")
    for reply in replies:
        reply.expect(200, 409, 412, 429, 503)
    taken = [
        (session.restarted_by(reply).entity_tag, session.fragment(credentials).text)
        for reply, credentials in zip(replies, offered, strict=True)
        if reply.status == 200
    ]
    require(bool(taken), "not one of them was taken")
    require(len({tag for tag, _ in taken}) == len(taken), "two restarts share an entity-tag")
    statuses = [(await session.patch(text, if_match=tag)).status for tag, text in taken]
    current = sum(status != 412 for status in statuses)
    require(current == 1, f"{current} of the tags are current, not one")
    await move(call)
    await call.expect_media("after overlapping restarts")
    return f"{len(taken)} of {PARALLEL} taken, one is current, a further one works"


@requirement(
    "W53-winner",
    level=Level.DERIVED,
    section=SECTION,
    text="The credentials of the restart that won are those that connect.",
)
async def winner_connects(target: Target) -> str:
    call = await target.call()
    overtaken, path = await restart(call)
    ours, address = call.peer.credentials, call.peer.pair.address
    await restart(call)
    loser = Pair(path, address, ours, overtaken.ice.credentials)
    require(not await call.peer.check(loser, 0.5), "the overtaken restart still gets success")
    winner, path = await restart(call)
    await call.reach(winner.ice, path)
    return await call.expect_media("after three restarts")


@requirement(
    "W54",
    level=Level.MUST,
    section=SECTION,
    text="Everything but ICE stays: no new DTLS handshake, the same SRTP keys and SSRC.",
)
async def restart_keeps_everything_else(target: Target) -> str:
    call = await target.call()
    await call.expect_media("before the restart")
    before = {packet.ssrc for packet in call.peer.seen.packets}
    seen = call.peer.seen
    await seen.quiet(0.2, 2.0)
    handshakes, unopened, first = seen.handshake_records, seen.unopened, len(seen.packets)
    await move(call)
    finding = await call.expect_media("after the restart")
    require(seen.handshake_records == handshakes, "the server began a new DTLS handshake")
    require(seen.unopened == unopened, "a packet after the restart has another SRTP key")
    after = {packet.ssrc for packet in seen.packets[first:]}
    require(after <= before, "the server changed its SSRC")
    return f"no handshake; {finding}"
