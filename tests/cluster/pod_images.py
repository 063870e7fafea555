"""Images for the cluster's pods: built from our Dockerfiles, imported where no registry is.

An image is named for its content, so one that did not change is neither written nor read again.
"""

from __future__ import annotations

from pathlib import Path

from cluster.one_node import OneNode
from images.builder import Image, build, export

ID_DIGITS = 12


def load(cluster: OneNode, dockerfile: str, name: str) -> str:
    """Builds the image and has the node take it; returns what pods call it.

    Raises `BuildFailed` or `CommandFailed`.
    """
    image = build(dockerfile, name)
    reference = reference_of(image)
    if not cluster.has_image(reference):
        cluster.import_image(archive_of(image, cluster.place.cache / "images"))
    return reference


def reference_of(image: Image) -> str:
    """Names its content, so that a pod never runs what was built earlier."""
    return f"localhost/{image.name}:{image.id.removeprefix('sha256:')[:ID_DIGITS]}"


def archive_of(image: Image, folder: Path) -> Path:
    """Written once; those of what was built earlier under that name are removed."""
    archive = folder / f"{reference_of(image).rpartition('/')[2].replace(':', '-')}.tar"
    if not archive.exists():
        for older in folder.glob(f"{image.name}-{'?' * ID_DIGITS}.tar"):
            older.unlink()
        export(image.id, reference_of(image), archive)
    return archive
