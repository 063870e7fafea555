"""Section 4.2: from the offer to the session, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import urljoin, urlsplit

from whip_conformance.offers import CLIENTS, Offer, baseline, malformed, sample
from whip_conformance.requirement import Level, requirement
from whip_conformance.syntax.answer import flaws
from whip_conformance.target import SDP, Target
from whip_conformance.verdict import Failed, NotApplicable, require

SECTION = "4.2"
HUGE_BYTES = 1 << 20


async def expect_answered(target: Target, offer: Offer) -> str:
    """The offer gets a 201 with an answer that fits it. Raises `Failed`."""
    session = await target.open(offer)
    found = flaws(offer.description, session.answer)
    require(not found, "the answer does not fit the offer: " + "; ".join(found[:3]))
    sections = len(session.answer.media)
    return f"answered, {sections} media section{'s' if sections > 1 else ''}"


@requirement(
    "W8",
    level=Level.MUST,
    section=SECTION,
    text="POST of an offer: 201, application/sdp, a JSEP answer as the body.",
)
async def post_is_answered(target: Target) -> str:
    session = await target.open()
    require(session.created.media_type == SDP, f"the 201 has the type {session.created.media_type}")
    return await expect_answered(target, baseline())


def _declare_client(name: str) -> None:
    @requirement(
        f"W8-{name}",
        level=Level.DERIVED,
        section=SECTION,
        text=f"An offer as {name.partition('-')[0]} makes it is answered ({name}.sdp).",
    )
    async def client_is_answered(target: Target) -> str:
        return await expect_answered(target, sample(name))


for _client in (*CLIENTS, "pion", "ffmpeg-active"):
    _declare_client(_client)


@requirement(
    "W9",
    level=Level.MUST,
    section=SECTION,
    text="The 201 has the session URL as Location, resolved against the request's URL.",
)
async def location_is_the_session(target: Target) -> str:
    session = await target.open()
    reply = await session.request("GET")
    require(reply.is_success, f"a GET there gave {reply.status}")
    require(session.url != target.url, "it is the endpoint's own URL")
    return "it leads to the session"


@requirement(
    "W9-absolute",
    level=Level.PROFILE,
    section=SECTION,
    text="Location is an absolute URL or path without a query: OBS gets others wrong.",
)
async def location_is_absolute(target: Target) -> str:
    session = await target.open()
    location = session.created.header("Location") or ""
    if location.startswith("/") and not location.startswith("//"):
        require("?" not in location, "OBS loses the query of a path")
        return "an absolute path"
    require(
        urlsplit(location).scheme in ("http", "https") and bool(urlsplit(location).netloc),
        "it is relative to the path of the request",
    )
    return "an absolute URL"


@requirement(
    "W9-forwarded",
    level=Level.DERIVED,
    section=SECTION,
    text="Location is right behind a proxy, and X-Forwarded-* of a stranger does not steer it.",
)
async def location_behind_a_proxy(target: Target) -> str:
    fields = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "edge.example.org",
        "X-Forwarded-For": "192.0.2.10",
    }
    offer = baseline().with_identity(target.identity())
    reply = (await target.post(offer, headers=fields)).expect(201)
    location = reply.header("Location") or ""
    if location.startswith("/"):
        return "an absolute path is right behind any proxy"
    seen = urlsplit(urljoin(reply.url, location))
    outside = (seen.scheme, seen.netloc) == ("https", "edge.example.org")
    if target.options.trusts_forwarded:
        require(outside, "it does not lead back through the proxy")
        return "it leads back through the proxy"
    require(not outside, "a stranger's X-Forwarded-Host steers it")
    return "a stranger's headers do not steer it"


@requirement(
    "W10",
    level=Level.MUST,
    section=SECTION,
    text="A POST of another content type: 4xx.",
)
async def other_content_type(target: Target) -> str:
    offer = baseline().with_identity(target.identity())
    for kind in ("text/plain", "application/json", "application/sdpx"):
        (await target.post(offer, headers={"Content-Type": kind})).expect_client_error()
    reply = await target.request("POST", body=offer.text)
    require(reply.is_client_error, f"a POST without a content type gave {reply.status}, not 4xx")
    return "refused, and so is none at all"


@requirement(
    "W10-415",
    level=Level.PROFILE,
    section=SECTION,
    text="Another or no content type: 415 with Accept (RFC 9110 section 15.5.16).",
)
async def other_content_type_is_415(target: Target) -> str:
    offer = baseline().with_identity(target.identity())
    replies = [
        await target.post(offer, headers={"Content-Type": "text/plain"}),
        await target.request("POST", body=offer.text),
    ]
    for reply in replies:
        reply.expect(415)
        named = reply.members("Accept") | reply.members("Accept-Post")
        require(SDP in named, "neither Accept nor Accept-Post of the 415 names application/sdp")
    return "415 that names application/sdp"


@requirement(
    "W10-tolerance",
    level=Level.DERIVED,
    section=SECTION,
    text="Parameters and any case of application/sdp are fine (RFC 9110 section 8.3.1).",
)
async def content_type_is_tolerated(target: Target) -> str:
    for kind in ("application/sdp; charset=utf-8", "Application/SDP", "application/sdp;a=b"):
        offer = baseline().with_identity(target.identity())
        (await target.post(offer, headers={"Content-Type": kind})).expect(201)
    return "parameters and case do not matter"


@requirement("W11", level=Level.MUST, section=SECTION, text="Malformed SDP: 4xx.")
async def malformed_sdp(target: Target) -> str:
    samples = malformed()
    wrong: list[str] = []
    for name, body in samples.items():
        reply = await target.post(body)
        if not reply.is_client_error:
            wrong.append(f"{name} {reply.status}")
    require(not wrong, f"not refused with 4xx: {', '.join(wrong)}")
    (await target.post(baseline().with_identity(target.identity()))).expect(201)
    return f"{len(samples)} malformed bodies refused, a good one still answered"


@requirement("W11-400", level=Level.PROFILE, section=SECTION, text="Malformed SDP: 400.")
async def malformed_sdp_is_400(target: Target) -> str:
    samples = malformed()
    statuses = {name: (await target.post(body)).status for name, body in samples.items()}
    wrong = [f"{name} {status}" for name, status in statuses.items() if status != 400]
    require(not wrong, f"not 400: {', '.join(wrong)}")
    return f"400 for all {len(samples)}"


@requirement("W11-413", level=Level.PROFILE, section=SECTION, text="A body of 1 MiB: 413.")
async def huge_body(target: Target) -> str:
    filler = "a=x-conformance:" + "x" * 1000 + "\r\n"
    offer = baseline().text + filler * (HUGE_BYTES // len(filler) + 1)
    (await target.post(offer)).expect(413)
    return "413"


@requirement(
    "W12",
    level=Level.DERIVED,
    section=SECTION,
    text="An offer that is recvonly or inactive, as no client may make it: 4xx.",
)
async def unsendable_direction(target: Target) -> str:
    for name in ("recvonly", "inactive"):
        offer = sample(name, "unacceptable").with_identity(target.identity())
        reply = await target.post(offer)
        require(reply.is_client_error, f"{name} gave {reply.status}, not 4xx")
    return "both refused"


@requirement(
    "W12-422", level=Level.PROFILE, section=SECTION, text="An offer recvonly or inactive: 422."
)
async def unsendable_direction_is_422(target: Target) -> str:
    for name in ("recvonly", "inactive"):
        offer = sample(name, "unacceptable").with_identity(target.identity())
        (await target.post(offer)).expect(422)
    return "422 for both"


@requirement(
    "W13",
    level=Level.DERIVED,
    section=SECTION,
    text="Offers sendonly and sendrecv are both accepted.",
)
async def sendable_directions(target: Target) -> str:
    for direction in ("sendonly", "sendrecv"):
        await expect_answered(target, baseline(direction))
    return "both answered"


@requirement(
    "W14", level=Level.MUST, section=SECTION, text="The answer is recvonly in every section."
)
async def answer_is_recvonly(target: Target) -> str:
    offered = ["sendonly"] if target.options.is_echo else ["sendonly", "sendrecv"]
    for direction in offered:
        session = await target.open(baseline(direction))
        for section in session.answer.media:
            got = " ".join(section.directions) or "none"
            require(got == "recvonly", f"{direction} was answered {got}")
    if target.options.is_echo:
        return "sendonly was; sendrecv is the declared deviation (W14-echo)"
    return "sendonly and sendrecv were"


@requirement(
    "W14-echo",
    level=Level.PROFILE,
    section=SECTION,
    text="Declared deviation: an echo endpoint answers sendrecv with sendrecv and sends it back.",
)
async def echo_is_sent_back(target: Target) -> str:
    if not target.options.is_echo:
        raise NotApplicable("it is no echo endpoint (--echo)")
    call = await target.call(baseline("sendrecv"))
    directions = call.session.audio.directions
    require(directions == ("sendrecv",), f"it was answered {' '.join(directions)}")
    sent = await call.peer.stream(call.session.payload_type, 25)
    require(len(sent) == 25, f"{len(sent)} of 25 packets came back")
    ssrcs = {packet.ssrc for packet in sent}
    require(ssrcs != {call.peer.ssrc}, "the echo uses our own SSRC")
    require(len(ssrcs) == 1, "the echo uses more than one SSRC")
    steps = {(b.timestamp - a.timestamp) % (1 << 32) for a, b in pairwise(sent)}
    require(steps == {960}, "timestamps did not keep their steps")
    return "25 of 25 packets came back, payload and timing untouched"


@requirement(
    "W36",
    level=Level.SHALL,
    section="4.3.2",
    text="All candidates are gathered before the 201: the answer has them.",
)
async def answer_has_candidates(target: Target) -> str:
    session = await target.open()
    texts = session.answer.everywhere("candidate")
    if not texts:
        raise Failed("the answer has no candidate")
    return f"{len(set(texts))} candidates"
