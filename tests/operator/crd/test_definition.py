"""The CustomResourceDefinition that is checked in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from voicemedia_operator.crd.definition import definition, render_definition, whole_schema
from voicemedia_operator.spec.voice_media_server import Spec

DEFINITION = definition()
(VERSION,) = DEFINITION["spec"]["versions"]
RESOURCE = {
    "apiVersion": "voicemedia.dev/v1alpha1",
    "kind": "VoiceMediaServer",
    "metadata": {"name": "voice"},
    "spec": {"image": "i"},
}


def member_at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """What a path of JSONPath's simple form leads to."""
    for name in path.removeprefix(".").split("."):
        schema = schema["properties"][name]
    return schema


def test_it_is_named_as_kubernetes_demands() -> None:
    names = DEFINITION["spec"]["names"]

    assert DEFINITION["metadata"]["name"] == f"{names['plural']}.{DEFINITION['spec']['group']}"
    assert names["shortNames"] == ["vms"]


def test_kubectl_get_shows_what_people_ask_first() -> None:
    shown = [c["name"] for c in VERSION["additionalPrinterColumns"] if not c.get("priority")]

    assert shown == ["Ready", "Sessions", "WebRTC %", "Phase", "Age"]


@pytest.mark.parametrize("column", VERSION["additionalPrinterColumns"], ids=lambda c: c["name"])
def test_a_column_shows_a_member_of_its_type(column: dict[str, Any]) -> None:
    if not column["jsonPath"].startswith(".metadata."):
        assert member_at(whole_schema(), column["jsonPath"])["type"] == column["type"]


def test_the_scale_subresource_finds_its_numbers_and_its_selector() -> None:
    scale = VERSION["subresources"]["scale"]

    assert member_at(whole_schema(), scale["specReplicasPath"])["type"] == "integer"
    assert member_at(whole_schema(), scale["statusReplicasPath"])["type"] == "integer"
    assert member_at(whole_schema(), scale["labelSelectorPath"])["type"] == "string"


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        (".status.conditions", ["type"]),
        (".status.pods", ["name"]),
        (".spec.rollout.overrides", ["subject", "name"]),
        (".spec.rollout.analysis.thresholds", ["measure"]),
        (".spec.rollout.analysis.queries", ["name"]),
    ],
)
def test_entries_that_have_names_can_be_changed_one_by_one(path: str, keys: list[str]) -> None:
    member = member_at(whole_schema(), path)

    assert member["x-kubernetes-list-type"] == "map"
    assert member["x-kubernetes-list-map-keys"] == keys
    assert set(keys) <= set(member["items"]["required"])


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "properties" in schema and "default" in schema:
        yield schema
    for member in schema.get("properties", {}).values():
        yield from objects(member)


def test_the_defaults_of_the_schema_are_those_of_the_models() -> None:
    by_schema = {
        name: member["default"]
        for name, member in member_at(whole_schema(), ".spec")["properties"].items()
        if "default" in member
    }

    by_models = Spec(image="i").model_dump(mode="json", by_alias=True, exclude_none=True)

    assert {"image": "i", **by_schema} == by_models


@pytest.mark.parametrize("schema", [*objects(whole_schema())], ids=lambda s: s["description"][:40])
def test_a_default_has_every_default_within_it(schema: dict[str, Any]) -> None:
    """An API server judges rules of a default before it fills it."""
    for name, member in schema["properties"].items():
        assert schema["default"].get(name) == member.get("default", schema["default"].get(name))


def test_a_default_is_what_its_schema_takes() -> None:
    for schema in objects(whole_schema()):
        jsonschema.validate(schema["default"], schema)


def test_the_smallest_resource_is_taken() -> None:
    jsonschema.validate(RESOURCE, whole_schema())


@pytest.mark.parametrize(
    "spec",
    [{}, {"image": ""}, {"image": "i", "replicas": "3"}, {"image": "i", "rollout": {}}],
)
def test_a_resource_without_what_must_be_said_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**RESOURCE, "spec": spec}, whole_schema())


def test_what_is_written_says_where_it_comes_from_and_is_the_definition() -> None:
    text = render_definition()

    assert text.startswith("# Made from the models")
    assert "&id" not in text
    assert yaml.safe_load(text) == yaml.safe_load(yaml.safe_dump(definition()))


def test_an_api_server_could_store_it() -> None:
    """etcd takes 1.5 MiB, kubectl apply's annotation 256 KiB."""
    assert len(render_definition().encode()) < 256 * 1024
