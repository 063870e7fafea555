"""Settings as people read them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from voicemedia_server.config.pages import (
    EXAMPLE,
    MANUAL,
    main,
    render_effective,
    render_example,
    render_manual,
)
from voicemedia_server.config.settings import Option, Settings, options
from voicemedia_server.config.sources import ConfigError, load

ROOT = Path(__file__).parents[3]


def test_the_manual_page_is_what_the_code_makes() -> None:
    assert (ROOT / MANUAL).read_text() == render_manual()


def test_the_example_file_is_what_the_code_makes() -> None:
    assert (ROOT / EXAMPLE).read_text() == render_example()


def test_the_example_file_has_every_setting_at_its_default() -> None:
    loaded = load(["--config", str(ROOT / EXAMPLE)], {})

    assert set(loaded.origins) == {option.name for option in options()}
    assert loaded.settings == Settings()


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_the_manual_page_has_a_row_for_every_setting(option: Option) -> None:
    assert render_manual().count(f"\n| `{option.name}` |") == 1


def test_the_settings_in_effect_can_be_loaded_again(tmp_path: Path) -> None:
    configuration = load(["--advertise", "203.0.113.4:9", "--coalesce-ms", "0.5"], {})
    path = tmp_path / "config.yaml"

    path.write_text(render_effective(configuration))

    assert load(["--config", str(path)], {}).settings == configuration.settings


def test_the_settings_in_effect_tell_where_they_came_from() -> None:
    lines = render_effective(load(["--max-pending", "3"], {})).splitlines()

    assert "max_pending: 3  # from --max-pending" in lines
    assert "max_sessions: 2000" in lines


def test_the_settings_in_effect_do_not_tell_secrets(tmp_path: Path) -> None:
    environment = {"VOICEMEDIA_AUTH_MODE": "token", "VOICEMEDIA_AUTH_TOKENS": "hunter2,abc"}
    shown = render_effective(load([], environment))
    path = tmp_path / "config.yaml"
    path.write_text(shown)

    assert "hunter2" not in shown
    assert yaml.safe_load(shown)["auth_tokens"] == ["***", "***"]
    with pytest.raises(ConfigError, match="stands for a masked token"):
        load(["--config", str(path)], {})


def test_both_pages_are_written_below_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)

    main()

    assert (tmp_path / MANUAL).read_text() == render_manual()
    assert (tmp_path / EXAMPLE).read_text() == render_example()
