"""Structured logs: their form, and what never stands in them."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import voicemedia_server
from voicemedia_server.telemetry.logs import (
    FORBIDDEN_KEYS,
    LIBRARIES,
    MASK,
    LogFormat,
    mask_text,
    set_up_logs,
)

SOURCES = Path(voicemedia_server.__file__).parent
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}

SetUp = Callable[[LogFormat], io.StringIO]


@pytest.fixture
def set_up() -> Iterator[SetUp]:
    """Sets up logs into a text; puts back what was there."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level

    def do_set_up(log_format: LogFormat) -> io.StringIO:
        stream = io.StringIO()
        set_up_logs(log_format, "info", stream)
        return stream

    yield do_set_up
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def only_line(stream: io.StringIO) -> dict[str, Any]:
    """The one line of JSON that was written."""
    (line,) = stream.getvalue().splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_line_is_json_with_time_level_event_and_session(set_up: SetUp) -> None:
    stream = set_up("json")

    structlog.get_logger("session").info("session opened", session="abcdefgh")

    line = only_line(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "session opened",
        "level": "info",
        "logger": "session",
        "session": "abcdefgh",
    }


def test_the_time_is_rfc_3339_in_utc(set_up: SetUp) -> None:
    stream = set_up("json")
    before = datetime.now(UTC)

    structlog.get_logger("server").info("ready")

    text = only_line(stream)["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", text)
    assert before <= datetime.fromisoformat(text) <= datetime.now(UTC)


def test_without_a_terminal_auto_means_json(set_up: SetUp) -> None:
    stream = set_up("auto")

    structlog.get_logger("server").info("ready")

    assert only_line(stream)["event"] == "ready"


def test_text_is_for_people(set_up: SetUp) -> None:
    stream = set_up("text")

    structlog.get_logger("session").info("session opened", session="abcdefgh")

    assert not stream.getvalue().startswith("{")
    assert "session opened" in stream.getvalue()
    assert "session=abcdefgh" in stream.getvalue()


def test_what_is_below_the_level_is_not_written(set_up: SetUp) -> None:
    stream = set_up("json")

    structlog.get_logger("session").debug("signal rejected")

    assert stream.getvalue() == ""


def test_nothing_breaks_when_whoever_read_the_log_is_gone(set_up: SetUp) -> None:
    set_up("json")
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as gone:
        set_up_logs("json", "info", gone)

        structlog.get_logger("session").info("session opened")

        with open(os.devnull, "w") as nowhere:  # so that closing has nothing to lose
            os.dup2(nowhere.fileno(), writing)


def test_a_line_of_a_library_has_the_same_form(set_up: SetUp) -> None:
    stream = set_up("json")

    logging.getLogger("aiortc.rtcdtlstransport").warning("handshake of %s failed", "a peer")

    line = only_line(stream)
    assert line["event"] == "handshake of a peer failed"
    assert (line["level"], line["logger"]) == ("warning", "aiortc.rtcdtlstransport")


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_are_quiet_below_a_warning(set_up: SetUp, library: str) -> None:
    stream = set_up("json")

    logging.getLogger(library + ".access").info("GET / 200")

    assert stream.getvalue() == ""


def test_a_warning_of_python_is_a_line_too(set_up: SetUp) -> None:
    stream = set_up("json")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    assert only_line(stream)["level"] == "warning"


@pytest.mark.parametrize("key", sorted(FORBIDDEN_KEYS))
def test_a_forbidden_key_is_masked(set_up: SetUp, key: str) -> None:
    stream = set_up("json")

    structlog.get_logger("session").info("met", **{key: "hunter2", "details": {key: "hunter2"}})

    line = only_line(stream)
    assert line[key] == MASK
    assert line["details"] == {key: MASK}


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_tells_neither_addresses_nor_local_variables(
    set_up: SetUp, log_format: LogFormat
) -> None:
    stream = set_up(log_format)

    def fail(token: str) -> None:
        raise OSError("no route to 203.0.113.4 for Bearer abc.def")

    try:
        fail("-".join(["hun", "ter2"]))  # the traceback shows this line, but no values
    except OSError:
        structlog.get_logger("http").exception("request failed")

    text = stream.getvalue()
    assert "OSError: no route to (masked) for (masked)" in text
    for secret in ("203.0.113.4", "abc.def", "hun-ter2"):
        assert secret not in text


def test_an_address_in_a_line_of_a_library_is_masked(set_up: SetUp) -> None:
    stream = set_up("json")

    logging.getLogger("aiohttp.server").error("Error handling request from %s", "2001:db8::1")

    assert only_line(stream)["event"] == "Error handling request from (masked)"


@given(
    st.ip_addresses().map(str),
    st.sampled_from(["", "from ", "(", "'"]),
    st.sampled_from(["", " is gone", ".", "'", ", 80"]),
)
def test_every_address_is_masked_wherever_it_stands(address: str, before: str, after: str) -> None:
    assert mask_text(f"{before}{address}{after}") == f"{before}{MASK}{after}"


@pytest.mark.parametrize(
    "text",
    [
        "session opened",
        "at 03:47:13 on 2026-11-21",
        "version 0.1.0, aiortc 1.16.0",
        'File "/app/main.py", line 12, in run',
        "KeyError: 7",
        "voicemedia_server::main",
    ],
)
def test_what_only_looks_like_an_address_is_kept(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "line",
    ["a=ice-pwd:asd88fgpdd777uzjYhagZg", "a=candidate:1 1 udp 1 h.local 9", "a=ice-ufrag:8hhY"],
)
def test_revealing_lines_of_sdp_are_masked(line: str) -> None:
    assert mask_text(f"v=0\r\n{line}\r\nend") == f"v=0\r\n{MASK}\r\nend"


def log_calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call of a logger in the source."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=method)) if (
                    method in LOG_METHODS
                ):
                    yield path, node


def test_no_line_of_ours_needs_masking() -> None:
    calls = list(log_calls())
    used = {keyword.arg for _, call in calls for keyword in call.keywords}

    assert len(calls) > 10
    assert used & FORBIDDEN_KEYS == set()


def test_an_event_of_ours_is_never_put_together_from_what_came_in() -> None:
    for path, call in log_calls():
        (event,) = call.args
        is_plain = not isinstance(event, ast.JoinedStr | ast.Call)
        assert is_plain, f"{path.name} line {call.lineno}: pass values as keywords"


def test_nothing_is_printed_but_by_commands_and_the_welcome() -> None:
    printing = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if re.search(r"^\s*print\(", path.read_text(), re.MULTILINE)
    }

    assert printing == {"main.py", "flags_command.py", "sessions_command.py", "welcome.py"}
