"""The cluster's programs come from the cache, or from the sources that `go.mod` names."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cluster import programs
from cluster.place import SOURCES
from cluster.programs import ALL, Source, build, version_of

MOD_FILE = """module x

require (
	k8s.io/kubernetes v1.34.4
	k8s.io/kubernetes-fake v9.9.9
)
"""


def mod_file(source: Source) -> str:
    return (SOURCES / source.folder / "go.mod").read_text(encoding="utf-8")


def test_the_version_is_the_one_that_is_required() -> None:
    source = Source("x", "k8s.io/kubernetes", {})

    assert version_of(source, MOD_FILE) == "1.34.4"


def test_a_module_that_is_not_required_is_named() -> None:
    with pytest.raises(ValueError, match=r"does not require k8s\.io/kube"):
        version_of(Source("x", "k8s.io/kube", {}), MOD_FILE)


@pytest.mark.parametrize("source", ALL, ids=lambda source: source.folder)
def test_every_source_has_a_version_and_locked_sums(source: Source) -> None:
    assert version_of(source, mod_file(source))
    assert not source.module or (SOURCES / source.folder / "go.sum").exists()


def test_all_of_kubernetes_is_of_one_version() -> None:
    text = (SOURCES / "kubernetes" / "go.mod").read_text(encoding="utf-8")
    version = version_of(ALL[0], text)

    replaced = [line for line in text.splitlines() if line.startswith("replace k8s.io/")]

    assert replaced
    assert all(line.endswith(f" v0.{version.removeprefix('1.')}") for line in replaced)


def test_what_is_in_the_cache_is_not_built_again(tmp_path: Path) -> None:
    for source in ALL:
        folder = tmp_path / f"{source.folder}-{version_of(source, mod_file(source))}"
        folder.mkdir()
        for name in source.packages:
            (folder / name).touch()
    told: list[str] = []

    built = build(tmp_path, told.append)

    assert not told
    assert built["kubelet"].exists()


@pytest.mark.system
def test_a_program_is_built_whole_and_needs_no_library(tmp_path: Path) -> None:
    (pause,) = (source for source in ALL if source.folder == "pause")
    program = tmp_path / "pause"

    programs._build(pause, "1", ".", program)

    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    assert "not a dynamic executable" in linked.stderr
    assert not list(tmp_path.glob("*.unfinished"))
