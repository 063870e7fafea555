"""A structural schema from a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, Field

from voicemedia_operator.crd.schema import NotStructural, structural
from voicemedia_operator.spec.media import Exposure, ExposureMode
from voicemedia_operator.spec.parts import Part
from voicemedia_operator.spec.status import Status
from voicemedia_operator.spec.voice_media_server import Spec

Name = Annotated[str, Field(max_length=9)]


class Lamp(Part):
    """A lamp."""

    colour: Name
    """What
    it shines."""
    watts: int | None = None
    """How much. Unset: nobody knows."""
    since: AwareDatetime | None = None


class Room(Part):
    """A room."""

    lamp: Lamp = Lamp(colour="red")
    """The lamp of the room."""
    spare: Annotated[tuple[Lamp, ...], Field(max_length=2)] = ()


def nodes(schema: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema."""
    yield where, schema
    for name, member in schema.get("properties", {}).items():
        yield from nodes(member, f"{where}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{where}.{key}")


NODES = [
    *nodes(structural(Spec, has_defaults=True), "spec"),
    *nodes(structural(Status, has_defaults=False), "status"),
]
each_node = pytest.mark.parametrize("node", [n for _, n in NODES], ids=[w for w, _ in NODES])


@each_node
def test_a_node_has_what_a_structural_schema_may_have(node: dict[str, Any]) -> None:
    illegal = {"$ref", "$defs", "title", "anyOf", "allOf", "oneOf", "not", "const", "definitions"}

    assert not illegal & node.keys()
    assert isinstance(node["type"], str)
    assert not {"properties", "additionalProperties"} <= node.keys()


@each_node
def test_what_a_rule_could_walk_through_is_bounded(node: dict[str, Any]) -> None:
    bounds = {"array": {"maxItems"}, "string": {"maxLength", "enum", "format"}}
    if "additionalProperties" in node:
        bounds["object"] = {"maxProperties"}

    assert node["type"] not in bounds or bounds[node["type"]] & node.keys()


@pytest.mark.parametrize(("where", "node"), [n for n in NODES if "properties" in n[1]])
def test_every_member_says_what_it_is(where: str, node: dict[str, Any]) -> None:
    said = {name: member.get("description", "") for name, member in node["properties"].items()}

    assert not [f"{where}.{name}" for name, text in said.items() if not text.endswith(".")]


def test_a_description_is_one_line_and_that_of_the_member() -> None:
    room = structural(Room, has_defaults=True)

    assert room["properties"]["lamp"]["description"] == "The lamp of the room."
    assert room["properties"]["lamp"]["properties"]["colour"]["description"] == "What it shines."


def test_what_may_be_missing_is_not_null() -> None:
    watts = structural(Lamp, has_defaults=True)["properties"]["watts"]

    assert watts["type"] == "integer"
    assert "default" not in watts


def test_a_default_is_whole_but_for_what_is_not_set() -> None:
    assert structural(Room, has_defaults=True)["properties"]["lamp"]["default"] == {"colour": "red"}


def test_what_is_reported_has_no_defaults() -> None:
    assert not [where for where, node in NODES if where.startswith("status") and "default" in node]


def test_what_must_be_said_is_required() -> None:
    assert structural(Lamp, has_defaults=True)["required"] == ["colour"]


def test_numbers_that_do_not_fit_into_32_bits_have_64() -> None:
    class Distance(Part):
        metres: Annotated[int, Field(le=1 << 40)] = 0
        centimetres: Annotated[int, Field(ge=-(1 << 31), le=99)] = 0

    members = structural(Distance, has_defaults=True)["properties"]

    assert members["metres"]["format"] == "int64"
    assert members["centimetres"]["format"] == "int32"


def test_values_to_choose_from_stand_in_the_schema() -> None:
    mode = structural(Exposure, has_defaults=True)["properties"]["mode"]

    assert mode["enum"] == list(ExposureMode)
    assert mode["default"] == "PodIP"


class Unbounded(Part):
    text: str


class Endless(Part):
    numbers: tuple[int, ...]


class Torn(Part):
    either: int | Name


class Vague(Part):
    anything: Any


class Numbered(Part):
    entries: dict[str, int]


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        (Unbounded, "Unbounded.text has no maxLength"),
        (Endless, "Endless.numbers has no maxItems"),
        (Torn, "Torn.either has 2 alternatives"),
        (Vague, "Vague.anything has no type"),
        (Numbered, "Numbered.entries has no maxProperties"),
    ],
)
def test_a_model_that_cannot_be_structural_is_refused(part: type[Part], complaint: str) -> None:
    with pytest.raises(NotStructural, match=complaint):
        structural(part, has_defaults=True)
