"""Where the chart is, and what is made from it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "voicemedia"
PLAIN = ROOT / "deploy" / "voicemedia.yaml"
