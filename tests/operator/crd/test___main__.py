"""What is checked in is what the models make."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicemedia_operator.crd.__main__ import CHART_COPY, DEFINITION, PAGE, main
from voicemedia_operator.crd.definition import render_definition
from voicemedia_operator.crd.page import render_page

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("path", [DEFINITION, CHART_COPY], ids=str)
def test_the_definition_that_is_checked_in_is_what_the_models_make(path: Path) -> None:
    assert (ROOT / path).read_text() == render_definition()


def test_the_page_that_is_checked_in_is_what_the_models_make() -> None:
    assert (ROOT / PAGE).read_text() == render_page()


def test_all_are_written_below_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (DEFINITION, CHART_COPY, PAGE):
        (tmp_path / path).parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    main()

    assert (tmp_path / DEFINITION).read_text() == render_definition()
    assert (tmp_path / CHART_COPY).read_text() == render_definition()
    assert (tmp_path / PAGE).read_text() == render_page()
