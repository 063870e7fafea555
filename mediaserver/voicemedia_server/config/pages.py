"""Settings as people read them: the manual page, the example file, the settings in effect.

`python -m voicemedia_server.config.pages` writes docs/configuration.md and config.example.yaml
into the current directory; a test compares both with what this makes.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import yaml

from voicemedia_server.config.fields import Group
from voicemedia_server.config.settings import VARIABLE_PREFIX, Option, options
from voicemedia_server.config.sources import CONFIG_VARIABLE, PROGRAM, Configuration, written
from voicemedia_server.config.values import MASK

MANUAL = Path("docs/configuration.md")
EXAMPLE = Path("config.example.yaml")
WIDTH = 96

INTRODUCTION = f"""\
# Configuration

*Made from the code by `python -m voicemedia_server.config.pages`; a test compares.*

Every setting has one name in three spellings. A flag beats a variable, which beats the file,
which beats the default.

| where | spelling |
|---|---|
| flag | `--drain-limit-s 60` |
| environment | `{VARIABLE_PREFIX}DRAIN_LIMIT_S=60` |
| file of `--config FILE` (or `{CONFIG_VARIABLE}`) | `drain_limit_s: 60` |

Lists have commas between (`host,203.0.113.4`); a flag may also be given again, and the file may
use YAML's own lists. Names end in their unit: `_s` seconds, `_ms` milliseconds, `_bytes` bytes.
`{PROGRAM} --print-config` shows what is in effect and where it came from.

An unknown name or an impossible value stops the start with exit code 2 and a message that names
the setting, where it came from, and what would be right. Variables that Kubernetes itself sets
for a Service called `voicemedia` (`{VARIABLE_PREFIX}SERVICE_HOST`, `{VARIABLE_PREFIX}PORT`, …)
are passed over.
"""


def render_manual() -> str:
    """docs/configuration.md."""
    parts = [INTRODUCTION]
    for group in Group:
        rows = [
            f"| `{option.name}` | {_cell(option.form)} | {_default(option)} "
            f"| {_cell(option.description)} |"
            for option in options()
            if option.group is group
        ]
        head = ["| setting | takes | default | what it does |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {group}", "", *head, *rows, ""]))
    return "\n".join(parts)


def _default(option: Option) -> str:
    text = written(option.default)
    return f"`{text}`" if text else "–"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace(" *", " \\*")


def render_example() -> str:
    """config.example.yaml: every setting at its default."""
    parts = [f"# Every setting of {PROGRAM} at its default. docs/configuration.md explains more."]
    for group in Group:
        parts.append(f"\n# -- {group} --")
        for option in options():
            if option.group is group:
                comment = f"{option.description} [{option.form}]"
                lines = textwrap.wrap(comment, WIDTH - 2, break_on_hyphens=False)
                parts.append("\n" + "\n".join(f"# {line}" for line in lines))
                parts.append(_yaml_line(option.name, option.default))
    return "\n".join(parts) + "\n"


def render_effective(configuration: Configuration) -> str:
    """The settings in effect as YAML, each that is no default with its origin; secrets masked."""
    lines = []
    for option in options():
        value = getattr(configuration.settings, option.name)
        if option.is_secret:
            value = _masked(value)
        origin = configuration.origins.get(option.name)
        comment = f"  # from {origin}" if origin else ""
        lines.append(_yaml_line(option.name, value) + comment)
    return "\n".join(lines) + "\n"


def _masked(secret: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
    if isinstance(secret, tuple):
        return tuple(MASK for _ in secret)
    return secret and MASK


def _yaml_line(name: str, value: object) -> str:
    text: str = yaml.safe_dump([_plain(value)], default_flow_style=True, width=100_000)
    return f"{name}: {text.strip()[1:-1]}"


def _plain(value: object) -> Any:
    """As YAML has it: numbers and switches as they are, lists as lists, all else as text."""
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return value if isinstance(value, bool | int) else written(value)


def main() -> None:
    """Writes both files."""
    MANUAL.write_text(render_manual(), encoding="utf-8")
    EXAMPLE.write_text(render_example(), encoding="utf-8")


if __name__ == "__main__":
    main()
