"""`make manifests` writes what is checked in, and nowhere else."""

from __future__ import annotations

import pytest

from chart.__main__ import main
from chart.place import PLAIN

pytestmark = pytest.mark.system


def test_writing_the_manifests_again_changes_nothing() -> None:
    before = PLAIN.read_text(encoding="utf-8")

    main()

    assert PLAIN.read_text(encoding="utf-8") == before
