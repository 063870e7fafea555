"""What a client offered and what we agreed to, without the SDP that carried it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
SessionId = NewType("SessionId", str)


class Direction(StrEnum):
    """An SDP direction attribute (RFC 8866 section 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class Codec:
    """One format of a media section. `name` is the encoding name in lower case (RFC 3551)."""

    payload_type: int
    name: str
    clock_hz: int
    channels: int = 1
    parameters: str = ""
    feedback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderExtension:
    """An RTP header extension and the id under which it travels (RFC 8285)."""

    id: int
    uri: str


@dataclass(frozen=True, slots=True)
class MediaSection:
    """One `m=` section of an offer."""

    kind: str
    mid: str
    direction: Direction
    profile: str
    formats: tuple[str, ...]
    codecs: tuple[Codec, ...]
    extensions: tuple[HeaderExtension, ...] = ()
    stream_id: str | None = None
    is_rtcp_mux: bool = True
    is_rejected: bool = False


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The hash of a DTLS certificate (RFC 8122). `value` is upper-case hexadecimal with colons."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """A username fragment and password (RFC 8839 section 5.4)."""

    ufrag: str
    pwd: str

    @property
    def is_well_formed(self) -> bool:
        """Both have the characters and lengths that ICE asks for."""
        return bool(UFRAG.fullmatch(self.ufrag) and PWD.fullmatch(self.pwd))


@dataclass(frozen=True, slots=True)
class Offer:
    """An SDP offer, read. `bundle` holds the mids of its BUNDLE group, the tagged one first."""

    media: tuple[MediaSection, ...]
    bundle: tuple[str, ...]
    ice: IceCredentials
    ice_options: tuple[str, ...]
    fingerprints: tuple[Fingerprint, ...]
    setup: str


@dataclass(frozen=True, slots=True)
class AnsweredSection:
    """What we take of one offered section; `is_dropped` means accepted, received and discarded."""

    offered: MediaSection
    direction: Direction
    codecs: tuple[Codec, ...]
    extensions: tuple[HeaderExtension, ...] = ()
    is_dropped: bool = False


class EchoForm(StrEnum):
    """What becomes of a caller's audio before it comes back."""

    DIRECT = "direct"  # untouched
    DECODED = "decoded"  # decoded, what was lost concealed, and encoded again


@dataclass(frozen=True, slots=True)
class Agreement:
    """The whole answer to an offer, section by section in the order of the offer."""

    sections: tuple[AnsweredSection, ...]
    echo_form: EchoForm = EchoForm.DIRECT

    @property
    def audio(self) -> AnsweredSection:
        """The one audio section: an agreement without audio is never made."""
        return next(s for s in self.sections if s.offered.kind == "audio")

    @property
    def is_echoed(self) -> bool:
        """The client asked to hear its own publication on the same connection."""
        return self.audio.direction is Direction.SENDRECV
