"""The reasons for a drop are labels of a counter."""

from __future__ import annotations

import re

import pytest

from voicemedia_server.relay.drops import DropReason


@pytest.mark.parametrize("reason", DropReason)
def test_a_reason_is_a_label_of_lower_case_words_and_hyphens(reason: DropReason) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", reason.value)


@pytest.mark.parametrize("reason", DropReason)
def test_a_reason_is_called_by_the_same_words_in_code_and_on_the_dashboard(
    reason: DropReason,
) -> None:
    assert reason.value == reason.name.lower().replace("_", "-")
