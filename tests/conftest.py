"""What every test run needs."""

from __future__ import annotations

import asyncio


def pytest_configure() -> None:
    """Keeps pytest-asyncio from making an event loop that nobody closes.

    It asks for the current loop before it sets its own; until one was set, or said to be none,
    Python 3.11 answers by making one, whose ResourceWarning then fails any test it likes.
    """
    asyncio.set_event_loop(None)
