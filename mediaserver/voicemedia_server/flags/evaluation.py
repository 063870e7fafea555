"""What the flag says for a caller: OpenFeature's client over a provider that holds a snapshot.

Evaluated in process by flagd's own library, so that a decision waits for no network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from openfeature import api
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata

from voicemedia_rollout.document import (
    FLAG_KEY,
    KEYS,
    DocumentMalformed,
    Rollout,
    read_document,
)
from voicemedia_server.routing.decision import Evaluation


class SnapshotProvider(AbstractProvider):
    """An OpenFeature provider that answers from the last document it was given."""

    def __init__(self) -> None:
        super().__init__()
        self._core = FlagdCore()

    def take(self, document: dict[str, Any]) -> None:
        """Raises `OpenFeatureError` where the document cannot be evaluated; the last one stays."""
        core = FlagdCore()
        core.set_flags(document)
        self._core = core

    def get_metadata(self) -> Metadata:
        """Its name in traces and hooks."""
        return Metadata(name="voicemedia-snapshot")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """By flagd's rules."""
        return self._core.resolve_boolean_value(flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """By flagd's rules."""
        return self._core.resolve_string_value(flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """By flagd's rules."""
        return self._core.resolve_integer_value(flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """By flagd's rules."""
        return self._core.resolve_float_value(flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """By flagd's rules."""
        return self._core.resolve_object_value(flag_key, default_value, evaluation_context)


class Flags:
    """The flag of this process. `revision` is that of the snapshot, 0 before the first;
    `rollout` what people decided, where the document is ours."""

    def __init__(self) -> None:
        self._provider = SnapshotProvider()
        domain = f"voicemedia-{uuid4()}"  # OpenFeature's registry is global, and we are not alone
        api.set_provider_and_wait(self._provider, domain)
        self._client = api.get_client(domain)
        self._has_snapshot = False
        self.revision = 0
        self.rollout: Rollout | None = None

    def take(self, text: str) -> None:
        """From now on decisions go by this document. Raises `DocumentMalformed`, and keeps the
        last one."""
        document, flags = _read(text)
        try:
            self._provider.take(document)
        except OpenFeatureError as failure:
            raise DocumentMalformed(f"flags cannot be read: {failure}") from None
        self._has_snapshot = True
        self.revision = _revision(flags, document.get("metadata"))
        try:
            self.rollout = read_document(text)
        except DocumentMalformed:
            self.rollout = None

    def evaluate(self, client_id: str, tenant: str | None = None) -> Evaluation | None:
        """`None` while no document was ever had."""
        if not self._has_snapshot:
            return None
        attributes: dict[str, Any] = {} if tenant is None else {"tenant": tenant}
        details = self._client.get_string_details(
            FLAG_KEY, "", EvaluationContext(client_id, attributes)
        )
        key = details.variant
        if key is None or key not in KEYS or KEYS[key][0] != details.value:
            key = details.value or None  # a document by another hand: its value counts
        return Evaluation(key, self.revision)


def revision_of(text: str) -> int:
    """Of a document; 0 where it says none. Raises `DocumentMalformed`."""
    document, flags = _read(text)
    return _revision(flags, document.get("metadata"))


def _read(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document and its flags. Raises `DocumentMalformed`."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise DocumentMalformed("the document is not JSON") from None
    flags = document.get("flags") if isinstance(document, dict) else None
    if not isinstance(flags, dict) or not all(isinstance(f, dict) for f in flags.values()):
        raise DocumentMalformed("flags is missing, or is no object of flags")
    return document, flags


def _revision(flags: Mapping[str, Any], of_set: object) -> int:
    """Of our flag, or of the whole set; documents by other hands may have none."""
    of_flag = flags.get(FLAG_KEY, {}).get("metadata")
    for metadata in (of_flag, of_set):
        found = metadata.get("revision") if isinstance(metadata, dict) else None
        if isinstance(found, int) and not isinstance(found, bool):
            return found
    return 0
