"""SDP offers: the sample files, and how a check changes them before it sends them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from whip_conformance.syntax.candidates import Candidate, Credentials
from whip_conformance.syntax.sdp import DIRECTIONS, Description, read_description

CLIENTS = ("chromium", "chromium-gathered", "firefox", "firefox-gathered", "gstreamer", "obs")
"""Sample offers of real clients that offer `sendonly` and either DTLS role."""


def new_credentials() -> Credentials:
    """Random ICE credentials of the usual lengths."""
    return Credentials(ufrag=secrets.token_hex(4), pwd=secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Identity:
    """What ties an offer to the one who made it. `fingerprint` is of SHA-256."""

    credentials: Credentials
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Offer:
    """The text of an offer. Every method returns a changed copy."""

    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.removesuffix("\r\n").split("\r\n")

    @property
    def description(self) -> Description:
        """The offer, read. Only for offers that are well-formed."""
        return read_description(self.text)

    def _of(self, lines: Iterable[str]) -> Offer:
        return Offer("".join(f"{line}\r\n" for line in lines))

    def with_value(self, name: str, value: str) -> Offer:
        """Every attribute of this name gets this value."""
        prefix = f"a={name}:"
        return self._of(f"{prefix}{value}" if ln.startswith(prefix) else ln for ln in self.lines)

    def without(self, name: str) -> Offer:
        """No attribute of this name is left."""
        return self._of(
            line for line in self.lines if line != f"a={name}" and not line.startswith(f"a={name}:")
        )

    def with_direction(self, direction: str) -> Offer:
        """Every media section has this direction."""
        directions = {f"a={known}" for known in DIRECTIONS}
        return self._of(f"a={direction}" if line in directions else line for line in self.lines)

    def with_identity(self, identity: Identity) -> Offer:
        """The offer as the owner of these credentials and this certificate would make it."""
        return (
            self.with_value("ice-ufrag", identity.credentials.ufrag)
            .with_value("ice-pwd", identity.credentials.pwd)
            .with_value("fingerprint", f"sha-256 {identity.fingerprint}")
        )

    def with_candidates(self, candidates: Iterable[Candidate]) -> Offer:
        """The first media section has these candidates and no others."""
        lines = self.without("candidate").without("end-of-candidates").lines
        start = next(at for at, line in enumerate(lines) if line.startswith("m="))
        later = (at for at, line in enumerate(lines) if line.startswith("m=") and at > start)
        end = next(later, len(lines))
        lines[end:end] = [f"a=candidate:{candidate}" for candidate in candidates]
        return self._of(lines)


def _folder(name: str) -> Traversable:
    return files("whip_conformance") / "samples" / name


@cache
def sample(name: str, folder: str = "offers") -> Offer:
    """A sample offer by the name of its file."""
    return Offer((_folder(folder) / f"{name}.sdp").read_bytes().decode())


@cache
def malformed() -> dict[str, bytes]:
    """Every malformed sample by name: what stands there is no SDP, or no offer of WebRTC."""
    return {
        file.name.removesuffix(".sdp"): file.read_bytes()
        for file in sorted(_folder("malformed").iterdir(), key=lambda file: file.name)
        if file.name.endswith(".sdp")
    }


def baseline(direction: str = "sendonly") -> Offer:
    """One Opus track, by the letter of RFC 9725."""
    return sample("baseline").with_direction(direction)
