"""Images are named for their content, and written once."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.pod_images import archive_of, reference_of
from images.builder import Image, build_from_scratch, buildah

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
    buildah("rmi", *(image.id for image in images))


@pytest.mark.system
def test_an_archive_is_written_once_and_replaces_what_was_built_before(
    built: list[Image], tmp_path: Path
) -> None:
    first, second = built

    former = archive_of(first, tmp_path / "images")
    latter = archive_of(second, tmp_path / "images")
    written_ns = latter.stat().st_mtime_ns
    again = archive_of(second, tmp_path / "images")

    assert not former.exists()
    assert (again, again.stat().st_mtime_ns) == (latter, written_ns)
    with tarfile.open(again) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        assert json.load(manifest)[0]["RepoTags"] == [reference_of(second)]
