"""An HTTP response, read whole, and what a check may expect of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from multidict import CIMultiDictProxy

from whip_conformance.syntax.entity_tags import EntityTag, EntityTagError, read_entity_tag
from whip_conformance.syntax.fields import (
    FieldError,
    read_list,
    read_media_type,
    read_retry_after_s,
)
from whip_conformance.syntax.links import Link, read_links
from whip_conformance.verdict import Failed, require


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. `what` names the request in findings."""

    what: str
    url: str
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    duration_s: float

    def header(self, name: str) -> str | None:
        """The first field of this name, or None."""
        return self.headers.get(name)

    def values(self, name: str) -> list[str]:
        """Every field of this name."""
        return self.headers.getall(name, [])

    def members(self, name: str) -> frozenset[str]:
        """The members of a list field, in lower case."""
        return read_list(self.values(name))

    @property
    def media_type(self) -> str | None:
        """The content type without parameters, in lower case."""
        return read_media_type(self.header("Content-Type"))

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_client_error(self) -> bool:
        return 400 <= self.status < 500

    def expect(self, *statuses: int) -> Reply:
        """The reply itself. Raises `Failed` with another status."""
        wanted = " or ".join(map(str, statuses))
        require(self.status in statuses, f"{self.what} gave {self.status}, not {wanted}")
        return self

    def expect_client_error(self) -> Reply:
        """The reply itself. Raises `Failed` unless it is 4xx."""
        require(self.is_client_error, f"{self.what} gave {self.status}, not 4xx")
        return self

    def expect_empty(self) -> Reply:
        """The reply itself. Raises `Failed` when it has content."""
        require(not self.body, f"{self.what} has {len(self.body)} bytes of content, not none")
        return self

    def expect_retry_after_s(self) -> int:
        """Seconds. Raises `Failed` where `Retry-After` is missing or cannot be read."""
        value = self.header("Retry-After")
        if value is None:
            raise Failed(f"the {self.status} has no Retry-After")
        try:
            return read_retry_after_s(value)
        except FieldError as error:
            raise Failed(str(error)) from error

    def expect_entity_tag(self) -> EntityTag:
        """The entity-tag. Raises `Failed` where it is missing, malformed or weak."""
        value = self.header("ETag")
        if value is None:
            raise Failed(f"{self.what} has no ETag")
        try:
            tag = read_entity_tag(value)
        except EntityTagError as error:
            raise Failed(f"ETag: {error}") from error
        require(not tag.is_weak, "the entity-tag is weak")
        return tag

    def expect_links(self) -> tuple[Link, ...]:
        """The links. Raises `Failed` where a `Link` field breaks RFC 8288."""
        try:
            return read_links(self.values("Link"))
        except FieldError as error:
            raise Failed(f"Link does not follow RFC 8288: {error}") from error

    def problem(self) -> dict[str, object] | None:
        """The problem details (RFC 9457), or None where the body is something else."""
        if self.media_type != "application/problem+json":
            return None
        try:
            content = json.loads(self.body)
        except ValueError as error:
            raise Failed(f"{self.what}: the problem details are no JSON") from error
        if not isinstance(content, dict):
            raise Failed(f"{self.what}: the problem details are no JSON object")
        return content
