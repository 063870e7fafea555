"""What a session carries, whatever transport carries it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voicemedia_server.sessions.offer import Agreement, Codec, EchoForm


class Transport(StrEnum):
    """How a session's media travels: a label of metrics and logs."""

    WEBRTC = "webrtc"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Sound:
    """The codecs agreed on, the one that is expected first; and what comes back of them."""

    codecs: tuple[Codec, ...]
    is_echoed: bool
    echo_form: EchoForm = EchoForm.DIRECT
    dropped_payload_types: frozenset[int] = frozenset()

    @property
    def codec_name(self) -> str:
        """That of the codec expected first."""
        return self.codecs[0].name

    @property
    def answers_nack(self) -> bool:
        """The client asked to be able to ask for lost packets again (RFC 4585)."""
        return any("nack" in codec.feedback for codec in self.codecs)


def sound_of(agreement: Agreement) -> Sound:
    """What a WebRTC session carries by its agreement."""
    dropped = (section.offered.codecs for section in agreement.sections if section.is_dropped)
    return Sound(
        agreement.audio.codecs,
        agreement.is_echoed,
        agreement.echo_form,
        frozenset(codec.payload_type for codecs in dropped for codec in codecs),
    )
