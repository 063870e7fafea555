"""Which transport a caller is given: the flag's word against what its client can do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from voicemedia_rollout.document import KEYS, Cause, Variant
from voicemedia_server.sessions.refusals import NoTransport
from voicemedia_server.sessions.sound import Transport


class DecisionReason(StrEnum):
    """Why: a label of metrics, and `reason` in answers."""

    FLAG = "flag"  # the percentage split
    KILL = "kill"  # the kill switch
    OVERRIDE = "override"  # the client or its tenant is listed
    CAPABILITY = "capability"  # the client cannot do what the flag says
    NO_FLAG = "no-flag"  # the flag is unknown, disabled, or gives no variant of ours
    REGISTRY_DOWN = "registry-down"  # no flags could ever be had
    RESUME = "resume"  # a call goes on as it was


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a client can do."""

    webrtc: bool
    websocket: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the flag says for one caller. `variant_key` is `None` where it says nothing;
    `revision` 0 means that there is no document."""

    variant_key: str | None
    revision: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What a session was born with, and keeps to its end. `revision` is the flag document's,
    `tenant` what the client said that it belongs to."""

    variant: Variant
    reason: DecisionReason
    revision: int
    tenant: str | None = None

    def resumed(self) -> Decision:
        """What a call is given that goes on: the same, and no fresh sample of the split."""
        return replace(self, reason=DecisionReason.RESUME)

    @property
    def transport(self) -> Transport:
        """The one that the variant stands for; a fallback may travel by another."""
        return TRANSPORTS[self.variant]


TRANSPORTS = {Variant.WEBRTC: Transport.WEBRTC, Variant.WEBSOCKET: Transport.WEBSOCKET}
REASONS = {
    None: DecisionReason.FLAG,
    Cause.OVERRIDE: DecisionReason.OVERRIDE,
    Cause.KILL: DecisionReason.KILL,
}


def decide(
    evaluation: Evaluation | None,
    capabilities: Capabilities,
    kept: Decision | None = None,
    tenant: str | None = None,
) -> Decision:
    """`evaluation` is `None` while no flags could be had; `kept` is the decision of a call that
    goes on, and keeps its tenant too. What the client can do goes before all. Raises
    `NoTransport`."""
    wished = replace(_wished(evaluation, kept), tenant=kept.tenant if kept else tenant)
    can = {Variant.WEBRTC: capabilities.webrtc, Variant.WEBSOCKET: capabilities.websocket}
    if can[wished.variant]:
        return wished
    possible = next((variant for variant in Variant if can[variant]), None)
    if possible is None:
        raise NoTransport("capabilities has neither webrtc nor websocket; one of them is needed.")
    return replace(wished, variant=possible, reason=DecisionReason.CAPABILITY)


def _wished(evaluation: Evaluation | None, kept: Decision | None) -> Decision:
    if kept is not None:
        return kept.resumed()
    if evaluation is None:
        return Decision(Variant.WEBSOCKET, DecisionReason.REGISTRY_DOWN, 0)
    known = KEYS.get(evaluation.variant_key or "")
    if known is None:
        return Decision(Variant.WEBSOCKET, DecisionReason.NO_FLAG, evaluation.revision)
    variant, cause = known
    return Decision(variant, REASONS[cause], evaluation.revision)
