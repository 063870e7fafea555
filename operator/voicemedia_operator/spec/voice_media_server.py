"""The whole `spec` of a VoiceMediaServer, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, JsonValue, ValidationError

from voicemedia_operator.spec.capacity import Drain, Replicas, Scaling, Update
from voicemedia_operator.spec.media import Media
from voicemedia_operator.spec.parts import RULES_BROKEN, Part, Rule, rule
from voicemedia_operator.spec.pod import Pod, Registry, Telemetry
from voicemedia_operator.spec.rollout import Rollout
from voicemedia_operator.spec.signaling import Signaling

GROUP = "voicemedia.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "VoiceMediaServer"
PLURAL = "voicemediaservers"
SINGULAR = "voicemediaserver"
SHORT_NAME = "vms"

MAX_NAME_CHARS = 40
NAME_RULE = Rule(
    f"size(self.metadata.name) <= {MAX_NAME_CHARS} && "
    "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    f"metadata.name must have at most {MAX_NAME_CHARS} characters, begin with a letter and have "
    "letters, digits and hyphens only: it is the beginning of names of pods and Services",
)
GRACE_MARGIN_S = 10
"""From the end of the last session to the end of the process, at most."""


class Spec(Part):
    """What is wanted of a fleet of media pods. Only image must be said."""

    image: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^\S+$")]
    """Image of the media server, with a tag or better a digest. Another image is another revision:
    new pods come first, then old ones drain."""
    replicas: Replicas = 1
    """Pods that shall take sessions, 0 to 500; those that drain come on top. kubectl scale and
    autoscalers set it. Default 1. Passed over when scaling.mode is Buffer."""
    paused: bool = False
    """true: no pod is made, replaced, drained or deleted, and no step of a rollout is taken, while
    somebody has a look. Status, and weight and kill switch as they are written, go on. Default
    false."""
    media: Media = Media()
    """Capacity of a pod, and how clients' media reaches it."""
    signaling: Signaling = Signaling()
    """Who may open sessions, and the way in from outside the cluster."""
    rollout: Rollout = Rollout(weight_percent=100)
    """How many clients get WebRTC when they ask POST /v2/session. Without it all of them do."""
    scaling: Scaling = Scaling()
    """Who says how many pods there are, and between which bounds."""
    update: Update = Update()
    """How pods of an old revision are replaced."""
    drain: Drain = Drain()
    """How a pod with calls leaves."""
    registry: Registry = Registry()
    """The Redis that lists the fleet's sessions and carries changes of the flags."""
    telemetry: Telemetry = Telemetry()
    """Where traces go, and who scrapes metrics."""
    pod: Pod = Pod()
    """What each media pod is given."""

    @property
    def grace_s(self) -> int:
        """The pods' `terminationGracePeriodSeconds`, given or derived."""
        given = self.pod.termination_grace_period_s
        return given or self.drain.timeout_s + self.drain.notice_s + GRACE_MARGIN_S

    @rule(
        "!has(self.pod.terminationGracePeriodSeconds) || "
        "self.drain.timeoutSeconds + self.drain.noticeSeconds <= "
        "self.pod.terminationGracePeriodSeconds",
        "drain.timeoutSeconds and drain.noticeSeconds together must not be above "
        "pod.terminationGracePeriodSeconds, else Kubernetes cuts calls that may go on: lower the "
        "first two, raise the last, or remove it",
    )
    def drains_within_grace(self) -> bool:
        given = self.pod.termination_grace_period_s
        return given is None or self.drain.timeout_s + self.drain.notice_s <= given

    mode_is_kept = Rule(
        "self.media.exposure.mode == oldSelf.media.exposure.mode || "
        "(self.replicas == 0 && self.scaling.mode != 'Buffer')",
        "media.exposure.mode cannot change while pods run: set replicas to 0 (and scaling.mode to "
        "Fixed or External), let the pods drain, change the mode, and scale up again",
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """A member to mend, as `spec.media.exposure`, and a sentence about it."""

    member: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.member}: {self.sentence}"


class SpecMalformed(ValueError):
    """The resource cannot be: `faults` has every member to mend. Values are not repeated."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


def parse_spec(members: Mapping[str, JsonValue]) -> Spec:
    """The `spec` of a resource, with defaults for what is not said. Raises `SpecMalformed`.

    As strict as the API server: `"3"` is no number, and members have no other spelling.
    """
    try:
        return Spec.model_validate_json(
            json.dumps(dict(members)), strict=True, by_alias=True, by_name=False
        )
    except ValidationError as failure:
        raise SpecMalformed(tuple(_faults(failure))) from None


def _faults(failure: ValidationError) -> Iterator[Fault]:
    for error in failure.errors(include_url=False, include_input=False):
        member = "spec"
        for part in error["loc"]:
            member += f"[{part}]" if isinstance(part, int) else f".{part}"
        match error["type"]:
            case "missing":
                yield Fault(member, "is missing")
            case "extra_forbidden":
                yield Fault(member, "is not known")
            case kind if kind == RULES_BROKEN:
                yield from (Fault(member, message) for message in error["ctx"]["messages"])
            case _:
                yield Fault(member, error["msg"])
