"""Every value is explained, and the schema knows it and no other."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import jsonschema
import pytest
import yaml

from chart.place import CHART, ROOT
from chart.values import documented, known, leaves, objects

TEXT = (CHART / "values.yaml").read_text(encoding="utf-8")
VALUES: dict[str, Any] = yaml.safe_load(TEXT)
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
OPTIONAL = {
    "global": "Helm puts it there where the chart is part of another one",
    "operator.resources.requests.ephemeral-storage": "nothing is written; it may be limited still",
    "operator.resources.limits.cpu": "a throttled operator drains late; it may be limited still",
    "operator.resources.limits.ephemeral-storage": "as above",
}
"""Values that the schema takes and values.yaml does not show, each with its reason."""


@pytest.mark.parametrize("path", list(leaves(VALUES)))
def test_a_value_is_explained_above_its_line(path: str) -> None:
    assert path in documented(TEXT)


def test_the_schema_knows_the_values_that_are_shown_and_no_others() -> None:
    assert set(known(SCHEMA, SCHEMA)) == set(leaves(VALUES)) | OPTIONAL.keys()


def test_the_values_that_are_shown_are_taken() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)


@pytest.mark.parametrize(("path", "schema"), list(objects(SCHEMA, SCHEMA)))
def test_an_object_takes_no_member_that_is_not_named_or_described(
    path: str, schema: dict[str, Any]
) -> None:
    others = schema.get("additionalProperties")

    assert path == "global" or others is False or isinstance(others, dict)


def test_chart_images_and_package_are_of_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert chart["version"] == chart["appVersion"] == project["project"]["version"]


def test_a_value_without_a_comment_is_noticed() -> None:
    text = "a:\n  # Said.\n  b: 1\n  c: 2\n# Said.\nd: {}\n"

    assert documented(text) == {"a.b", "d"}


def test_an_empty_mapping_is_a_value() -> None:
    assert list(leaves({"a": {"b": 1, "c": {}}, "d": []})) == ["a.b", "a.c", "d"]
