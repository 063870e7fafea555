"""`make manifests`: writes deploy/voicemedia.yaml."""

from __future__ import annotations

from chart.helm import find_helm
from chart.place import PLAIN
from chart.plain import plain


def main() -> None:
    """Writes it."""
    PLAIN.write_text(plain(find_helm()), encoding="utf-8")


if __name__ == "__main__":
    main()
