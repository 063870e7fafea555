"""Structured logs on standard error: one line of JSON each, those of libraries too.

Tokens never reach them; addresses and URLs of Redis are masked, whoever logs them.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

MASK = "(masked)"
BEARER = re.compile(r"(?i)\bbearer\s+\S+")
CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+@")
ADDRESS_LIKE = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
LIBRARIES = ("aiohttp", "asyncio", "kopf", "kubernetes")

Event = MutableMapping[str, Any]


def mask_texts(logger: object, method: str, event: Event) -> Event:
    """In every text, tracebacks too."""
    for key, value in event.items():
        if isinstance(value, str) and key != "timestamp":
            event[key] = mask_text(value)
    return event


def mask_text(text: str) -> str:
    """Without tokens, credentials and addresses."""
    text = CREDENTIALS.sub(MASK, BEARER.sub(MASK, text))
    return ADDRESS_LIKE.sub(MASK, text)


def set_up_logs(level: str, stream: TextIO | None = None) -> None:
    """Routes our logs and those of libraries to `stream`. Called once, at the start."""
    stream = stream or sys.stderr
    least = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_texts,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, least))
    logging.captureWarnings(True)
