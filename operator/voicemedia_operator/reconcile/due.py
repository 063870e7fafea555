"""When the clock alone gives reason to look again."""

from __future__ import annotations

from voicemedia_operator.reconcile.draining import deadline_unix_s, last_unix_s
from voicemedia_operator.reconcile.pods import replaced_at_unix_s, stuck_at_unix_s
from voicemedia_operator.reconcile.situation import Situation


def due_unix_s(situation: Situation) -> int | None:
    """The first time after now; `None` where only a change can give reason."""
    drain, now_unix_s = situation.spec.drain, situation.now_unix_s
    checked_unix_s, interval_s = (
        situation.share.checked_unix_s,
        situation.spec.rollout.analysis.interval_s,
    )
    times: list[int | None] = [
        checked_unix_s + interval_s if situation.share.is_judged else None,
        *(
            at + situation.spec.scaling.stabilization_window_s
            for at, _ in situation.observed.memo.wanted[:1]
        ),
    ]
    for pod in situation.pods:
        times += [
            deadline_unix_s(pod, drain),
            last_unix_s(pod, drain),
            stuck_at_unix_s(pod),
            replaced_at_unix_s(pod) if pod.has_ended else None,
            pod.ends_unix_s,
        ]
    return min((at for at in times if at is not None and at > now_unix_s), default=None)
