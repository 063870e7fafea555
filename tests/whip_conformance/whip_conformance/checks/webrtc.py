"""Section 4.4: what WHIP asks of SDP, of bundles, tracks and roles."""

from __future__ import annotations

import ipaddress

from whip_conformance.offers import Offer, baseline, sample
from whip_conformance.reply import Reply
from whip_conformance.requirement import Level, requirement
from whip_conformance.session import Session
from whip_conformance.target import Target
from whip_conformance.verdict import NotApplicable, require

SECTION = "4.4"
REFUSED = (400, 422)


async def _post(target: Target, offer: Offer) -> Reply:
    return await target.post(offer.with_identity(target.identity()))


async def audio_and_video(target: Target) -> Session:
    """A session of two sections. Raises `NotApplicable` where video is refused."""
    reply = await _post(target, sample("audio-and-video"))
    if reply.status in REFUSED:
        raise NotApplicable(f"video is refused ({reply.status})")
    return target.session_of(reply)


@requirement(
    "W55",
    level=Level.SHALL,
    section="4.4.1",
    text="BUNDLE: every section of the answer is in one group, on one transport.",
)
async def everything_is_bundled(target: Target) -> str:
    alone = await target.open()
    require(alone.answer.bundle == ("0",), "one section: the BUNDLE group is not `0`")
    reply = await _post(target, sample("audio-and-video"))
    if reply.status in REFUSED:
        return f"one section is; video is refused ({reply.status})"
    both = target.session_of(reply).answer
    live = tuple(s.mid for s in both.media if not s.is_rejected)
    require(set(live) <= set(both.bundle), "a section is outside of the group")
    tagged = next(s for s in both.media if s.mid == both.bundle[0])
    for section in both.media:
        for name in ("ice-ufrag", "ice-pwd"):
            value = section.value(name)
            require(value in (None, tagged.value(name)), f"{name} differs between sections")
    return f"{len(live)} sections in one group"


@requirement(
    "W56", level=Level.SHALL, section="4.4.1", text="rtcp-mux in every section of the answer."
)
async def rtcp_is_multiplexed(target: Target) -> str:
    session = await target.open()
    require(all(s.has("rtcp-mux") for s in session.answer.media), "a section lacks rtcp-mux")
    return "rtcp-mux"


@requirement(
    "W57",
    level=Level.MUST,
    section="4.4.1",
    text="rtcp-mux-only in every bundled section of the answer (RFC 8858).",
)
async def rtcp_is_multiplexed_only(target: Target) -> str:
    sessions = [await target.open()]
    reply = await _post(target, sample("audio-and-video"))
    if reply.status == 201:
        sessions.append(target.session_of(reply))
    for session in sessions:
        lacking = [
            s.kind for s in session.answer.media if not s.is_rejected and not s.has("rtcp-mux-only")
        ]
        require(not lacking, f"the {' and '.join(lacking)} section lacks rtcp-mux-only")
    return "rtcp-mux-only"


@requirement(
    "W57-offer",
    level=Level.DERIVED,
    section="4.4.1",
    text="An offer without rtcp-mux-only, as browsers and OBS make it, is accepted.",
)
async def offer_without_mux_only(target: Target) -> str:
    (await _post(target, baseline().without("rtcp-mux-only"))).expect(201)
    return "201"


@requirement(
    "W59",
    level=Level.MUST,
    section="4.4.2",
    text="More tracks than are supported: 422 or 400 (two audio sections).",
)
async def too_many_tracks(target: Target) -> str:
    reply = await _post(target, sample("two-audio-tracks", "unacceptable"))
    if reply.status == 201:
        session = target.session_of(reply)
        rejected = [s for s in session.answer.media if s.is_rejected]
        require(not rejected, "it took one of two tracks instead of refusing both")
        raise NotApplicable("two audio tracks are supported")
    reply.expect(*REFUSED)
    return str(reply.status)


@requirement("W59-422", level=Level.PROFILE, section="4.4.2", text="Two audio sections: 422.")
async def two_audio_tracks_are_422(target: Target) -> str:
    (await _post(target, sample("two-audio-tracks", "unacceptable"))).expect(422)
    return "422"


@requirement(
    "W59-streams",
    level=Level.MUST,
    section="4.4.2",
    text="More MediaStreams than are supported: 422 or 400, else a whole answer.",
)
async def too_many_streams(target: Target) -> str:
    reply = await _post(target, sample("two-streams", "unacceptable"))
    reply.expect(201, *REFUSED)
    if reply.status == 201:
        answer = target.session_of(reply).answer
        require(not any(s.is_rejected for s in answer.media), "it took one of two streams")
        return "two streams are supported"
    return str(reply.status)


@requirement(
    "W60",
    level=Level.SHOULD_NOT,
    section="4.4.3",
    text="No partial answer: a section that cannot be served refuses the whole POST.",
)
async def no_partial_answer(target: Target) -> str:
    findings: list[str] = []
    for name in ("unknown-video-codec", "unknown-codec"):
        reply = await _post(target, sample(name, "unacceptable"))
        reply.expect(201, *REFUSED)
        if reply.status == 201:
            answer = target.session_of(reply).answer
            partial = any(s.is_rejected for s in answer.media)
            require(not partial, f"{name}: the section was rejected, the rest answered")
        findings.append(f"{name} {reply.status}")
    return ", ".join(findings)


