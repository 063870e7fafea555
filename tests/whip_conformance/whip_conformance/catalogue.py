"""The whole list of requirements: importing it declares them all."""

from __future__ import annotations

from whip_conformance.checks import (  # noqa: F401 - imported for what they declare
    auth,
    client_lines,
    cors,
    endings,
    extensions,
    http_usage,
    ice_servers,
    load_balancing,
    patch,
    restart,
    security,
    setup,
    transport,
    trickle,
    webrtc,
)
from whip_conformance.requirement import REGISTRY, Requirement

REQUIREMENTS: tuple[Requirement, ...] = REGISTRY.all()
CHECKED: tuple[Requirement, ...] = tuple(r for r in REQUIREMENTS if r.check is not None)
