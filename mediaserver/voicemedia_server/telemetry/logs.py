"""Structured logs on standard error: one line for each step of a session's life, its label on it.

JSON, or readable on a terminal; records of libraries take the same way. What must never be logged
(SDP, tokens, addresses) is masked here, whoever logs it: by key, and addresses by their looks.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

MASK = "(masked)"
FORBIDDEN_KEYS = frozenset(
    {
        "address",
        "answer",
        "authorization",
        "body",
        "candidate",
        "candidates",
        "client",
        "cookie",
        "credential",
        "credentials",
        "host",
        "ip",
        "key",
        "offer",
        "password",
        "path",
        "peername",
        "pwd",
        "remote",
        "sdp",
        "secret",
        "session_id",
        "token",
        "ufrag",
        "url",
        "username",
    }
)
"""A session's whole id is a capability, so lines carry `session`, the first part of it."""
BEARER = re.compile(r"(?i)\bbearer\s+\S+")
SDP_LINE = re.compile(r"(?m)\b[a-z]=(?:candidate|ice-ufrag|ice-pwd|fingerprint|crypto):[^\r\n]*")
ADDRESS_LIKE = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)")
LIBRARIES = ("aiohttp", "aiortc", "aioice", "asyncio")

LogFormat = Literal["auto", "json", "text"]
Event = MutableMapping[str, Any]


def mask_keys(logger: object, method: str, event: Event) -> Event:
    """Replaces the value of each forbidden key, also inside of values that are mappings."""
    for key, value in event.items():
        if key in FORBIDDEN_KEYS:
            event[key] = MASK
        elif isinstance(value, dict):
            event[key] = mask_keys(logger, method, dict(value))
    return event


def mask_texts(logger: object, method: str, event: Event) -> Event:
    """Masks addresses, bearer tokens and SDP in every text, tracebacks too."""
    for key, value in event.items():
        if isinstance(value, str) and key != "timestamp":
            event[key] = mask_text(value)
    return event


def mask_text(text: str) -> str:
    """The text without addresses, bearer tokens and revealing lines of SDP."""
    text = SDP_LINE.sub(MASK, BEARER.sub(MASK, text))
    return ADDRESS_LIKE.sub(_mask_address, text)


def _mask_address(found: re.Match[str]) -> str:
    text = found.group()
    for bare in (text, text[:-1]):  # a sentence may end with a full stop or colon
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            continue
        return MASK + text[len(bare) :]
    return text


class Lines:
    """Where our own loggers write: one line at a time, without a `LogRecord` on the way.

    Half the cost of the standard library's way, and a line costs as much as five echoed packets.
    """

    __slots__ = ("_stream", "name")

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self.name = name

    def msg(self, line: str) -> None:
        """Writes the line at once. Whoever read the log may be gone: a call goes on without."""
        with contextlib.suppress(OSError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


def set_up_logs(log_format: LogFormat, level: str, stream: TextIO | None = None) -> None:
    """Routes our logs and those of libraries to `stream` in one form. Called once, at the start.

    Without a stream that is standard error.
    """
    stream = stream or sys.stderr
    is_json = log_format == "json" or (log_format == "auto" and not stream.isatty())
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if is_json
        else structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # never with local variables: those hold SDP
        mask_keys,
        mask_texts,
    ]
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=lambda name: Lines(stream, name),
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, least))
    logging.captureWarnings(True)
