"""The page that lists all metrics."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from voicemedia_server.telemetry.catalogue import PAGE, families, main, render

ROOT = Path(__file__).parents[3]
FAMILIES = list(families())


def test_the_page_is_what_the_code_makes() -> None:
    assert (ROOT / PAGE).read_text() == render()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_metric_is_explained_in_a_sentence(family: Metric) -> None:
    assert family.documentation.endswith(".")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_metric_is_in_base_units(family: Metric) -> None:
    assert not re.search(r"(_ms|_milliseconds|_kb|_percent|_ns)(_|\Z)", family.name)
    if family.type == "histogram":
        assert family.name.endswith(("_seconds", "_ratio"))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_series_is_there_from_the_start(family: Metric) -> None:
    assert family.samples


def test_the_page_is_written_below_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)

    main()

    assert (tmp_path / PAGE).read_text() == render()
