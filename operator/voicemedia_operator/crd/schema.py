"""A structural schema, as Kubernetes wants it, from a model of the resource.

What pydantic writes has references, titles and alternatives with null, which a structural schema
must not have. Whatever this does not know, or has no bound, is an error rather than a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voicemedia_operator.spec.parts import Part

Schema = dict[str, Any]

DROPPED = frozenset({"title", "$defs", "discriminator"})
KEPT = frozenset(
    {
        "type",
        "format",
        "description",
        "enum",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "required",
    }
)
BOUNDS = {"array": "maxItems", "string": "maxLength"}
INT32 = range(-(1 << 31), 1 << 31)


class NotStructural(Exception):
    """A model has what a structural schema cannot have, or lacks a bound; the message says where.

    The model must be changed."""


def structural(part: type[Part], *, has_defaults: bool) -> Schema:
    """The schema of a model, on its own. Without defaults for what others report: a default there
    would be something that nobody saw."""
    written = part.model_json_schema(by_alias=True)
    return _Structure(written.get("$defs", {}), has_defaults).of(written, part.__name__)


class _Structure:
    """Goes down one schema of pydantic's."""

    def __init__(self, definitions: Mapping[str, Schema], has_defaults: bool) -> None:
        self._definitions = definitions
        self._has_defaults = has_defaults

    def of(self, written: Schema, where: str) -> Schema:
        """The structural form of what stands at `where`."""
        node = self._resolved(written, where)
        if node.get("x-kubernetes-preserve-unknown-fields"):
            node.pop("additionalProperties", None)
        made: Schema = {}
        for key, value in node.items():
            if key in DROPPED:
                continue
            if key in KEPT or key.startswith("x-kubernetes-"):
                made[key] = " ".join(value.split()) if key == "description" else value
            elif key == "properties":
                made[key] = {name: self.of(v, f"{where}.{name}") for name, v in value.items()}
            elif key == "items":
                made[key] = self.of(value, f"{where}[]")
            elif key == "additionalProperties":
                if value is not False:
                    made[key] = self.of(value, f"{where}{{}}")
            elif key != "default":
                raise NotStructural(f"{where} has {key}")
        self._check(made, where)
        if self._has_defaults and node.get("default") is not None:
            made["default"] = _without_nulls(node["default"])
        return _in_order(made)

    def _resolved(self, written: Schema, where: str) -> Schema:
        """References are followed, and what may be left out is not null but missing."""
        node = dict(written)
        if "anyOf" in node:
            alternatives = [each for each in node.pop("anyOf") if each.get("type") != "null"]
            if len(alternatives) != 1:
                raise NotStructural(f"{where} has {len(alternatives)} alternatives")
            node = {**self._resolved(alternatives[0], where), **node}
        if "$ref" in node:
            target = self._definitions[node.pop("$ref").rpartition("/")[2]]
            node = {**self._resolved(target, where), **node}
        return node

    def _check(self, made: Schema, where: str) -> None:
        kind = made.get("type")
        if kind is None:
            raise NotStructural(f"{where} has no type")
        if kind == "integer":
            ends = (made.get("minimum", 0), made.get("maximum", INT32.stop))
            made["format"] = "int32" if all(end in INT32 for end in ends) else "int64"
        bound = BOUNDS.get(kind)
        if bound and bound not in made and not {"enum", "format"} & made.keys():
            raise NotStructural(f"{where} has no {bound}")
        if "additionalProperties" in made and "maxProperties" not in made:
            raise NotStructural(f"{where} has no maxProperties")


def _without_nulls(default: Any) -> Any:
    """A default whole, without what is not set: rules judge it before its own defaults count."""
    if isinstance(default, dict):
        return {k: _without_nulls(v) for k, v in default.items() if v is not None}
    if isinstance(default, list):
        return [_without_nulls(each) for each in default]
    return default


FIRST = ("description", "type", "format", "default", "enum")
LAST = ("required", "properties", "items")


def _in_order(made: Schema) -> Schema:
    first = {key: made[key] for key in FIRST if key in made}
    last = {key: made[key] for key in LAST if key in made}
    between = {key: value for key, value in made.items() if key not in (*FIRST, *LAST)}
    return {**first, **between, **last}
