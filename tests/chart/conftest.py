"""Helm, for all tests of the chart."""

from __future__ import annotations

import pytest

from chart.helm import Helm, find_helm
from cluster.commands import CommandFailed


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Where it cannot be had the tests fail, and say why."""
    try:
        return find_helm()
    except CommandFailed as failed:
        pytest.fail(str(failed), pytrace=False)
