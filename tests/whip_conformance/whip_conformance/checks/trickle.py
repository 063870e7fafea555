"""Section 4.3.2: trickle ICE."""

from __future__ import annotations

from dataclasses import replace

from whip_conformance.checks.patch import patchable, trickle_reply
from whip_conformance.offers import baseline, sample
from whip_conformance.requirement import Level, requirement
from whip_conformance.session import Call
from whip_conformance.syntax.fragment import Fragment
from whip_conformance.target import Target
from whip_conformance.verdict import Failed, Inconclusive, NotApplicable, require

SECTION = "4.3.2"
SAMPLES = 20
GOOD = "1 1 udp 2130706431 192.0.2.1 50000 typ host"
STRANGE = {
    "TCP": "2 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
    "an unknown transport": "3 1 sctp 1518280447 192.0.2.1 50001 typ host",
    "an mDNS name": "4 1 udp 2122260223 5c2a4a36-7a1d-4f6c-9f3e-0d8f7c1b2a3e.local 50002 typ host",
    "an unknown name": "5 1 udp 2122260223 never-heard-of.invalid 50003 typ host",
    "an IPv6 zone": "6 1 udp 2122260223 fe80::1%eth0 50004 typ host",
    "port 0": "7 1 udp 2122260223 192.0.2.1 0 typ host",
    "a second component": "8 2 udp 2122260223 192.0.2.1 50005 typ host",
    "an unknown type": "9 1 udp 2122260223 192.0.2.1 50006 typ quantum",
    "extensions": "10 1 udp 2122260223 192.0.2.1 50007 typ host generation 0 ufrag x network-id 1",
}


@requirement(
    "W34",
    level=Level.DERIVED,
    section=SECTION,
    text="An offer with all, some or no candidates is answered.",
)
async def any_candidates_in_the_offer(target: Target) -> str:
    for name in ("baseline", "chromium", "chromium-gathered", "firefox-gathered"):
        await target.open(sample(name))
    return "none, some and all"


@requirement(
    "W36-fast",
    level=Level.PROFILE,
    section=SECTION,
    text="Gathering does not delay the 201: no wait for STUN.",
)
async def answers_are_fast(target: Target) -> str:
    times_s = sorted([(await target.open()).created.duration_s for _ in range(SAMPLES)])
    limit_s = target.options.answer_within_s
    worst_s, median_s = times_s[-1], times_s[SAMPLES // 2]
    require(worst_s <= limit_s, f"the slowest of {SAMPLES} took {worst_s * 1000:.0f} ms")
    return f"median {median_s * 1000:.1f} ms, slowest of {SAMPLES} {worst_s * 1000:.1f} ms"


@requirement(
    "W36-complete",
    level=Level.DERIVED,
    section=SECTION,
    text="The answer says that its list of candidates is complete (RFC 8838 section 14).",
)
async def answer_ends_its_candidates(target: Target) -> str:
    session = await target.open()
    ended = bool(session.answer.everywhere("end-of-candidates"))
    require(ended, "the answer has no end-of-candidates")
    return "end-of-candidates"


@requirement(
    "W39",
    level=Level.MUST,
    section=SECTION,
    text="Fragments of RFC 8840 section 4.4 are understood, with and without m=, mid and group.",
)
async def forms_of_fragments(target: Target) -> str:
    session = await patchable(target)
    whole = session.fragment(session.offered_credentials(), GOOD)
    forms: dict[str, Fragment] = {
        "all lines": replace(whole, is_last=True),
        "no group": replace(whole, bundle=None),
        "no ice-options": replace(whole, options=None),
        "other formats in m=": replace(whole, media_line="audio 9 RTP/AVP 0"),
        "no candidates": replace(whole, candidates=()),
    }
    for name, fragment in forms.items():
        reply = await session.patch(fragment.text, if_match=session.entity_tag)
        require(reply.status == 204, f"a fragment with {name} gave {reply.status}")
    return f"{len(forms)} forms"


@requirement(
    "W39-session-level",
    level=Level.PROFILE,
    section=SECTION,
    text="A fragment without m= and mid is understood: a bundle has one transport.",
)
async def fragment_without_media(target: Target) -> str:
    session = await patchable(target)
    whole = session.fragment(session.offered_credentials(), GOOD)
    for fragment in (replace(whole, media_line=None, mid=None), replace(whole, mid=None)):
        (await session.patch(fragment.text, if_match=session.entity_tag)).expect(204)
    return "without m= and without mid"


@requirement(
    "W39-mid",
    level=Level.PROFILE,
    section=SECTION,
    text="A fragment for a mid that was never offered: 400.",
)
async def fragment_for_unknown_mid(target: Target) -> str:
    session = await patchable(target)
    whole = session.fragment(session.offered_credentials(), GOOD)
    strange = replace(whole, mid="never-heard-of", bundle=None)
    (await session.patch(strange.text, if_match=session.entity_tag)).expect(400)
    return "400"


@requirement(
    "W41",
    level=Level.MUST,
    section=SECTION,
    text="A trickle PATCH: 204 without content and without ETag.",
)
async def trickle_is_204(target: Target) -> str:
    session = await target.open()
    await trickle_reply(session)
    reply = (await session.trickle(GOOD)).expect(204).expect_empty()
    require(reply.header("ETag") is None, "the 204 has an ETag")
    return "204, no content, no ETag"


async def _call_from_trickled(target: Target, *strange: str) -> Call:
    """A call whose client trickles its only good candidate between strange ones."""
    peer = target.new_peer()
    offer = baseline(target.options.direction).with_identity(peer.identity)
    session = target.session_of(await target.post(offer))
    _, candidate = await peer.host_candidate(target.options.host)
    half = len(strange) // 2
    reply = await session.trickle(*strange[:half], candidate, *strange[half:])
    if reply.status in (405, 422, 501):
        raise NotApplicable(f"trickle ICE is not supported ({reply.status})")
    reply.expect(204)
    call = Call(session, peer)
    await call.connect()
    return call


@requirement(
    "W42",
    level=Level.MUST,
    section=SECTION,
    text="Candidates of unknown transport or address are dropped silently, the rest is used.",
)
async def strange_candidates(target: Target) -> str:
    session = await patchable(target)
    for name, candidate in STRANGE.items():
        reply = await session.trickle(candidate)
        require(reply.status == 204, f"{name} gave {reply.status}, not 204")
    call = await _call_from_trickled(target, *STRANGE.values())
    if not call.session.answer.is_ice_lite:
        checked = await call.peer.seen.until(lambda: call.peer.seen.checks > 0, 2.0)
        require(checked, "the good candidate among them was never checked")
    return await call.expect_media(f"after {len(STRANGE)} strange candidates")


@requirement(
    "W43",
    level=Level.DERIVED,
    section=SECTION,
    text="A PATCH twice does no harm; end-of-candidates is taken, also alone and empty.",
)
async def duplicates_and_the_end(target: Target) -> str:
    call = await target.call()
    session = call.session
    fragment = session.fragment(session.offered_credentials(), GOOD)
    firefox = fragment.text + "a=candidate:\r\n"
    for body in (
        fragment.text,
        fragment.text,
        replace(fragment, is_last=True).text,
        replace(fragment, candidates=(), is_last=True).text,
        replace(fragment, candidates=(), is_last=True).text,
    ):
        (await session.patch(body, if_match=session.entity_tag)).expect(204)
    reply = await session.patch(firefox, if_match=session.entity_tag)
    require(reply.status in (204, 400), f"an empty candidate gave {reply.status}")
    return await call.expect_media("after duplicates and end-of-candidates")


@requirement(
    "W36-each",
    level=Level.PROFILE,
    section=SECTION,
    text="Each address family that the answer has a candidate of carries a call.",
)
async def each_family_carries_a_call(target: Target) -> str:
    session = await target.open()
    families = {c.family for c in session.ice.candidates if c.is_usable and not c.is_link_local}
    for family in sorted(family for family in families if family is not None):
        peer = target.new_peer()
        made = target.session_of(await target.post(await target.offer_of(peer)))
        call = Call(made, peer)
        try:
            await call.connect(family)
        except Failed as error:
            raise Inconclusive(f"{family.name}: {error.finding}; is it routed here?") from error
        await call.expect_media(f"over {family.name}")
    return " and ".join(sorted(family.name for family in families if family is not None))
