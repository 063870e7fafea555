"""The flag document: how many callers get WebRTC, who is an exception, whether it is killed.

Its form is flagd's (https://flagd.dev/schema/v0/flags.json), so that a real flagd and any
OpenFeature provider of that format read it. Its member `rollout`, which flagd passes over, is what
people change; `flags` is made from it and never edited. Pure: times are arguments.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from voicemedia_rollout.analysis import Analysis, Part

FLAG_KEY = "voice-transport"
SCHEMA = "https://flagd.dev/schema/v0/flags.json"
PARTS = 10_000
"""A share has this many parts: hundredths of a percent. The total never changes, so that a larger
share keeps everybody whom a smaller one had."""
MAX_OVERRIDES = 1000

Name = Annotated[str, Field(min_length=1, max_length=128)]


class Variant(StrEnum):
    """What a caller is given: the values of the flag."""

    WEBRTC = "webrtc"
    WEBSOCKET = "websocket"


class Cause(StrEnum):
    """Why a caller is given it, beyond the split; the end of a variant's key in `flags`."""

    OVERRIDE = "override"
    KILL = "kill"


class Subject(StrEnum):
    """Whom an override is for. A client's goes before its tenant's."""

    CLIENT = "client"
    TENANT = "tenant"


ATTRIBUTES = {Subject.CLIENT: "targetingKey", Subject.TENANT: "tenant"}
"""Under which name each stands in OpenFeature's evaluation context."""


class DocumentMalformed(ValueError):
    """The text is no flag document; the message names the member."""


class Override(Part):
    """One client or tenant that is given a variant whatever the split says."""

    subject: Subject
    name: Name
    variant: Variant


class Rollout(Part):
    """What people decide. `changed_unix_s` is wall-clock time, `reason` is for people."""

    revision: Annotated[int, Field(ge=1, lt=1 << 53)] = 1
    weight_percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    is_killed: bool = False
    overrides: Annotated[tuple[Override, ...], Field(max_length=MAX_OVERRIDES)] = ()
    analysis: Analysis = Analysis()
    reason: Annotated[str, Field(max_length=500)] = ""
    changed_by: Annotated[str, Field(max_length=128)] = ""
    changed_unix_s: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _each_subject_once(self) -> Rollout:
        subjects = [(one.subject, one.name) for one in self.overrides]
        if len(subjects) != len(set(subjects)):
            raise ValueError("overrides names a client or tenant twice")
        return self

    def changed(self, *, by: str, reason: str, now_unix_s: int, **changes: Any) -> Rollout:
        """The next revision. Raises `DocumentMalformed` where a change is out of range."""
        members = {
            **self.model_dump(by_alias=True),
            **{to_camel(name): value for name, value in changes.items()},
            "revision": self.revision + 1,
            "changedBy": by,
            "reason": reason,
            "changedUnixS": now_unix_s,
        }
        try:
            return Rollout.model_validate(members)
        except ValidationError as failure:
            raise DocumentMalformed(_first_fault(failure)) from None

    def with_override(self, override: Override) -> tuple[Override, ...]:
        """The overrides, with this one in place of what stood for its subject."""
        return (*self.without_override(override.subject, override.name), override)

    def without_override(self, subject: Subject, name: str) -> tuple[Override, ...]:
        """The overrides but for this subject's."""
        return tuple(o for o in self.overrides if (o.subject, o.name) != (subject, name))


def key_of(variant: Variant, cause: Cause | None = None) -> str:
    """A variant's key in `flags`, which tells why too: `webrtc`, `webrtc-by-override`."""
    return variant if cause is None else f"{variant}-by-{cause}"


KEYS = {key_of(variant, cause): (variant, cause) for variant in Variant for cause in (None, *Cause)}
"""Every key that a document of ours can give, and what it means."""


def write_document(rollout: Rollout) -> str:
    """The document as it is stored and published."""
    flag: dict[str, Any] = {
        "state": "ENABLED",
        "variants": {key: variant.value for key, (variant, _) in KEYS.items()},
        "defaultVariant": key_of(Variant.WEBSOCKET),
        "metadata": {"revision": rollout.revision},
    }
    if rollout.is_killed:
        flag["defaultVariant"] = key_of(Variant.WEBSOCKET, Cause.KILL)
    else:
        flag["targeting"] = _targeting(rollout)
    document = {
        "$schema": SCHEMA,
        "flags": {FLAG_KEY: flag},
        "rollout": rollout.model_dump(mode="json", by_alias=True),
    }
    return json.dumps(document, indent=2) + "\n"


def _targeting(rollout: Rollout) -> dict[str, Any]:
    """Overrides in flagd's JsonLogic, then the split by `targetingKey`."""
    webrtc_parts = round(rollout.weight_percent * PARTS / 100)
    split = {
        "fractional": [
            [key_of(Variant.WEBRTC), webrtc_parts],
            [key_of(Variant.WEBSOCKET), PARTS - webrtc_parts],
        ]
    }
    branches: list[Any] = []
    for subject, attribute in ATTRIBUTES.items():
        for variant in Variant:
            names = [
                override.name
                for override in rollout.overrides
                if (override.subject, override.variant) == (subject, variant)
            ]
            if names:
                branches += [{"in": [{"var": attribute}, names]}, key_of(variant, Cause.OVERRIDE)]
    return {"if": [*branches, split]} if branches else split


def read_document(text: str) -> Rollout:
    """What people decided. Raises `DocumentMalformed`, also for a document that flagd could read
    but that has no `rollout`: it was written by hand and is evaluated, not changed."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise DocumentMalformed("the document is not JSON") from None
    if not isinstance(document, dict):
        raise DocumentMalformed("the document is not a JSON object")
    if "rollout" not in document:
        raise DocumentMalformed("rollout is missing: the document was not written by voicemedia")
    try:
        return Rollout.model_validate(document["rollout"])
    except ValidationError as failure:
        raise DocumentMalformed(_first_fault(failure)) from None


def _first_fault(failure: ValidationError) -> str:
    fault = failure.errors(include_url=False, include_input=False, include_context=False)[0]
    member = ".".join(str(part) for part in ("rollout", *fault["loc"]))
    return f"{member}: {fault['msg']}"
