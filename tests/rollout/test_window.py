"""What a server counted of late."""

from __future__ import annotations

from voicemedia_rollout.analysis import MAX_WINDOW_S
from voicemedia_rollout.document import Variant
from voicemedia_rollout.figures import Figures
from voicemedia_rollout.window import STEP_S, Window

ONE = Figures(connected=1)


def connected(window: Window, revision: int, window_s: float, now_s: float) -> int:
    return window.report(revision, window_s, now_s).of(Variant.WEBRTC).connected


def test_variants_and_revisions_are_counted_apart() -> None:
    window = Window()
    window.add(1, Variant.WEBRTC, ONE, 0)
    window.add(2, Variant.WEBRTC, ONE, 1)
    window.add(2, Variant.WEBSOCKET, Figures(connected=5), 2)
    window.add(2, Variant.WEBRTC, ONE, STEP_S + 1)

    report = window.report(2, 60, STEP_S + 1)

    assert report.revision == 2
    assert report.of(Variant.WEBRTC).connected == 2
    assert report.of(Variant.WEBSOCKET).connected == 5


def test_what_is_older_than_the_window_counts_no_more() -> None:
    window = Window()
    for now_s in range(100):
        window.add(1, Variant.WEBRTC, ONE, float(now_s))

    assert connected(window, 1, 1000, 99) == 100
    assert 20 <= connected(window, 1, 20, 99) <= 20 + STEP_S
    assert connected(window, 1, 20, 99 + 20 + STEP_S) == 0


def test_what_no_window_can_reach_is_forgotten() -> None:
    window = Window()
    window.add(1, Variant.WEBRTC, ONE, 0)
    window.add(1, Variant.WEBRTC, ONE, MAX_WINDOW_S + 3 * STEP_S)

    assert connected(window, 1, 10 * MAX_WINDOW_S, MAX_WINDOW_S + 3 * STEP_S) == 1
