"""Whatever happens to a fleet, in whatever order, and whatever of a plan is lost: it comes right.

Hypothesis plays pods that start, take sessions, end them, die, fall silent or are deleted by
others, people who change their minds, and an operator that forgets all it knew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import Phase as Part
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fleets.world import World, WorldPod
from voicemedia_operator.reconcile.observed import Memo
from voicemedia_operator.reconcile.pods import MARGIN_S
from voicemedia_operator.spec.status import Phase, Status

TIMEOUT_S, NOTICE_S = 600, 10


def seconds(*some: int) -> st.SearchStrategy[int]:
    return st.sampled_from(some)


class Fleet(RuleBasedStateMachine):
    """One fleet and all that can happen to it."""

    exposure: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        drain = {"timeoutSeconds": TIMEOUT_S, "noticeSeconds": NOTICE_S}
        media = {"exposure": self.exposure}
        self.world = World({"image": "media:1", "replicas": 2, "drain": drain, "media": media})

    def _pods(self, **wanted: bool) -> Sequence[WorldPod]:
        return [
            each
            for each in sorted(self.world.pods.values(), key=lambda pod: pod.name)
            if all(getattr(each, name) is value for name, value in wanted.items())
        ]

    def _working(self) -> int:
        """Pods that take sessions, or shall, by what is written on them."""
        return len(
            [
                each
                for each in self._pods(is_alive=True)
                if not self.world.seen(each.name).is_draining
            ]
        )

    @property
    def _update(self) -> dict[str, int]:
        update: dict[str, int] = self.world.spec.get("update", {})
        return {"maxSurge": 1, "maxUnavailable": 0, **update}

    # The operator.

    @rule(lost=st.sets(st.integers(0, 12)))
    def plans(self, lost: set[int]) -> None:
        self._plan(lost)

    def _plan(self, lost: set[int]) -> None:
        world, working, before = self.world, self._working(), set(self.world.pods)
        ready = len(self._pods(takes_sessions=True))
        wanted = 0 if world.is_deleting else world.spec["replicas"]
        count = iter(range(1000))
        world.step(is_lost=lambda _: next(count) in lost)

        least = min(ready, wanted - self._update["maxUnavailable"])
        assert len(self._pods(takes_sessions=True)) >= least
        if world.pods.keys() - before:
            assert self._working() <= wanted + self._update["maxSurge"]
        else:
            assert self._working() <= working + wanted

    @rule()
    def another_operator_takes_over(self) -> None:
        self.world.memo = Memo()

    @rule()
    def status_is_wiped(self) -> None:
        self.world.status = Status()

    # The cluster.

    @rule(index=st.integers(0, 9))
    def a_pod_starts(self, index: int) -> None:
        pods = self._pods(is_alive=True, is_running=False)
        if pods:
            self.world.start(pods[index % len(pods)])

    @rule(index=st.integers(0, 9))
    def a_pod_comes_up_without_being_ready(self, index: int) -> None:
        pods = self._pods(is_alive=True, is_running=False)
        if pods:
            pods[index % len(pods)].is_running = True

    @rule()
    def probes_are_made(self) -> None:
        for each in self._pods(is_alive=True, is_to_be_probed=True):
            self.world.probe(each)

    @rule(index=st.integers(0, 9))
    def a_pod_dies(self, index: int) -> None:
        pods = self._pods(is_alive=True)
        if pods:
            each = pods[index % len(pods)]
            each.has_failed_since, each.is_running, each.sessions = self.world.now, False, 0

    @rule(index=st.integers(0, 9))
    def a_container_starts_again(self, index: int) -> None:
        pods = self._pods(is_alive=True, is_running=True)
        if pods:
            each = pods[index % len(pods)]
            each.is_draining, each.sessions, each.drain_ends_unix_s = False, 0, None
            self.world.start(each)

    @rule(index=st.integers(0, 9), answers=st.booleans())
    def a_pod_falls_silent_or_speaks_again(self, index: int, answers: bool) -> None:
        pods = self._pods(is_alive=True)
        if pods:
            pods[index % len(pods)].answers = answers

    @rule(index=st.integers(0, 9))
    def somebody_else_deletes_a_pod(self, index: int) -> None:
        pods = self._pods(is_alive=True)
        if pods:
            each = pods[index % len(pods)]
            each.terminating_until, each.sessions = self.world.now, 0

    @rule()
    def deleted_pods_are_gone(self) -> None:
        for each in self._pods():
            if each.terminating_until is not None:
                del self.world.pods[each.name]

    # Callers.

    @rule(index=st.integers(0, 9), number=st.integers(1, 4))
    def sessions_open(self, index: int, number: int) -> None:
        pods = self._pods(takes_sessions=True)
        if pods:
            pods[index % len(pods)].sessions += number

    @rule(index=st.integers(0, 9))
    def sessions_end(self, index: int) -> None:
        pods = self._pods()
        if pods:
            pods[index % len(pods)].sessions = 0

    # People and time.

    @rule(pause_s=seconds(1, 20, 300, TIMEOUT_S))
    def time_goes_by(self, pause_s: int) -> None:
        self.world.now += pause_s

    @rule(replicas=st.integers(0, 4))
    def people_scale(self, replicas: int) -> None:
        self.world.change(replicas=replicas)

    @rule(image=st.sampled_from(["media:1", "media:2", "media:3"]))
    def people_update(self, image: str) -> None:
        self.world.change(image=image)

    @rule(update=st.sampled_from([(1, 0), (0, 1), (2, 1)]))
    def people_change_the_bounds(self, update: tuple[int, int]) -> None:
        surge, missing = update
        self.world.change(update={"maxSurge": surge, "maxUnavailable": missing})

    @rule(is_paused=st.booleans())
    def people_pause(self, is_paused: bool) -> None:
        self.world.change(paused=is_paused)

    @precondition(lambda self: self.world.generation > 4)
    @rule()
    def people_delete_the_resource(self) -> None:
        self.world.is_deleting = self.world.has_finalizer

    # What always holds.

    @invariant()
    def no_call_is_cut_before_its_time(self) -> None:
        for name, sessions, drained_s in self.world.cut:
            last_s = TIMEOUT_S + NOTICE_S + MARGIN_S
            assert drained_s >= last_s, f"{name} with {sessions} sessions after {drained_s} s"

    def teardown(self) -> None:
        """Once nothing happens any more, the fleet comes to what is wanted, and stays."""
        self.world.change(paused=False)
        for each in self._pods():
            each.answers = True
        for _ in range(40):
            self.world.run_pods()
            self._plan(set())
            self.world.now += 120
        self.world.settle()
        self.no_call_is_cut_before_its_time()
        self._assert_settled(self.world.spec)

    def _assert_settled(self, spec: dict[str, Any]) -> None:
        if self.world.is_deleting:
            assert self.world.is_gone
            assert self.world.pods == {}
            return
        pods = self._pods(takes_sessions=True)
        images = {each.manifest["spec"]["containers"][0]["image"] for each in pods}
        assert len(pods) == len(self.world.pods) == spec["replicas"]
        assert images <= {spec["image"]}
        assert self.world.status.phase is Phase.READY
        assert self.world.plan().actions == ()


class FleetOnHostPorts(Fleet):
    """Each pod has a port of the nodes."""

    exposure: ClassVar[dict[str, Any]] = {
        "mode": "HostPort",
        "portRange": {"first": 31000, "last": 31099},
    }

    @invariant()
    def no_two_pods_have_one_port(self) -> None:
        ports = [self.world.seen(each.name).port for each in self._pods()]
        assert None not in ports
        assert len(ports) == len(set(ports))


class FleetOnNodePorts(Fleet):
    """Each pod has a Service, which is made before it and goes after it."""

    exposure: ClassVar[dict[str, Any]] = {"mode": "NodePort"}

    def _assert_settled(self, spec: dict[str, Any]) -> None:
        super()._assert_settled(spec)
        services = {key.name for key in self.world.objects if key.kind == "Service"}
        assert self.world.is_deleting or services == {"voice", *self.world.pods}


def in_any_order(fleet: type[Fleet], examples: int) -> type[Any]:
    test: type[Any] = fleet.TestCase
    test.settings = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        phases=[Part.explicit, Part.reuse, Part.generate],  # to shrink takes minutes
        suppress_health_check=[HealthCheck.too_slow],
    )
    return test


TestAnyOrder = in_any_order(Fleet, 60)
TestAnyOrderOnHostPorts = in_any_order(FleetOnHostPorts, 25)
TestAnyOrderOnNodePorts = in_any_order(FleetOnNodePorts, 25)
