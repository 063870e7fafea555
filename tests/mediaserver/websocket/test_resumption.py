"""Who may take over a call, and until when."""

from __future__ import annotations

import pytest

from voicemedia_rollout.document import Variant
from voicemedia_server.edge.sealing import Sealer
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.websocket.resumption import PURPOSE, ResumeFailed, ResumePoint, Resumption

SECRET = b"a secret of all servers of the fleet"
RESUMPTION = Resumption(Sealer(SECRET))
NOW_S = 1_800_000_000
POINT = ResumePoint(
    session_id="session",
    stream_sid="MZ1",
    principal="alice",
    decision=Decision(Variant.WEBRTC, DecisionReason.FLAG, 7),
    expires_unix_s=NOW_S + 60,
)


def test_another_server_of_the_fleet_reads_what_is_taken_over() -> None:
    token = RESUMPTION.token(POINT)

    assert Resumption(Sealer(SECRET)).point(token, "alice", NOW_S) == POINT


def test_another_principal_may_not_resume() -> None:
    with pytest.raises(ResumeFailed, match="another principal"):
        RESUMPTION.point(RESUMPTION.token(POINT), "mallory", NOW_S)


def test_a_token_ends_with_its_life() -> None:
    with pytest.raises(ResumeFailed, match="expired"):
        RESUMPTION.point(RESUMPTION.token(POINT), "alice", POINT.expires_unix_s)


@pytest.mark.parametrize(
    "token",
    ["", "nonsense", Sealer().seal(PURPOSE, b"{}"), Sealer(SECRET).seal("location", b"{}")],
    ids=["nothing", "no token", "of another fleet", "for another purpose"],
)
def test_what_is_no_token_of_ours_is_refused(token: str) -> None:
    with pytest.raises(ResumeFailed, match="none of this fleet"):
        RESUMPTION.point(token, "alice", NOW_S)


def test_a_token_of_another_version_is_refused() -> None:
    token = Sealer(SECRET).seal(PURPOSE, b'{"session":"of tomorrow"}')

    with pytest.raises(ResumeFailed, match="another version"):
        RESUMPTION.point(token, "alice", NOW_S)


def test_the_token_shows_neither_session_nor_principal() -> None:
    token = RESUMPTION.token(POINT)

    assert "session" not in token
    assert "alice" not in token
