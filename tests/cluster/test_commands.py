"""Commands of the machine."""

from __future__ import annotations

import pytest

from cluster.commands import CommandFailed, run


def test_a_command_gives_what_it_said_and_takes_what_it_is_given() -> None:
    assert run("cat", given="a line\n") == "a line"


def test_a_command_that_says_no_is_quoted() -> None:
    with pytest.raises(CommandFailed, match=r"left with 3:\nall is lost"):
        run("sh", "-c", "echo all is lost >&2; exit 3")


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandFailed, match="no-such-program is not on this machine"):
        run("no-such-program")


def test_a_command_that_takes_too_long_is_ended() -> None:
    with pytest.raises(CommandFailed, match="took more than 0 s"):
        run("sleep", "60", timeout_s=0.05)