@requirement(
    "W60-422",
    level=Level.PROFILE,
    section="4.4.3",
    text="Only unknown codecs for the one audio section: 422.",
)
async def unknown_codecs_are_422(target: Target) -> str:
    (await _post(target, sample("unknown-codec", "unacceptable"))).expect(422)
    return "422"


@requirement(
    "W61",
    level=Level.DERIVED,
    section="4.4.4",
    text="setup:actpass is answered active or passive (RFC 8842), active with passive.",
)
async def roles_are_answered(target: Target) -> str:
    session = await target.open(baseline())
    got = session.answer.for_section(session.audio, "setup")
    require(got in ("active", "passive"), f"actpass was answered {got}")
    reply = await _post(target, baseline().with_value("setup", "active"))
    if reply.status in REFUSED:
        return f"actpass: {got}; active is refused ({reply.status})"
    other = target.session_of(reply)
    active = other.answer.for_section(other.audio, "setup")
    require(active == "passive", f"active was answered {active}")
    return f"actpass: {got}, active: passive"


@requirement(
    "W61-passive",
    level=Level.PROFILE,
    section="4.4.4",
    text="The server takes the DTLS server's role: actpass and active are answered passive.",
)
async def roles_are_passive(target: Target) -> str:
    for setup in ("actpass", "active"):
        session = await target.open(baseline().with_value("setup", setup))
        got = session.answer.for_section(session.audio, "setup")
        require(got == "passive", f"{setup} was answered {got}")
    return "passive to both"


@requirement(
    "W62",
    level=Level.SHOULD,
    section="4.4.4",
    text="An offer whose DTLS role is not supported: 422 or 400 (passive, as ffmpeg 8 offers).",
)
async def unsupported_role(target: Target) -> str:
    for offer in (baseline().with_value("setup", "passive"), sample("ffmpeg-passive")):
        reply = await _post(target, offer)
        reply.expect(201, *REFUSED)
        if reply.status == 201:
            session = target.session_of(reply)
            got = session.answer.for_section(session.audio, "setup")
            require(got == "active", f"passive was answered {got}")
    return "answered active" if reply.status == 201 else f"refused ({reply.status})"


@requirement(
    "W63",
    level=Level.SHOULD,
    section="4.4.5",
    text="Full ICE, or ICE-lite on an address that every client can reach.",
)
async def lite_is_reachable(target: Target) -> str:
    session = await target.open()
    if not session.answer.is_ice_lite:
        return "full ICE"
    hosts = [ipaddress.ip_address(c.host) for c in session.ice.candidates if c.family is not None]
    try:
        is_private = ipaddress.ip_address(target.options.host).is_private
    except ValueError:
        is_private = target.options.host == "localhost"
    if is_private:
        return "ICE-lite, and the endpoint itself is on a private address"
    require(any(host.is_global for host in hosts), "ICE-lite without a public address")
    return "ICE-lite on a public address"


@requirement(
    "W65",
    level=Level.DERIVED,
    section=SECTION,
    text="An offer without a media section: 4xx.",
)
async def no_section(target: Target) -> str:
    offer = sample("no-media", "malformed")
    reply = await _post(target, offer)
    reply.expect_client_error()
    return str(reply.status)


@requirement(
    "W65-unknown",
    level=Level.DERIVED,
    section=SECTION,
    text="Attributes that nobody knows are ignored (RFC 8866 section 5.13).",
)
async def unknown_attributes(target: Target) -> str:
    (await _post(target, sample("unknown-attributes"))).expect(201)
    return "201"


@requirement(
    "W79",
    level=Level.MUST,
    section="4.8",
    text="A simulcast offer is refused, answered without it, or by RFC 8853 section 5.3.2.",
)
async def simulcast(target: Target) -> str:
    reply = await _post(target, sample("simulcast"))
    reply.expect(201, *REFUSED)
    if reply.status != 201:
        return f"refused ({reply.status})"
    answer = target.session_of(reply).answer
    video = answer.media[1]
    offered = {"hi", "mid", "lo"}
    rids = {value.split(" ")[0]: value for value in video.values("rid")}
    require(set(rids) <= offered, "the answer has rids that were not offered")
    require(
        all(value.split(" ")[1:2] == ["recv"] for value in rids.values()), "a rid is not `recv`"
    )
    accepted = video.value("simulcast")
    if accepted is None:
        return "answered without simulcast"
    direction, _, listed = accepted.partition(" ")
    require(direction == "recv", f"the answer's simulcast is `{direction}`, not `recv`")
    named = {rid.lstrip("~") for group in listed.split(";") for rid in group.split(",")}
    require(named <= set(rids), "simulcast names a rid that has no a=rid")
    return f"{len(named)} layers accepted"


@requirement(
    "W79-audio",
    level=Level.DERIVED,
    section="4.8",
    text="Rids on audio do no harm.",
)
async def rids_on_audio(target: Target) -> str:
    reply = await _post(target, sample("audio-with-rids"))
    reply.expect(201, *REFUSED)
    return str(reply.status)
