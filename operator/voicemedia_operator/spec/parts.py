"""What the models of the resource are made of: `Part`, rules between members, texts with bounds.

A rule is written twice, side by side: in CEL, which the API server evaluates before anything is
stored, and in Python, for resources that come another way. Tests hold both to the same answers.
Every text, list and map has a bound, since the API server adds up what rules could cost at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

RULES_BROKEN = "rules_broken"
"""The type of pydantic's error for rules; its context has their `messages`."""
DAY_S = 86400
UNITS = {"_s": "_seconds", "_ms": "_milliseconds"}
"""Endings of our names, and what Kubernetes spells out."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds between members. `message` says what to mend; `holds` is `None` for a rule about
    a change, which only the API server sees."""

    expression: str
    message: str
    holds: Callable[[Any], bool] | None = None


def rule(expression: str, message: str) -> Callable[[Callable[[Any], bool]], Rule]:
    """Makes a rule of a method that answers in Python what `expression` answers in CEL."""
    return lambda holds: Rule(expression, message, holds)


def _to_member(name: str) -> str:
    for ending, unit in UNITS.items():
        if name.endswith(ending):
            return to_camel(name.removesuffix(ending) + unit)
    return to_camel(name)


def _with_rules(schema: dict[str, Any], part: type[Part]) -> None:
    if part.rules():
        schema["x-kubernetes-validations"] = [
            {"rule": each.expression, "message": each.message} for each in part.rules()
        ]


class Part(BaseModel):
    """An object of the resource. Members are camelCase, with their units spelt out."""

    model_config = ConfigDict(
        alias_generator=_to_member,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        ignored_types=(Rule,),
        use_attribute_docstrings=True,
        json_schema_extra=_with_rules,
    )

    @classmethod
    def rules(cls) -> tuple[Rule, ...]:
        """Its rules, as they are written."""
        return tuple(each for each in vars(cls).values() if isinstance(each, Rule))

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        broken = [each.message for each in self.rules() if each.holds and not each.holds(self)]
        if broken:
            raise PydanticCustomError(RULES_BROKEN, "rules are broken", {"messages": broken})
        return self


def each_once(*keys: str) -> AfterValidator:
    """Refuses a list in which two entries have the same `keys`, as the API server does."""

    def check(entries: tuple[Part, ...]) -> tuple[Part, ...]:
        named = [tuple(getattr(entry, key) for key in keys) for entry in entries]
        if len(named) != len(set(named)):
            raise PydanticCustomError(
                "twice", "has two entries with the same " + " and ".join(keys)
            )
        return entries

    return AfterValidator(check)


def list_map(*keys: str) -> dict[str, JsonValue]:
    """Schema of a list in which these members name an entry (`each_once`): writers can change one
    without the others."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


FREE_FORM: dict[str, JsonValue] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
"""Schema of what is handed to Kubernetes as it is, which judges it when a pod is made."""

LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
Port = Annotated[int, Field(ge=1, le=65535)]
Percent = Annotated[int, Field(ge=0, le=100)]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{LABEL}(\.{LABEL})*$")]
HostName = ObjectName
Words = Annotated[str, Field(max_length=1024)]
LabelValue = Annotated[
    str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
]
Labels = Annotated[Mapping[str, LabelValue], Field(max_length=64)]
Annotations = Annotated[
    Mapping[str, Annotated[str, Field(max_length=16384)]],
    Field(max_length=64),
]

NO_ENTRIES: Mapping[str, str] = {}


class SecretKeyRef(Part):
    """A key of a Secret in the namespace of the resource."""

    name: ObjectName
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
    """Key within the Secret's data."""
