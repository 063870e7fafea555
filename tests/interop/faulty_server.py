"""A build of the server with a fault: every fifth WebRTC session fails when it should connect.

The switch is here, not in the product. `python -m interop.faulty_server` takes the same options.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys

from voicemedia_server.building import Builder
from voicemedia_server.config.sources import load
from voicemedia_server.main import Server
from voicemedia_server.packets.python_plane import PythonPlane
from voicemedia_server.ports import OnSignal, PeerId
from voicemedia_server.sessions.lifecycle import CloseReason, Signal
from voicemedia_server.sessions.offer import Offer, SessionId
from voicemedia_server.telemetry.logs import set_up_logs
from voicemedia_server.webrtc.peers import WebRtcPeer, WebRtcPeers

FAILS_EVERY = 5


class FaultyPeers(WebRtcPeers):
    """Loses the keys of every fifth session."""

    numbers = itertools.count(1)

    def accept(
        self, offer: Offer, peer_id: PeerId, session_id: SessionId, on_signal: OnSignal
    ) -> WebRtcPeer:
        """A peer, or one that will fail."""
        is_faulty = next(self.numbers) % FAILS_EVERY == 0

        def on_faulty_signal(signal: Signal, close: CloseReason | None) -> None:
            if signal is Signal.SECURED:
                on_signal(Signal.ENDED, CloseReason.DTLS_FAILED)
            else:
                on_signal(signal, close)

        given = on_faulty_signal if is_faulty else on_signal
        return super().accept(offer, peer_id, session_id, given)


class FaultyBuilder(Builder):
    """Builds all as it is, but for the fault."""

    def peers(self, plane: PythonPlane) -> WebRtcPeers:
        """Faulty ones."""
        return FaultyPeers(plane, ())


def main() -> None:
    """Runs it."""
    configuration = load(sys.argv[1:], os.environ)
    set_up_logs(configuration.settings.log_format, configuration.settings.log_level)
    asyncio.run(Server(configuration, FaultyBuilder).run())


if __name__ == "__main__":
    main()
