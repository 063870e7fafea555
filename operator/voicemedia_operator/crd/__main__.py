"""`python -m voicemedia_operator.crd` writes the CRD, the chart's copy of it and its page below the
current folder."""

from __future__ import annotations

from pathlib import Path

from voicemedia_operator.crd.definition import render_definition
from voicemedia_operator.crd.page import render_page
from voicemedia_operator.spec.voice_media_server import GROUP, PLURAL

DEFINITION = Path(f"crds/{GROUP}_{PLURAL}.yaml")
CHART_COPY = Path("charts/voicemedia/files") / DEFINITION.name
"""A chart holds only what lies in its own folder."""
PAGE = Path("docs/resource.md")


def main() -> None:
    """Writes the three files."""
    for path in (DEFINITION, CHART_COPY):
        path.write_text(render_definition(), encoding="utf-8")
    PAGE.write_text(render_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
