"""What somebody must mend."""

from __future__ import annotations

from typing import Any

from fleets.resources import pod, resource, starting
from fleets.situations import situation
from voicemedia_operator.reconcile.observed import ObjectKey, Observed, Pod
from voicemedia_operator.reconcile.troubles import Trouble, troubles
from voicemedia_operator.spec.voice_media_server import Fault


def found(*pods: Pod, **members: Any) -> tuple[Trouble, ...]:
    return troubles(situation(*pods, **members))


def test_a_fleet_in_order_has_no_troubles() -> None:
    assert found(pod("a"), starting("b")) == ()


def test_a_missing_secret_is_named_with_its_key() -> None:
    given = resource(registry={"urlSecretRef": {"name": "redis", "key": "url"}})
    (trouble,) = found(given=given)

    assert trouble.reason == "SecretMissing"
    assert "redis with the key url" in trouble.message
    assert found(given=given, observed=Observed(secrets={"redis": frozenset({"url"})})) == ()


def test_pods_with_one_trouble_are_told_together() -> None:
    crashed = {"trouble": "CrashLoopBackOff", "trouble_message": "exit code 2"}
    (trouble,) = found(starting("a", **crashed), starting("b", **crashed))

    assert trouble == Trouble("CrashLoopBackOff", "pod a: exit code 2 (and 1 more)")


def test_a_reason_that_is_no_word_becomes_one() -> None:
    (trouble,) = found(starting("a", trouble="odd reason!"))

    assert trouble.reason == "PodTrouble"


def test_a_pod_that_is_not_ready_for_long_is_told_though_kubernetes_gives_no_reason() -> None:
    assert found(pod("a", is_ready=False)) == ()
    (trouble,) = found(pod("a", is_ready=False, ready_changed_unix_s=0, created_unix_s=0))

    assert trouble.reason == "NotReady"


def test_a_pod_that_ended_is_told() -> None:
    (trouble,) = found(pod("a", has_ended=True, is_running=False))

    assert trouble.reason == "PodEnded"


def test_faults_of_the_spec_come_first() -> None:
    given = resource()
    faulty = type(given)(
        name=given.name,
        namespace=given.namespace,
        uid=given.uid,
        generation=2,
        members={},
        spec=given.spec,
        faults=(Fault("spec.replicas", "is no number"),),
    )
    told = found(starting("a", trouble="ImagePullBackOff"), given=faulty)

    assert [each.reason for each in told] == ["InvalidSpec", "ImagePullBackOff"]
    assert told[0].message.startswith("spec.replicas: is no number. ")


def test_a_load_balancer_without_an_address_is_told() -> None:
    given = resource(media={"exposure": {"mode": "LoadBalancer"}})
    status: Any = {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}
    seen = Observed(objects={ObjectKey("Service", "voice-1"): {"status": status}})
    (trouble,) = found(given=given, observed=seen)

    assert trouble.reason == "AddressMissing"
    assert "voice-1" in trouble.message


def test_ports_that_are_used_up_are_told_only_while_a_pod_is_missing() -> None:
    ports = {"mode": "HostPort", "portRange": {"first": 31000, "last": 31000}}
    given = resource(media={"exposure": ports})

    assert found(pod("a", port=31000), given=given) == ()
    (trouble,) = found(pod("a", port=31000), given=given, replicas=2)
    assert trouble.reason == "PortsExhausted"


def test_a_pod_that_the_api_server_refuses_is_told_while_it_is_missing() -> None:
    seen = Observed(refusal="violates PodSecurity restricted: hostPort")

    assert found(pod("a"), observed=seen) == ()
    assert found(observed=seen) == (
        Trouble("PodRefused", "violates PodSecurity restricted: hostPort"),
    )
