"""Reads values.yaml and its schema: which values there are, and what is said of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w-]+):(?P<rest>.*)$")
COMMENT = re.compile(r"^ *# \S")
INDENT = 2


def leaves(values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Paths of all values, as `--set` names them. An empty mapping is a value, too."""
    for key, value in values.items():
        path = f"{before}{key}"
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{path}.")
        else:
            yield path


def documented(text: str) -> set[str]:
    """Paths of the lines that a comment stands above."""
    found, parents, previous = set(), list[str](), ""
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            depth = len(match["indent"]) // INDENT
            parents = [*parents[:depth], match["key"]]
            if COMMENT.match(previous):
                found.add(".".join(parents))
        previous = line
    return found


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `$ref` to the schema's own definitions stands for."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Mapping[str, Any] = root["definitions"][reference.removeprefix("#/definitions/")]
    return found


def objects(
    schema: Mapping[str, Any], root: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each schema of an object, with the path of its value."""
    schema = resolved(schema, root)
    if schema.get("type") == "object":
        yield path, schema
    for name, member in schema.get("properties", {}).items():
        yield from objects(member, root, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from objects(schema["items"], root, f"{path}[]")


def known(schema: Mapping[str, Any], root: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Paths of all values that the schema names one by one."""
    for name, member in schema["properties"].items():
        found, path = resolved(member, root), f"{before}{name}"
        if "properties" in found:
            yield from known(found, root, f"{path}.")
        else:
            yield path
