"""What is done to pods, in which order."""

from __future__ import annotations

from fleets.resources import draining, instance, pod
from fleets.situations import situation
from voicemedia_operator.reconcile.actions import (
    CreatePod,
    DeletePod,
    Drain,
    Mark,
    Undrain,
)
from voicemedia_operator.reconcile.names import Label
from voicemedia_operator.reconcile.objects.pod import Place
from voicemedia_operator.reconcile.places import Births
from voicemedia_operator.reconcile.pods import Cause
from voicemedia_operator.reconcile.replacing import Changes
from voicemedia_operator.reconcile.tending import mark_busy, tend_pods


def test_pods_that_take_sessions_come_before_those_that_leave() -> None:
    back, leaving, ended = draining("a", 1), pod("b"), pod("c", has_ended=True)
    found = Changes(
        drain=((leaving, Cause.UPDATE),),
        take_back=(back,),
        delete=(ended,),
    )
    seen = situation(back, leaving, ended)
    actions = list(tend_pods(seen, found, Births((Place(1),))))

    assert [type(each) for each in actions if not isinstance(each, Mark)] == [
        Undrain,
        CreatePod,
        Drain,
        DeletePod,
    ]


def test_all_others_are_held_to_what_is_written_on_them() -> None:
    forgetful = draining("a", instance=instance(2), is_busy=True)

    assert list(tend_pods(situation(forgetful), Changes(), Births())) == [Drain("a", "uid-a")]


def test_a_pod_that_is_deleted_is_marked_no_more() -> None:
    empty = draining("a", 0, is_busy=True)

    assert list(tend_pods(situation(empty), Changes(), Births())) == [DeletePod("a", "uid-a")]
    assert list(mark_busy([empty])) == []


def test_a_first_call_makes_a_pod_busy_and_silence_changes_nothing() -> None:
    (mark,) = mark_busy([pod("a", 1, is_busy=False)])

    assert isinstance(mark, Mark)
    assert mark.labels == {Label.BUSY: "true"}
    assert list(mark_busy([pod("a", None, is_busy=True)])) == []
