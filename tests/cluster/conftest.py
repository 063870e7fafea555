"""What the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import programs
from cluster.place import Place


@pytest.fixture(scope="session")
def pause() -> Path:
    """The program that waits and reaps."""
    return programs.build(Place().cache, print)["pause"]
