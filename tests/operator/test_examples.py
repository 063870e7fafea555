"""Every example is right, by the models and by the schema of the CRD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from voicemedia_operator.crd.definition import whole_schema
from voicemedia_operator.spec.capacity import ScalingMode
from voicemedia_operator.spec.media import ExposureMode
from voicemedia_operator.spec.signaling import AuthMode
from voicemedia_operator.spec.voice_media_server import API_VERSION, KIND, Spec, parse_spec

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


def resource_of(path: Path) -> dict[str, Any]:
    """The one resource of an example."""
    (resource,) = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    assert isinstance(resource, dict)
    return resource


def spec_of(name: str) -> Spec:
    (path,) = [each for each in EXAMPLES if each.stem == name]
    return parse_spec(resource_of(path)["spec"])


@each_example
def test_an_example_is_a_resource_of_ours(path: Path) -> None:
    resource = resource_of(path)

    assert (resource["apiVersion"], resource["kind"]) == (API_VERSION, KIND)
    assert resource.keys() == {"apiVersion", "kind", "metadata", "spec"}


@each_example
def test_an_example_is_read_by_the_models(path: Path) -> None:
    assert parse_spec(resource_of(path)["spec"]).image


@each_example
def test_an_example_is_taken_by_the_schema(path: Path) -> None:
    jsonschema.validate(resource_of(path), whole_schema())


@each_example
def test_an_example_says_what_it_is_for(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_examples_have_names_of_their_own() -> None:
    names = [resource_of(path)["metadata"]["name"] for path in EXAMPLES]

    assert len(names) == len(set(names))


def test_each_example_shows_what_its_name_says() -> None:
    assert spec_of("minimal") == Spec(image="voicemedia-media:0.1.0")
    assert spec_of("ab-rollout").rollout.steps
    assert spec_of("host-port").media.exposure.mode is ExposureMode.HOST_PORT
    assert spec_of("buffer-scaling").scaling.mode is ScalingMode.BUFFER
    assert spec_of("jwt-and-turn").signaling.auth.mode is AuthMode.JWT
    assert spec_of("jwt-and-turn").media.turn_secret_ref is not None
