"""Images for the cluster's pods: built from our Dockerfiles, handed over without a registry.

An image is named for its content, so one that did not change is not taken again.
"""

from __future__ import annotations

from cluster.one_node import OneNode
from images.builder import Image, build

ID_DIGITS = 12


def load(cluster: OneNode, dockerfile: str, name: str) -> str:
    """Builds the image and has the node take it; returns what pods call it.

    Raises `BuildFailed` or `CommandFailed`.
    """
    return take(cluster, build(dockerfile, name))


def take(cluster: OneNode, image: Image) -> str:
    """The node has it and what pods call it; it forgets what was built before by that name."""
    reference = reference_of(image)
    if not cluster.has_image(reference):
        former = cluster.image_names(reference.rpartition(":")[0])
        cluster.take_image(image.id, reference)
        if former:
            cluster.containerd("images", "remove", *former)
    return reference


def reference_of(image: Image) -> str:
    """Names its content, so that a pod never runs what was built earlier."""
    return f"localhost/{image.name}:{image.id.removeprefix('sha256:')[:ID_DIGITS]}"
