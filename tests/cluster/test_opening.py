"""Which cluster the tests use."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.opening import ClusterLacks, given_cluster

IMAGE = {"CLUSTER_MEDIA_IMAGE": "registry.example/media:1"}


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a kubectl on the path that nobody calls."""
    kubectl = tmp_path / "kubectl"
    kubectl.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "config"
    path.touch()
    return path


def test_a_given_cluster_is_not_ours_to_break(kubeconfig: Path) -> None:
    assert given_cluster(kubeconfig, {}).own is None


def test_its_images_are_those_that_are_named(kubeconfig: Path) -> None:
    cluster = given_cluster(kubeconfig, IMAGE)

    assert cluster.image("Dockerfile.media", "voicemedia-media") == "registry.example/media:1"


def test_an_image_that_is_not_named_is_asked_for(kubeconfig: Path) -> None:
    cluster = given_cluster(kubeconfig, IMAGE)

    with pytest.raises(ClusterLacks, match="CLUSTER_OPERATOR_IMAGE must name"):
        cluster.image("Dockerfile.operator", "voicemedia-operator")


def test_a_file_that_is_not_there_is_named(kubeconfig: Path) -> None:
    with pytest.raises(ClusterLacks, match="which is no file"):
        given_cluster(kubeconfig.with_name("none"), IMAGE)


def test_without_kubectl_no_given_cluster_is_used(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ClusterLacks, match="kubectl"):
        given_cluster(kubeconfig, IMAGE)
