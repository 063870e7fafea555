"""Settings of the fleet that the server belongs to, and of how it leaves."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from voicemedia_server.config.fields import DAY_S, Group, option
from voicemedia_server.config.values import (
    Number,
    OptionalOrigin,
    OptionalText,
    Text,
    Whole,
)


@dataclass(frozen=True)
class FleetSettings:
    """The fleet, and leaving it."""

    registry_url: OptionalText = option(
        Group.FLEET,
        None,
        "The Redis that lists the sessions of a fleet: redis://, rediss:// (TLS), unix://, "
        "redis+sentinel://host:port,host:port/service or redis+cluster://host:port,host:port. Not "
        "set, this server is a fleet of its own. There is no flag, since it may hold a password.",
        is_secret=True,
    )
    peer_url: OptionalOrigin = option(
        Group.FLEET,
        None,
        "Where the other servers of the fleet reach this one's HTTP. With it, and a "
        "fleet_secret_file that they share, each passes PATCH and DELETE for a session of another "
        "on to it, so that a load balancer may send them anywhere. Their network belongs into "
        "trusted_proxies, else they count as one client.",
    )
    public_url: OptionalOrigin = option(
        Group.FLEET,
        None,
        "Where clients reach this very server's HTTP, past any load balancer. Where all servers of "
        "a fleet have one, and share a fleet_secret_file, POST /v2/session sends each new session "
        "to one that has room and does not drain. Not set, its answers name the host that was "
        "asked.",
    )
    fleet: Text = option(
        Group.FLEET, "voicemedia", "The fleet's name: several may share one Redis."
    )
    fleet_max_sessions: Whole = option(
        Group.FLEET,
        0,
        "Sessions at a time in the whole fleet; then 503 with Retry-After. While the registry is "
        "down only max_sessions holds. 0 for no limit.",
        ge=0,
        le=100_000_000,
    )
    instance_id: OptionalText = option(
        Group.FLEET,
        None,
        "This server's name in its fleet; no two have the same. Not set, the host's name and what "
        "nobody else has.",
    )

    drain_limit_s: Number = option(
        Group.LEAVING,
        20.0,
        "How long live sessions go on after SIGTERM or Ctrl-C. With drain_notice_s it fits into "
        "the 30 s that Kubernetes gives by default; raise both for calls that must not be cut.",
        ge=0,
        le=7 * DAY_S,
    )
    drain_notice_s: Number = option(
        Group.LEAVING,
        5.0,
        "After that limit, how long clients that read the event stream have from the event "
        "reconnect to the end: enough for a new session, opened before the old one closes.",
        ge=0,
        le=3600,
    )
