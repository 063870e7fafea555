"""Each refusal has a status, a title and a label of its own kind."""

from __future__ import annotations

import pytest

from voicemedia_server.sessions.refusals import Refusal, RefusalReason


def all_refusals() -> list[type[Refusal]]:
    return [Refusal, *Refusal.__subclasses__()]


@pytest.mark.parametrize("kind", all_refusals())
def test_a_refusal_is_told_with_an_error_status_and_a_title(kind: type[Refusal]) -> None:
    assert 400 <= kind.status < 600
    assert kind.title
    assert kind.reason in RefusalReason


def test_a_refusal_keeps_its_sentence_and_when_to_come_back() -> None:
    refusal = Refusal("Mend this.", retry_after_s=3)

    assert refusal.detail == str(refusal) == "Mend this."
    assert refusal.retry_after_s == 3
