"""Runs a command of the machine and tells what it said."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

TIMEOUT_S = 120.0
LAST_LINES = 12


class CommandFailed(Exception):
    """A command said no; the message is what it said last."""


def run(
    *command: str | Path,
    given: str | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Its standard output. `given` is its standard input. Raises `CommandFailed`."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as missing:
        raise CommandFailed(f"{words[0]} is not on this machine") from missing
    except subprocess.TimeoutExpired as slow:
        raise CommandFailed(f"{_shown(words)} took more than {timeout_s:.0f} s") from slow
    if done.returncode:
        told = [*done.stdout.splitlines()[-3:], *done.stderr.splitlines()[-LAST_LINES:]]
        raise CommandFailed(f"{_shown(words)} left with {done.returncode}:\n" + "\n".join(told))
    return done.stdout.strip()


def _shown(words: list[str]) -> str:
    return " ".join(words[:8]) + (" …" if len(words) > 8 else "")
