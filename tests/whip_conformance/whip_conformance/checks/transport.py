"""Section 4.4 on the wire: fingerprints, DTLS, SRTP profiles, connectivity checks."""

from __future__ import annotations

import asyncio
import logging

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from whip_conformance.offers import baseline
from whip_conformance.peer import stun
from whip_conformance.peer.certificate import new_certificate
from whip_conformance.peer.dtls import Profile
from whip_conformance.peer.peer import Pair, Peer, PeerError
from whip_conformance.requirement import Level, requirement
from whip_conformance.session import Call
from whip_conformance.syntax.answer import fingerprint_flaw
from whip_conformance.syntax.candidates import Credentials
from whip_conformance.target import Target
from whip_conformance.verdict import Failed, Inconclusive, require

SECTION = "4.4"
WATCH_S = 1.0


@requirement(
    "W64-stock",
    level=Level.DERIVED,
    section="4.4.5",
    text="A stock full-ICE client (aiortc) connects and is kept.",
)
async def stock_client_connects(target: Target) -> str:
    logging.getLogger("aioice").setLevel(logging.ERROR)
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connected = asyncio.Event()

    def changed() -> None:
        if connection.connectionState in ("connected", "failed", "closed"):
            connected.set()

    connection.on("connectionstatechange", changed)
    try:
        connection.addTransceiver(AudioStreamTrack(), direction=target.options.direction)
        await connection.setLocalDescription(await connection.createOffer())
        session = target.session_of(await target.post(connection.localDescription.sdp))
        answer = RTCSessionDescription(session.created.body.decode(), "answer")
        await connection.setRemoteDescription(answer)
        async with asyncio.timeout(target.options.connect_within_s):
            await connected.wait()
        state = connection.connectionState
        require(state == "connected", f"it is {state}")
        return "connected"
    except TimeoutError:
        raise Failed(f"it is still {connection.connectionState}") from None
    finally:
        await connection.close()


@requirement(
    "W65-fingerprint",
    level=Level.DERIVED,
    section=SECTION,
    text="An offer without a fingerprint: 4xx (RFC 8842 section 5).",
)
async def missing_fingerprint(target: Target) -> str:
    reply = await target.post(baseline().with_identity(target.identity()).without("fingerprint"))
    reply.expect_client_error()
    return str(reply.status)


@requirement(
    "W65-sha-256",
    level=Level.DERIVED,
    section=SECTION,
    text="The server's certificate is that of its own sha-256 fingerprint (RFC 8827).",
)
async def own_fingerprint(target: Target) -> str:
    call = await target.call()
    value = call.session.answer.for_section(call.session.audio, "fingerprint") or ""
    require(value.lower().startswith("sha-256 "), "the fingerprint is not of SHA-256")
    require(fingerprint_flaw(value) is None, f"the fingerprint has {fingerprint_flaw(value)}")
    return "sha-256, and the certificate is that one"


@requirement(
    "W65-impostor",
    level=Level.DERIVED,
    section=SECTION,
    text="A client whose certificate is not that of its offer gets no media (RFC 5763).",
)
async def impostor_gets_nothing(target: Target) -> str:
    peer = target.new_peer()
    honest = await target.offer_of(peer)
    stranger = new_certificate().fingerprint
    offer = honest.with_value("fingerprint", f"sha-256 {stranger}")
    session = target.session_of(await target.post(offer))
    call = Call(session, peer)
    await call.reach(session.ice)
    peer.start_dtls(call.setup)
    seen = peer.seen

    def is_refused() -> bool:
        return peer.is_closed_by_server or peer.dtls_failure is not None

    await seen.until(lambda: peer.is_secured or is_refused(), target.options.connect_within_s)
    if peer.is_secured and not is_refused():
        peer.send_media(session.payload_type, 10)
        await seen.until(lambda: bool(seen.media) or is_refused(), WATCH_S)
    require(not seen.packets, "media was sent back to an impostor")
    require(is_refused() or not peer.is_secured or await session.is_gone(), _IMPOSTOR_LIVES)
    return "DTLS is refused"


_IMPOSTOR_LIVES = "the impostor's DTLS association was not ended"


def _declare_profile(profile: Profile, level: Level) -> None:
    name = profile.removeprefix("SRTP_").lower().replace("_", "-")

    @requirement(
        f"W65-{name}",
        level=level,
        section=SECTION,
        text=f"A client that offers only {profile} over DTLS 1.2 is served (RFC 5764).",
    )
    async def profile_is_served(target: Target) -> str:
        call = await target.call(peer=Peer(profiles=(profile,)))
        require(call.peer.srtp_profile is profile, f"{call.peer.srtp_profile} was chosen")
        return await call.expect_media(f"with {profile}")


_declare_profile(Profile.AES128_CM_SHA1_80, Level.MUST)
_declare_profile(Profile.AEAD_AES_128_GCM, Level.PROFILE)
_declare_profile(Profile.AEAD_AES_256_GCM, Level.PROFILE)


async def _reached(target: Target) -> tuple[Peer, Pair]:
    peer = target.new_peer()
    session = target.session_of(await target.post(await target.offer_of(peer)))
    try:
        return peer, await peer.reach(session.ice, target.options.connect_within_s)
    except PeerError as error:
        raise Inconclusive(f"no right check was answered either: {error}") from error


@requirement(
    "W65-forged",
    level=Level.DERIVED,
    section=SECTION,
    text="A check without the right MESSAGE-INTEGRITY or user gets no success (RFC 8445).",
)
async def forged_checks(target: Target) -> str:
    peer, pair = await _reached(target)
    ours, theirs = pair.ours, pair.theirs
    wrong_pwd = Credentials(theirs.ufrag, "x" * len(theirs.pwd))
    unknown = Credentials("neverheardof", theirs.pwd)
    forged = [
        stun.new_unsigned_check(ours, theirs),
        stun.new_check(ours, wrong_pwd, is_nominating=True),
        stun.new_check(ours, unknown, is_nominating=True),
    ]
    for request in forged:
        peer.send_raw(pair, request, theirs)
    transactions = {request.transaction for request in forged}
    got = await peer.seen.until(lambda: bool(peer.seen.successes & transactions), WATCH_S)
    require(not got, "a forged check got success")
    require(await peer.check(pair, 2.0), "right checks are no longer answered")
    return "three forged ones get none, right ones still do"
