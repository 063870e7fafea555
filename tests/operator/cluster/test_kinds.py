"""Kinds of objects, and where the API server has them."""

from __future__ import annotations

import pytest

from voicemedia_operator.cluster.kinds import ALL, NODE, POD, Kind, KindUnknown, kind_of


def test_an_object_of_the_core_is_under_its_version() -> None:
    assert POD.path("calls", "voice-1") == "/api/v1/namespaces/calls/pods/voice-1"


def test_a_part_of_an_object_is_behind_its_name() -> None:
    path = "/apis/apps/v1/namespaces/calls/deployments/voice/status"

    assert Kind("apps", "v1", "Deployment", "deployments").path("calls", "voice", "status") == path


def test_all_namespaces_are_asked_at_once() -> None:
    assert POD.path(None) == "/api/v1/pods"


def test_an_object_without_a_namespace_is_found_whatever_namespace_is_named() -> None:
    assert NODE.path("calls", "node1") == "/api/v1/nodes/node1"


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_document_tells_its_kind(kind: Kind) -> None:
    assert kind_of({"apiVersion": kind.api_version, "kind": kind.name}) is kind


def test_a_kind_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(KindUnknown, match="Deployment of apps/v1"):
        kind_of({"apiVersion": "apps/v1", "kind": "Deployment"})
