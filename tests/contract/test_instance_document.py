"""A server describes itself on its admin port; the operator reads it."""

from __future__ import annotations

import json

from mediaserver.test_service import World
from voicemedia_operator.reconcile.observed import Instance
from voicemedia_rollout.document import Variant
from voicemedia_rollout.figures import Figures, Report
from voicemedia_server.draining import Draining
from voicemedia_server.registry_port import InstanceState
from voicemedia_server.service import DrainPolicy
from voicemedia_server.status.instance import Steering

REPORT = Report(7, {Variant.WEBRTC: Figures(connected=3)})


def carried(world: World, draining: Draining, report: Report | None = None) -> Instance:
    """From the writer to the reader, as text."""
    state = InstanceState(
        "http://10.0.0.1:8080", "1.2.3", 500, 0, world.service.is_draining, report
    )
    steering = Steering(
        world.service,
        world.registry,
        draining,
        notice_s=0.0,
        describe=lambda: state,
        offer_flags=lambda text: False,
        flags_revision=lambda: 7,
    )
    return Instance.decode(json.loads(json.dumps(steering.document())))


async def test_a_server_at_work_is_seen_as_such() -> None:
    world = World()
    found = carried(world, Draining(world.service), REPORT)

    assert (found.max_sessions, found.sessions, found.is_draining) == (500, 0, False)
    assert found.drain_ends_unix_s is None
    assert found.flags_revision == 7
    assert found.report is not None
    assert found.report.of(Variant.WEBRTC) == Figures(connected=3)


async def test_a_server_that_drains_says_so_and_until_when() -> None:
    world = World()
    draining = Draining(world.service, lambda: 1_700_000_000.0)
    draining.begin(DrainPolicy(600.0, 20.0))
    found = carried(world, draining)
    await draining.close()

    assert found.is_draining
    assert found.drain_ends_unix_s == 1_700_000_620
