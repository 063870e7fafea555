"""The pytest plug-in: each requirement becomes a test of its own.

A test that takes `whip_requirement` runs once for every requirement that a server can be tested
for. `whip_options` says where the server is: from `--whip-url` and its companions, or from a
fixture of that name in the caller's own conftest. `whip_conformance.suite` is such a test:

    pytest --pyargs whip_conformance.suite --whip-url http://localhost:8080/whip
"""

from __future__ import annotations

import shlex

import pytest

from whip_conformance import command_line
from whip_conformance.options import Options


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line, as one string, beside the URL."""
    group = parser.getgroup("whip-conformance", "a WHIP server under test")
    group.addoption("--whip-url", metavar="URL", help="the WHIP endpoint under test")
    group.addoption(
        "--whip-options",
        metavar="OPTIONS",
        default="",
        help="options of `python -m whip_conformance`, in one argument, such as '--echo'",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that takes `whip_requirement` once for every checked requirement."""
    if "whip_requirement" not in metafunc.fixturenames:
        return
    marks = {mark.name for mark in metafunc.definition.iter_markers("parametrize")}
    if marks and _names_requirement(metafunc):
        return
    from whip_conformance.catalogue import CHECKED  # loads aiortc: only where it is needed

    metafunc.parametrize("whip_requirement", CHECKED, ids=[r.id for r in CHECKED])


def _names_requirement(metafunc: pytest.Metafunc) -> bool:
    """The caller chose the requirements for this test himself."""
    return any(
        "whip_requirement" in str(mark.args[0])
        for mark in metafunc.definition.iter_markers("parametrize")
    )


@pytest.fixture
def whip_options(request: pytest.FixtureRequest) -> Options:
    """Where the server under test is and what is known about it."""
    url = request.config.getoption("--whip-url")
    if not url:
        raise pytest.UsageError("give --whip-url, or a fixture whip_options of your own")
    more = shlex.split(request.config.getoption("--whip-options"))
    return command_line.read([url, *more]).options
