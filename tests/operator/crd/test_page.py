"""The page about the resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from voicemedia_operator.crd.definition import COLUMNS, whole_schema
from voicemedia_operator.crd.page import render_page

PAGE = render_page()


def members(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every member: where it stands, its name, its schema."""
    for name, member in schema.get("properties", {}).items():
        yield path, name, member
        yield from members(member, f"{path}.{name}")
        yield from members(member.get("items", {}), f"{path}.{name}[]")


SCHEMA = whole_schema()["properties"]
MEMBERS = [*members(SCHEMA["spec"], "spec"), *members(SCHEMA["status"], "status")]


def section(path: str) -> str:
    """What stands under a heading."""
    return PAGE.partition(f"\n## {path}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize(
    ("path", "name", "member"), MEMBERS, ids=[f"{path}.{name}" for path, name, _ in MEMBERS]
)
def test_every_member_has_a_row_where_it_stands(
    path: str, name: str, member: dict[str, Any]
) -> None:
    (row,) = [line for line in section(path).splitlines() if line.startswith(f"| `{name}` |")]

    assert member["description"][:20].replace("*", "\\*") in row
    assert row.count(" | ") == 3


def test_what_must_be_said_is_told() -> None:
    assert "| `image` | text | needed |" in section("spec")


def test_numbers_have_their_ends() -> None:
    assert "| `weight` | whole number from 0 to 100 | needed |" in section("spec.rollout")
    assert "| `minimum` | number from -1,000,000,000,000 to " in section(
        "spec.rollout.analysis.queries[]"
    )


def test_rules_stand_with_what_they_are_about() -> None:
    assert "- minReplicas must not be above maxReplicas" in section("spec.scaling")
    assert "- metadata.name must have at most 40 characters" in section("metadata")


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column[0])
def test_columns_of_kubectl_get_are_explained(column: tuple[str, ...]) -> None:
    assert f"| {column[0]} | {column[3]}" in section("Columns of kubectl get")
