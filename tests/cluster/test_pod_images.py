"""Images are named for their content, and written once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.client import Cluster
from cluster.pod_images import reference_of, take
from images.builder import BuildFailed, Image, build_from_scratch, buildah

NAME = "voicemedia-of-a-test"


def an_image(image_id: str) -> Image:
    return Image(NAME, image_id, "scratch", {})


def test_another_content_is_another_name() -> None:
    first, second = an_image("sha256:" + "a" * 64), an_image("sha256:" + "b" * 64)

    assert reference_of(first) == f"localhost/{NAME}:aaaaaaaaaaaa"
    assert reference_of(first) != reference_of(second)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[list[Image]]:
    """Two images of one name, the second built after the first was changed."""
    images = []
    for content in ("first", "second"):
        (tmp_path / "Dockerfile").write_text(
            f"FROM scratch\nLABEL is={content}\nCOPY Dockerfile /\n"
        )
        images.append(an_image(build_from_scratch(tmp_path / "Dockerfile", tmp_path, NAME)))
    yield images
    for image in images:
        with contextlib.suppress(BuildFailed):  # a test may have removed it
            buildah("rmi", "--force", image.id)


@pytest.mark.system
@pytest.mark.own_cluster
@pytest.mark.timeout(900)
def test_the_node_has_the_last_image_of_a_name_alone(cluster: Cluster, built: list[Image]) -> None:
    assert cluster.own is not None
    node = cluster.own

    for image in built:
        take(node, image)

    assert node.image_names(f"localhost/{NAME}") == [reference_of(built[1])]
    node.containerd("images", "remove", reference_of(built[1]))


@pytest.mark.system
@pytest.mark.own_cluster
@pytest.mark.timeout(900)
def test_an_image_that_the_node_has_is_not_read_again(cluster: Cluster, built: list[Image]) -> None:
    assert cluster.own is not None
    take(cluster.own, built[0])
    buildah("rmi", "--force", built[0].id)

    assert take(cluster.own, built[0]) == reference_of(built[0])

    cluster.own.containerd("images", "remove", reference_of(built[0]))
