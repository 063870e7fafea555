"""What the control plane is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.control_plane import commands, options
from cluster.place import API_URL, Place
from cluster.programs import ALL, Programs

PLACE = Place(Path("/cache"))
PROGRAMS = Programs({name: PLACE.cache / name for source in ALL for name in source.packages})


def test_options_are_written_as_go_reads_them() -> None:
    assert options(leader_elect=False, data_dir=Path("/x")) == [
        "--leader-elect=false",
        "--data-dir=/x",
    ]


def test_etcd_is_there_before_the_api_server_and_both_before_the_rest() -> None:
    assert list(commands(PROGRAMS, PLACE))[:2] == ["etcd", "kube-apiserver"]


@pytest.mark.parametrize("name", list(commands(PROGRAMS, PLACE)))
def test_a_daemon_keeps_all_its_files_in_the_run_folder(name: str) -> None:
    values = [word.partition("=")[2] for word in commands(PROGRAMS, PLACE)[name][1:]]

    assert all(value.startswith(str(PLACE.run)) for value in values if value.startswith("/"))


def test_the_api_server_listens_where_clients_are_sent() -> None:
    words = commands(PROGRAMS, PLACE)["kube-apiserver"]

    (address,) = (word for word in words if word.startswith("--advertise-address="))
    (port,) = (word for word in words if word.startswith("--secure-port="))
    assert f"https://{address.partition('=')[2]}:{port.partition('=')[2]}" == API_URL
