"""aiortc's DTLS on a pipe of ours: the private names, and handshakes with aiortc as the client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import cast

import pylibsrtp
import pytest
from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from aiortc.rtcicetransport import RTCIceTransport

from voicemedia_server.packets.srtp import PROFILES
from voicemedia_server.ports import SrtpKeys, SrtpProfile
from voicemedia_server.sessions.offer import Fingerprint
from voicemedia_server.webrtc.dtls import (
    MAX_WAITING_DATAGRAMS,
    PREFERENCE,
    Certificate,
    DtlsServer,
    HandshakeFailed,
)

WITHIN_S = 10.0
RTP = bytes.fromhex("806f0001000003c00c0ffee0") + b"opus"
OUR_CERTIFICATE = Certificate.generateCertificate()
THEIR_CERTIFICATE = RTCCertificate.generateCertificate()


class ClientPipe:
    """The far side's ICE transport, as aiortc asks for it: the controlled side begins DTLS."""

    role = "controlled"

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self.deliver: Callable[[bytes], object]

    async def _recv(self) -> bytes:
        return await self.arrived.get()

    async def _send(self, datagram: bytes) -> None:
        self.deliver(datagram)


class Call:
    """A client and our server, joined by nothing but function calls."""

    def __init__(
        self,
        profiles: list[SRTPProtectionProfile] | None = None,
        expected: tuple[Fingerprint, ...] = (),
    ) -> None:
        pipe = ClientPipe()
        self.client = RTCDtlsTransport(cast(RTCIceTransport, pipe), [THEIR_CERTIFICATE])
        if profiles is not None:
            self.client._srtp_profiles = profiles
        self.times_closed = 0
        self.hung_up = asyncio.Event()
        self.server = DtlsServer(
            OUR_CERTIFICATE, expected or (their_fingerprint(),), self.to_client, self.closed
        )
        pipe.deliver = self.server.receive
        self.lost: Callable[[bytes], bool] = lambda datagram: False

    def to_client(self, datagram: bytes) -> None:
        if not self.lost(datagram):
            cast(ClientPipe, self.client.transport).arrived.put_nowait(datagram)

    def closed(self) -> None:
        self.times_closed += 1
        self.hung_up.set()

    async def shake_hands(self) -> SrtpKeys:
        """Both sides at once, as it is."""
        async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
            group.create_task(self.client.start(our_parameters()))
            ours = group.create_task(self.server.handshake())
        return ours.result()

    async def close(self) -> None:
        await self.stop_client()
        await self.server.close()

    async def stop_client(self) -> None:
        """Hangs up, and waits for aiortc's own task to end."""
        pump = self.client._task
        await self.client.stop()
        if pump is not None:
            await asyncio.wait([pump])


def our_parameters() -> RTCDtlsParameters:
    """What the answer told the client."""
    ours = OUR_CERTIFICATE.fingerprint
    return RTCDtlsParameters([RTCDtlsFingerprint(ours.algorithm, ours.value)])


def their_fingerprint(algorithm: str = "sha-256") -> Fingerprint:
    """What the offer told us."""
    digest = next(f for f in THEIR_CERTIFICATE.getFingerprints() if f.algorithm == algorithm)
    return Fingerprint(digest.algorithm, digest.value)


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    """A call that is hung up when the test is over."""
    made = Call()
    yield made
    await made.close()


def profile_named(name: SrtpProfile) -> SRTPProtectionProfile:
    """aiortc's description of a profile."""
    return next(p for p in SRTP_PROFILES if p.openssl_profile == name.encode())


def session(profile: SrtpProfile, master: bytes, ssrc_type: int) -> pylibsrtp.Session:
    """A foreign SRTP session with our keys."""
    return pylibsrtp.Session(
        pylibsrtp.Policy(key=master, ssrc_type=ssrc_type, srtp_profile=PROFILES[profile])
    )


def other_tasks() -> set[asyncio.Task[object]]:
    """Every task but this one."""
    return asyncio.all_tasks() - {cast("asyncio.Task[object]", asyncio.current_task())}


# -- the contract with aiortc ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["_ssl", "_state", "_task", "_srtp_profiles", "_transport"])
async def test_a_transport_still_has_the_attribute(name: str) -> None:
    transport = RTCDtlsTransport(cast(RTCIceTransport, ClientPipe()), [THEIR_CERTIFICATE])

    assert hasattr(transport, name)


@pytest.mark.parametrize("name", ["_setup_srtp", "_set_state", "start", "stop"])
def test_a_transport_still_has_the_method(name: str) -> None:
    assert callable(getattr(RTCDtlsTransport, name))


def test_the_context_of_a_certificate_is_still_made_from_profiles() -> None:
    parameters = inspect.signature(RTCCertificate._create_ssl_context).parameters

    assert list(parameters) == ["self", "srtp_profiles"]


def test_a_state_still_shows_itself_by_name() -> None:
    assert {"CONNECTED", "CLOSED", "FAILED"} <= {state.name for state in State}


def test_the_profiles_are_still_those_that_we_can_seal_with() -> None:
    assert {p.openssl_profile.decode() for p in SRTP_PROFILES} == set(SrtpProfile)
    assert sorted(PREFERENCE) == sorted(p.openssl_profile for p in SRTP_PROFILES)


def test_sha_256_is_still_among_the_digests() -> None:
    assert "sha-256" in rtcdtlstransport.X509_DIGEST_ALGORITHMS


