"""What the node is told."""

from __future__ import annotations

import json
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from cluster.node import CRI, SWEEPING, commands, files
from cluster.place import MACHINE_IP, NODE_IP, POD_NETWORK, SERVICE_NETWORK, Place
from cluster.programs import ALL, Programs

PLACE = Place(Path("/cache"))
PROGRAMS = Programs({name: PLACE.cache / name for source in ALL for name in source.packages})
READ_ONLY = "/usr/lib/cni"


def paths(value: Any) -> list[str]:
    """All file paths in a document."""
    if isinstance(value, dict):
        return [path for part in value.values() for path in paths(part)]
    if isinstance(value, list):
        return [path for part in value for path in paths(part)]
    return [value.removeprefix("unix://")] if str(value).startswith(("/", "unix:")) else []


@pytest.mark.parametrize("name", [name for name in files(PLACE) if name.endswith(".json")])
def test_a_daemon_keeps_all_its_files_in_the_run_folder(name: str) -> None:
    assert all(path.startswith(str(PLACE.run)) for path in paths(json.loads(files(PLACE)[name])))


@pytest.mark.parametrize("name", ["containerd.toml", SWEEPING])
def test_containerd_keeps_only_images_outside_the_run_folder(name: str) -> None:
    told = tomllib.loads(files(PLACE)[name])

    written = [path for path in paths(told) if path not in (READ_ONLY, str(PLACE.containerd_root))]
    assert told["root"] == str(PLACE.containerd_root)
    assert written
    assert all(path.startswith(str(PLACE.run)) for path in written)


def test_network_namespaces_of_pods_are_kept_in_the_run_folder() -> None:
    told = tomllib.loads(files(PLACE)["containerd.toml"])

    assert told["plugins"][CRI]["netns_mounts_under_state_dir"]


def test_containers_of_former_runs_are_swept_before_the_kubelet_could_see_them() -> None:
    assert CRI in tomllib.loads(files(PLACE)[SWEEPING])["disabled_plugins"]


def test_every_file_that_a_daemon_reads_is_written() -> None:
    named = [
        word.rpartition("=")[2] for words in commands(PROGRAMS, PLACE).values() for word in words
    ]
    read = {word for word in named if word.startswith(f"{PLACE.run}/")}

    written = {f"{PLACE.run}/{name}" for name in files(PLACE)}
    elsewhere = {f"{PLACE.run}/kubelet", f"{PLACE.run}/kubelet.kubeconfig"}
    assert read - elsewhere <= written


def test_the_containers_runtime_is_the_one_that_is_started() -> None:
    kubelet = json.loads(files(PLACE)["kubelet.json"])
    containerd = tomllib.loads(files(PLACE)["containerd.toml"])

    assert kubelet["containerRuntimeEndpoint"] == f"unix://{containerd['grpc']['address']}"


def test_no_network_of_the_cluster_holds_an_address_of_another() -> None:
    pods, services = ip_network(POD_NETWORK), ip_network(SERVICE_NETWORK)

    assert not pods.overlaps(services)
    for address in (NODE_IP, MACHINE_IP):
        assert ip_address(address) not in pods
        assert ip_address(address) not in services
