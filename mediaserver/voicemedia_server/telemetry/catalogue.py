"""The list of all metrics as a page, read off the registry itself.

`python -m voicemedia_server.telemetry.catalogue` writes docs/metrics.md into the current
directory; a test compares it with what this makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric

from voicemedia_server.service import Capacity
from voicemedia_server.telemetry.metrics import Metrics, Reading
from voicemedia_server.telemetry.totals import new_totals

PAGE = Path("docs/metrics.md")
PREFIX = "voicemedia_"

INTRODUCTION = """\
# Metrics

*Made from the code by `python -m voicemedia_server.telemetry.catalogue`; a test compares.*

`GET /metrics` answers in OpenMetrics where the scraper accepts it, else in Prometheus' text
format. Units are base units (seconds, bytes, ratios). Labels come from closed lists, never from
users, and every series is there from the start, at 0. Totals do not fall when sessions end.
`process_*` of the Prometheus client stand beside these: CPU, memory, file descriptors.
"""


def families() -> Iterator[Metric]:
    """All metrics of ours, as a server that has just started shows them."""
    metrics = Metrics("0", "python")
    metrics.show(Reading({}, new_totals(), {}, Capacity(0, 0), False, False))
    for family in metrics.registry.collect():
        if family.name.startswith(PREFIX):
            yield family


def render() -> str:
    """docs/metrics.md."""
    parts = [INTRODUCTION, "| metric | type | labels | what it counts |\n|---|---|---|---|"]
    found = sorted(families(), key=lambda family: family.name)
    parts += [_row(family) for family in found]
    parts.append("\n## Values of labels\n")
    values: dict[str, dict[str, None]] = {}
    for family in found:
        for name, seen in _labels(family).items():
            key = f"`{name}` of `{_shown_name(family)}`" if name == "reason" else f"`{name}`"
            values.setdefault(key, {}).update(seen)
    for key in sorted(values):
        if key not in ("`version`", "`packet_plane`"):
            parts.append(f"- {key}: {', '.join(values[key])}")
    return "\n".join(parts) + "\n"


def _row(family: Metric) -> str:
    labels = ", ".join(f"`{name}`" for name in _labels(family)) or "–"
    return f"| `{_shown_name(family)}` | {family.type} | {labels} | {family.documentation} |"


def _shown_name(family: Metric) -> str:
    suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
    return family.name + suffix


def _labels(family: Metric) -> dict[str, dict[str, None]]:
    """The labels of a family, and the values of each that were seen, in their order."""
    found: dict[str, dict[str, None]] = {}
    for sample in family.samples:
        for name, value in sample.labels.items():
            if name != "le":
                found.setdefault(name, {})[value] = None
    return found


def main() -> None:
    """Writes the page."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
