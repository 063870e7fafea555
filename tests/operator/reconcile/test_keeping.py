"""Objects as they shall be, and copies of the flag document where they belong."""

from __future__ import annotations

from typing import Any

from fleets.resources import draining, instance, pod, resource
from fleets.situations import situation
from voicemedia_operator.reconcile.actions import Apply, Delete, PublishFlags, PutFlags
from voicemedia_operator.reconcile.keeping import keep_objects, spread_flags
from voicemedia_operator.reconcile.objects.config_maps import flags
from voicemedia_operator.reconcile.objects.manifest import key_of, stamped
from voicemedia_operator.reconcile.observed import Document, Flags, ObjectKey, Observed, Pod
from voicemedia_operator.reconcile.places import Births
from voicemedia_operator.reconcile.situation import Situation


def applied(seen: dict[ObjectKey, Document]) -> dict[ObjectKey, Document]:
    """What there is once all that is planned was done."""
    actions = keep_objects(situation(observed=Observed(objects=seen)), Births())
    made = {key_of(each.manifest): each.manifest for each in actions if isinstance(each, Apply)}
    return {**seen, **made}


def test_what_is_in_place_is_left_alone() -> None:
    seen = applied({})

    assert list(keep_objects(situation(observed=Observed(objects=seen)), Births())) == []


def test_what_is_no_longer_wanted_is_deleted_as_the_one_that_was_seen() -> None:
    key = ObjectKey("Service", "voice-old")
    seen = applied({}) | {key: {"metadata": {"uid": "u-7"}}}

    assert list(keep_objects(situation(observed=Observed(objects=seen)), Births())) == [
        Delete(key, "u-7")
    ]


def test_objects_of_other_kinds_are_none_of_our_business() -> None:
    seen = applied({}) | {ObjectKey("EndpointSlice", "voice-x"): {"metadata": {"uid": "u-7"}}}

    assert list(keep_objects(situation(observed=Observed(objects=seen)), Births())) == []


def test_a_pod_that_wants_a_service_of_its_own_has_one() -> None:
    (made,) = keep_objects(situation(observed=Observed(objects=applied({}))), Births((), ("p-1",)))

    assert isinstance(made, Apply)
    assert key_of(made.manifest) == ObjectKey("Service", "p-1")


def test_a_service_outlives_what_spec_says_until_its_pod_is_gone() -> None:
    key = ObjectKey("Service", "p-1")
    seen = Observed(objects=applied({}) | {key: {"metadata": {"uid": "u-7"}}})

    assert list(keep_objects(situation(draining("p-1", 2), observed=seen), Births())) == []
    assert list(keep_objects(situation(pod("p-2"), observed=seen), Births())) == [
        Delete(key, "u-7")
    ]


def with_flags(*pods: Pod, flags_in_redis: Flags | None = None) -> Situation:
    """With the share in force already in the ConfigMap."""
    given = resource()
    first = situation(given=given)
    config_map = stamped(flags(given, first.share.document, first.share.wish_hash))
    seen: dict[ObjectKey, Any] = {key_of(config_map): config_map}
    return situation(*pods, given=given, observed=Observed(objects=seen, flags=flags_in_redis))


def test_flags_go_nowhere_before_the_config_map_has_them() -> None:
    behind = situation(pod("a"), observed=Observed(flags=Flags()))

    assert list(spread_flags(behind)) == []


def test_redis_and_pods_with_older_flags_are_given_a_copy() -> None:
    current = pod("b", instance=instance(flags_revision=1))
    seen = with_flags(pod("a"), current, flags_in_redis=Flags())
    document = seen.share.document

    assert list(spread_flags(seen)) == [
        PublishFlags(1, document),
        PutFlags("a", "uid-a", document),
    ]


def test_redis_that_is_down_or_up_to_date_is_left_alone() -> None:
    document = with_flags().share.document

    for found in (None, Flags(is_reachable=False), Flags(text=document)):
        assert list(spread_flags(with_flags(flags_in_redis=found))) == []


def test_pods_that_leave_or_do_not_answer_get_no_flags() -> None:
    assert list(spread_flags(with_flags(pod("a", ends_unix_s=1), pod("b", None)))) == []
