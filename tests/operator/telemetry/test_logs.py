"""The operator's log lines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from voicemedia_operator.telemetry.logs import mask_text, set_up_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers, root.level
    written = io.StringIO()
    set_up_logs("info", written)
    yield written
    root.handlers, root.level = before
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_a_line_is_a_document(stream: io.StringIO) -> None:
    structlog.get_logger("loop").info("pod created", resource="calls/voice")

    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("pod created", "info", "loop")
    assert line["resource"] == "calls/voice"


def test_libraries_take_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("kopf").warning("watch of %s ended", "Pod")
    logging.getLogger("kopf").info("nobody asked")

    assert json.loads(stream.getvalue())["event"] == "watch of Pod ended"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def", "Authorization: (masked)"),
        ("redis://user:word@redis:6379/0", "redis://(masked)redis:6379/0"),
        ("pod at 10.0.0.7 is silent", "pod at (masked) is silent"),
        ("version 1.34.4 of 5 pods", "version 1.34.4 of 5 pods"),
    ],
)
def test_what_must_not_be_seen_is_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked
