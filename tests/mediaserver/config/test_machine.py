"""What is asked of the machine, and the log."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from voicemedia_server.config.machine import MachineSettings


def test_by_default_no_packet_waits_for_others() -> None:
    assert MachineSettings().coalesce_ms == 0


def test_a_level_that_no_log_has_is_refused() -> None:
    with pytest.raises(ValidationError):
        MachineSettings(log_level="chatty")  # type: ignore[arg-type]  # as a file would have it
