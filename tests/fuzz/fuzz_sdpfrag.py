"""Any body is read as a fragment or refused; what was read is well-formed."""

from __future__ import annotations

from voicemedia_server.sessions.refusals import FragmentMalformed
from voicemedia_server.whip.sdpfrag import CANDIDATE_PARTS, MAX_LINES, read_fragment


def take(data: bytes) -> None:
    try:
        fragment = read_fragment(data)
    except FragmentMalformed:
        return
    if fragment.credentials is not None:
        assert fragment.credentials.is_well_formed
    assert len(fragment.candidates) + len(fragment.mids) <= MAX_LINES
    for candidate in fragment.candidates:
        assert len(candidate.split()) >= CANDIDATE_PARTS
