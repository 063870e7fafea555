"""The cluster for the tests of this folder, and a namespace for each of them."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest

from cluster import programs
from cluster.client import Cluster, Namespace
from cluster.commands import CommandFailed
from cluster.daemons import DaemonFailed
from cluster.enclosure import EnclosureFailed
from cluster.machine import MachineLacks
from cluster.one_node import StartFailed, left_behind
from cluster.opening import KUBECONFIG, ClusterLacks, fresh_namespace, open_cluster
from cluster.place import Place

CANNOT_START = (
    *(ClusterLacks, CommandFailed, DaemonFailed, EnclosureFailed, MachineLacks, StartFailed),
)


@pytest.fixture(scope="package")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One for all tests of this folder; those of other folders have the machine to themselves.

    Where none can be had the tests fail, and say why.
    """
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def tell(sentence: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\ncluster: {sentence}", file=sys.stderr, flush=True)

    place = Place()
    opening = open_cluster(place, tell)
    try:
        opened = opening.__enter__()
    except CANNOT_START as failed:
        pytest.fail(str(failed), pytrace=False)
    try:
        yield opened
    finally:
        opening.__exit__(None, None, None)
    if opened.own is not None and not place.kept_file.exists():
        assert left_behind(place) == []


@pytest.fixture(scope="session")
def pause() -> Path:
    """The program that waits and reaps."""
    return programs.build(Place().cache, print)["pause"]


@pytest.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[Namespace]:
    """A fresh one, whose pods are held to the restricted standard."""
    async with fresh_namespace(cluster) as made:
        yield made


@pytest.fixture(scope="package")
def media_image(cluster: Cluster) -> str:
    """What pods call the media server of this checkout."""
    return cluster.image("Dockerfile.media", "voicemedia-media")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A cluster that was given is not ours to break: tests that would are not run on it."""
    if os.environ.get(KUBECONFIG):
        breaking = [item for item in items if item.get_closest_marker("own_cluster")]
        config.hook.pytest_deselected(items=breaking)
        items[:] = [item for item in items if item not in breaking]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed in a namespace tells what happened there, before that is removed."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    used = fixtures.get("namespace")
    if call.when == "call" and report.failed and isinstance(used, Namespace):
        report.sections.append((f"namespace {used.name}", used.story()))
    return report
