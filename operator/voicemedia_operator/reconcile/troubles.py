"""What somebody must mend: each trouble has a reason in one word and a sentence with the cure.

The first is the reason of the condition Degraded, its message has them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from voicemedia_operator.reconcile.objects.secret import missing_secrets
from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.reconcile.places import free_ports, has_only_a_name
from voicemedia_operator.reconcile.pods import is_stuck
from voicemedia_operator.reconcile.situation import Situation
from voicemedia_operator.spec.media import ExposureMode

WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
MAX_TOLD_CHARS = 512


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason, and a sentence for people."""

    reason: str
    message: str


def troubles(situation: Situation) -> tuple[Trouble, ...]:
    """The gravest first."""
    return (
        *_of_the_spec(situation),
        *_of_secrets(situation),
        *_of_places(situation),
        *_of_pods(situation),
    )


def _of_the_spec(situation: Situation) -> Iterator[Trouble]:
    faults = situation.resource.faults
    if faults:
        told = "; ".join(map(str, faults))
        yield Trouble("InvalidSpec", f"{told}. The last spec without faults stays in force.")


def _of_secrets(situation: Situation) -> Iterator[Trouble]:
    missing = missing_secrets(situation.spec, situation.observed.secrets)
    if missing:
        names = ", ".join(f"{each.name} with the key {each.key}" for each in missing)
        yield Trouble(
            "SecretMissing",
            f"no pod can be made without the Secret {names}: create it; pods that run go on",
        )


def _of_places(situation: Situation) -> Iterator[Trouble]:
    is_short = len(situation.updated) < situation.wish.replicas
    if is_short and situation.observed.refusal:
        yield Trouble("PodRefused", situation.observed.refusal[:MAX_TOLD_CHARS])
    exposure, ports = situation.spec.media.exposure, situation.spec.media.exposure.port_range
    if ports is not None and is_short and not free_ports(exposure, situation.pods):
        yield Trouble(
            "PortsExhausted",
            f"all ports from {ports.first} to {ports.last} are taken, those of draining pods "
            "included: widen media.exposure.portRange, or wait for a drain",
        )
    if exposure.mode is ExposureMode.LOAD_BALANCER:
        objects = situation.observed.objects
        names = [k.name for k in objects if k.kind == "Service" and has_only_a_name(objects[k])]
        if names:
            yield Trouble(
                "AddressMissing",
                f"the load balancer of the Service {names[0]} has a host name and no address, "
                "which clients cannot be told: use another kind of load balancer or exposure",
            )


def _of_pods(situation: Situation) -> Iterator[Trouble]:
    """One for each reason, with the first pod's words."""
    by_reason: dict[str, list[str]] = {}
    ended = [pod for pod in situation.pods if pod.has_ended and not pod.is_draining]
    for pod in (*situation.working, *ended):
        reason = pod.trouble or _own_word(pod, situation.now_unix_s)
        if reason:
            told = pod.trouble_message[:MAX_TOLD_CHARS] or "it says nothing of why"
            key = reason if WORD.fullmatch(reason) else "PodTrouble"
            by_reason.setdefault(key, []).append(f"pod {pod.name}: {told}")
    for reason, told_of in by_reason.items():
        others = f" (and {len(told_of) - 1} more)" if len(told_of) > 1 else ""
        yield Trouble(reason, told_of[0] + others)


def _own_word(pod: Pod, now_unix_s: int) -> str:
    """Where Kubernetes gives no reason."""
    if pod.has_ended:
        return "PodEnded"
    return "NotReady" if is_stuck(pod, now_unix_s) else ""