# -- keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SrtpProfile)
async def test_both_sides_have_the_same_keys_in_opposite_directions(name: SrtpProfile) -> None:
    call = Call(profiles=[profile_named(name)])

    keys = await call.shake_hands()

    assert keys.profile is name
    assert keys.inbound != keys.outbound
    inbound = session(name, keys.inbound, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    outbound = session(name, keys.outbound, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    assert inbound.unprotect(call.client._tx_srtp.protect(RTP)) == RTP
    assert call.client._rx_srtp.unprotect(outbound.protect(RTP)) == RTP
    await call.close()


async def test_the_profile_that_is_cheapest_for_us_is_chosen(call: Call) -> None:
    assert (await call.shake_hands()).profile is SrtpProfile.AEAD_AES_128_GCM


async def test_two_calls_have_different_keys(call: Call) -> None:
    other = Call()

    assert (await call.shake_hands()).inbound != (await other.shake_hands()).inbound
    await other.close()


async def test_the_keys_are_given_away_and_not_kept(call: Call) -> None:
    await call.shake_hands()

    assert call.server._transport.keys is None


async def test_a_client_with_no_profile_of_ours_gets_no_keys() -> None:
    short_tag = SRTPProtectionProfile(
        libsrtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
        openssl_profile=b"SRTP_AES128_CM_SHA1_32",
        key_length=16,
        salt_length=14,
    )
    call = Call(profiles=[short_tag])

    with pytest.RaisesGroup(HandshakeFailed):
        await call.shake_hands()

    await call.close()


# -- who it is ------------------------------------------------------------------------------


def test_a_certificate_names_its_sha_256() -> None:
    ours = OUR_CERTIFICATE.fingerprint

    assert ours.algorithm == "sha-256"
    assert ours.value in {f.value for f in OUR_CERTIFICATE.getFingerprints()}


async def test_the_client_finds_the_certificate_that_the_answer_named(call: Call) -> None:
    await call.shake_hands()

    assert call.client.state == "connected"


WRONG = Fingerprint("sha-256", ":".join(["00"] * 32))


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param((WRONG,), id="another certificate"),
        pytest.param((their_fingerprint(), WRONG), id="one right, one wrong"),
        pytest.param((Fingerprint("md5", ":".join(["00"] * 16)),), id="only a digest of no use"),
    ],
)
async def test_a_client_that_is_not_who_the_offer_named_gets_no_keys(
    expected: tuple[Fingerprint, ...],
) -> None:
    call = Call(expected=expected)

    with pytest.RaisesGroup(HandshakeFailed):
        await call.shake_hands()

    await call.close()
    assert other_tasks() == set()


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512"])
async def test_any_digest_of_worth_will_do(algorithm: str) -> None:
    call = Call(expected=(their_fingerprint(algorithm),))

    assert await call.shake_hands()
    await call.close()


# -- datagrams ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16",
        b"\x16" * 100,
        b"\x16\xfe\xfd" + bytes(10),
        bytes.fromhex("16fefd0000000000000000ffff") + bytes(50),
        b"\x17 application data before its time",
        b"\x15\xfe\xfd" + bytes(6) + b"\x00\x02\x02\x28",
    ],
)
async def test_garbage_before_the_handshake_does_not_spoil_it(call: Call, garbage: bytes) -> None:
    call.server.receive(garbage)

    assert await call.shake_hands()


async def test_a_lost_flight_is_sent_again(call: Call) -> None:
    seen: list[bytes] = []

    def lose_the_first(datagram: bytes) -> bool:
        seen.append(datagram)
        return len(seen) == 1

    call.lost = lose_the_first

    assert await call.shake_hands()
    assert len(seen) > 1


def test_only_so_many_datagrams_wait() -> None:
    call = Call()

    taken = [call.server.receive(b"\x16") for _ in range(MAX_WAITING_DATAGRAMS + 5)]

    assert taken == [True] * MAX_WAITING_DATAGRAMS + [False] * 5


def test_the_context_is_made_once_for_all_sessions() -> None:
    first = OUR_CERTIFICATE._create_ssl_context(SRTP_PROFILES)

    assert OUR_CERTIFICATE._create_ssl_context(SRTP_PROFILES) is first


# -- the end --------------------------------------------------------------------------------


async def test_a_client_that_hangs_up_is_told_of_once(call: Call) -> None:
    await call.shake_hands()

    await call.stop_client()
    async with asyncio.timeout(WITHIN_S):
        await call.hung_up.wait()
    await call.server.close()

    assert call.times_closed == 1


async def test_a_client_learns_that_we_hang_up(call: Call) -> None:
    await call.shake_hands()
    ended = asyncio.Event()
    call.client.on("statechange", ended.set)

    await call.server.close()

    async with asyncio.timeout(WITHIN_S):
        await ended.wait()
    assert call.client.state == "closed"


async def test_hanging_up_ourselves_is_not_told_as_the_clients_doing(call: Call) -> None:
    await call.shake_hands()

    await call.server.close()

    assert call.times_closed == 0


async def test_no_task_is_left_of_a_call() -> None:
    call = Call()
    await call.shake_hands()

    await call.close()

    assert other_tasks() == set()


async def test_no_task_is_left_of_a_handshake_that_was_given_up() -> None:
    call = Call()
    waiting = asyncio.create_task(call.server.handshake())
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait([waiting])
    await call.server.close()

    assert other_tasks() == set()


async def test_a_call_that_never_began_can_be_closed() -> None:
    call = Call()

    await call.server.close()

    assert other_tasks() == set()
    assert call.times_closed == 0
