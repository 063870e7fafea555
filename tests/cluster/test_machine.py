"""What a machine lacks is said in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.machine import (
    CONTROLLERS,
    MachineLacks,
    controllers,
    foreign_pods,
    kubelet_groups,
    remove_groups,
    what_is_missing,
)


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    for name in ("cpu,cpuacct", "memory", "pids", "systemd"):
        (tmp_path / name).mkdir()
    return tmp_path


def a_pod(root: Path, hierarchy: str, members: str) -> Path:
    group = root / hierarchy / "kubepods" / "burstable" / "pod1"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text(members)
    return group


def test_controllers_of_cgroups_version_1_are_folders(version_1: Path) -> None:
    assert controllers(version_1) >= set(CONTROLLERS)


def test_controllers_of_cgroups_version_2_are_a_line(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")

    assert controllers(tmp_path) >= set(CONTROLLERS)


def test_a_machine_without_cgroups_has_no_controllers(tmp_path: Path) -> None:
    assert controllers(tmp_path / "none") == set()


def test_pods_of_another_kubelet_are_seen(version_1: Path) -> None:
    running = a_pod(version_1, "memory", "4711\n")

    assert foreign_pods(version_1) == running


def test_empty_groups_are_nobodys_pods(version_1: Path) -> None:
    a_pod(version_1, "memory", "")

    assert foreign_pods(version_1) is None


def test_groups_are_removed_innermost_first(version_1: Path) -> None:
    for hierarchy in ("memory", "pids"):
        members = a_pod(version_1, hierarchy, "") / "cgroup.procs"
        members.unlink()  # the kernel's files go with the folder, a disk's do not

    remove_groups(version_1)

    assert kubelet_groups(version_1) == []
    assert (version_1 / "memory").exists()


def test_who_is_not_root_is_told_of_the_other_way() -> None:
    sentences = list(what_is_missing(user=1000))

    assert any("CLUSTER_KUBECONFIG" in sentence for sentence in sentences)


def test_a_path_without_the_programs_names_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    (sentence,) = list(what_is_missing(user=0))

    assert "containerd, runc, buildah" in sentence


def test_the_message_holds_every_sentence() -> None:
    lacks = MachineLacks(["It needs root.", "No cgroups."])

    assert str(lacks) == "No Kubernetes can be started here: It needs root. No cgroups."
