"""What kopf calls: it tells of each change of a resource, and does nothing else.

Its daemons are not used: none is started for a resource that was deleted while no operator ran, and
the finalizer is taken off it before a single call was drained (docs/decisions).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf

from voicemedia_operator.cluster.connecting import Access
from voicemedia_operator.cluster.kinds import VOICE_MEDIA_SERVER, Document
from voicemedia_operator.cluster.mirror import resource_of
from voicemedia_operator.loop import Loops
from voicemedia_operator.reconcile.names import DOMAIN
from voicemedia_operator.spec.voice_media_server import (
    API_VERSION,
    GROUP,
    KIND,
    PLURAL,
    VERSION,
)

TOKEN_KEPT = timedelta(minutes=5)
REQUEST_S = 30.0
CONNECT_S = 5.0
WATCH_S = 300

GetAccess = Callable[[], Awaitable[Access]]


def kopf_settings() -> kopf.OperatorSettings:
    """No wait without an end, no Events and no annotations of kopf's own. Peering is off: a Lease
    says who acts."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.networking.request_timeout = REQUEST_S
    settings.networking.connect_timeout = CONNECT_S
    settings.watching.connect_timeout = CONNECT_S
    settings.watching.server_timeout = WATCH_S
    settings.watching.client_timeout = WATCH_S + REQUEST_S
    settings.persistence.finalizer = f"{DOMAIN}/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=DOMAIN)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=DOMAIN)
    return settings


def kopf_identity(name: str) -> Any:
    """Who this is for kopf, which would ask for the name of a user who has only a number. Its own
    type for that is private."""
    return name


def register(loops: Loops, access: GetAccess) -> kopf.OperatorRegistry:
    """The handlers, for `kopf.operator`."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        """By the way that our own client goes."""
        found = await access()
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_path,
            certificate_path=found.certificate_path,
            private_key_path=found.key_path,
            scheme="Bearer" if found.token else None,
            token=found.token,
            expiration=datetime.now(UTC) + TOKEN_KEPT if found.token else None,
        )

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def take(event: Any, **_: Any) -> None:
        """Of each change of a resource."""
        taken(loops, event["type"], dict(event["object"]))

    return registry


def taken(loops: Loops, change: str | None, document: Document) -> None:
    """A change of a resource is known to its loop, which begins with the first one."""
    document |= {"apiVersion": API_VERSION, "kind": KIND}  # what was listed may not say it
    metadata, world = document["metadata"], loops.workshop.world
    key = resource_of(document)
    if change == "DELETED":
        world.drop(VOICE_MEDIA_SERVER, key.namespace, key.name, metadata["uid"])
    elif not world.take(document):
        return
    loops.tend(key)
