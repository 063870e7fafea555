from __future__ import annotations

import pytest

from whip_conformance import command_line
from whip_conformance.options import Options

URL = "http://localhost:8080/whip"


def test_a_url_alone_means_defaults() -> None:
    invocation = command_line.read([URL])

    assert invocation.options == Options(URL)
    assert invocation.only == ()
    assert not invocation.is_json


def test_every_option_reaches_its_place() -> None:
    arguments = (
        "http://a/whip --token t --other-token o --insufficient-token i --echo --admin-url b "
        "--capacity 5 --rate-limited --trusts-forwarded --setup-timeout 3 --consent-timeout 4 "
        "--answer-within 0.1 --insecure --only W9,W10-415, --json"
    )

    invocation = command_line.read(arguments.split())

    assert invocation.options == Options(
        "http://a/whip",
        token="t",
        other_token="o",
        insufficient_token="i",
        admin_url="b",
        is_echo=True,
        is_rate_limited=True,
        trusts_forwarded=True,
        capacity=5,
        setup_timeout_s=3.0,
        consent_timeout_s=4.0,
        answer_within_s=0.1,
        is_tls_verified=False,
    )
    assert invocation.only == ("W9", "W10-415")
    assert invocation.is_json


def test_no_url_is_an_error() -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.read([])

    assert ended.value.code == 2


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.read(["--help"])

    assert "--consent-timeout S" in capsys.readouterr().out
