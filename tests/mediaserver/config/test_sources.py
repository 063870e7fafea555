"""Where settings come from, and what is said when they cannot be."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.config.settings import Option, Settings, options
from voicemedia_server.config.sources import (
    OF_KUBERNETES,
    ConfigError,
    Configuration,
    load,
    make_parser,
    written,
)
from voicemedia_server.config.values import ListenAddress


def refusal(
    *arguments: str, environment: dict[str, str] | None = None, file: Path | None = None
) -> str:
    """What is said to whoever starts the server like this."""
    config = () if file is None else ("--config", str(file))
    with pytest.raises(ConfigError) as caught:
        load([*config, *arguments], environment or {})
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file."""
    return tmp_path / "config.yaml"


def test_without_anything_the_defaults_hold() -> None:
    assert load([], {}) == Configuration(Settings(), {})


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_every_setting_can_be_written_in_each_place(option: Option, file: Path) -> None:
    text = written(option.default)
    file.write_text(f"{option.name}: '{text}'\n")

    from_file = load(["--config", str(file)], {})
    from_environment = load([], {option.variable: text})

    assert from_file.settings == from_environment.settings == Settings()
    assert from_file.origins == {option.name: f"{file} line 1"}
    assert from_environment.origins == {option.name: option.variable}
    if not option.is_secret:
        assert load([f"{option.flag}={text}"], {}).origins == {option.name: option.flag}


def test_a_flag_beats_a_variable_which_beats_the_file(file: Path) -> None:
    file.write_text("max_sessions: 1\nmax_pending: 2\npost_burst: 3\n")
    environment = {"VOICEMEDIA_MAX_PENDING": "20", "VOICEMEDIA_POST_BURST": "30"}

    loaded = load(["--config", str(file), "--post-burst", "300"], environment)

    settings = loaded.settings
    assert (settings.max_sessions, settings.max_pending, settings.post_burst) == (1, 20, 300)
    assert loaded.origins == {
        "max_sessions": f"{file} line 1",
        "max_pending": "VOICEMEDIA_MAX_PENDING",
        "post_burst": "--post-burst",
    }


def test_the_file_may_be_named_by_a_variable(file: Path) -> None:
    file.write_text("max_sessions: 7\n")

    assert load([], {"VOICEMEDIA_CONFIG": str(file)}).settings.max_sessions == 7


def test_an_empty_file_changes_nothing(file: Path) -> None:
    file.write_text("# nothing yet\n")

    assert load(["--config", str(file)], {}).settings == Settings()


def test_a_switch_alone_means_true() -> None:
    assert load(["--reject-video"], {}).settings.reject_video is True
    assert load(["--ice-tcp", "false"], {}).settings.ice_tcp is False


def test_a_list_is_a_flag_given_again_or_commas() -> None:
    again = load(["--advertise", "host", "--advertise", "203.0.113.4"], {}).settings
    commas = load(["--advertise", "host,203.0.113.4"], {}).settings

    assert again.advertise == commas.advertise
    assert len(again.advertise) == 2


def test_an_admin_port_is_switched_off_by_nothing(file: Path) -> None:
    file.write_text("admin:\n")

    assert load(["--config", str(file)], {}).settings.admin is None
    assert load(["--admin", ""], {}).settings.admin is None


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert load(["--udp", "[::1]:0"], {}).settings.udp == ListenAddress("::1", 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--drain-limit-s", "soon"],
            "drain_limit_s (from --drain-limit-s): 'soon' is no number; "
            "write seconds from 0 to 604800, such as 20",
        ),
        (
            ["--max-sessions", "0"],
            "max_sessions (from --max-sessions): '0' is too small; "
            "write a whole number from 1 to 1000000, such as 2000",
        ),
        (
            ["--max-sessions", "2.5"],
            "max_sessions (from --max-sessions): '2.5' is no whole number; "
            "write a whole number from 1 to 1000000, such as 2000",
        ),
        (
            ["--http", "8080"],
            "http (from --http): '8080' has no port; write host:port, such as 127.0.0.1:8080",
        ),
        (
            ["--ice-tcp", "maybe"],
            "ice_tcp (from --ice-tcp): 'maybe' is neither true nor false; write true or false",
        ),
        (
            ["--log-level", "loud"],
            "log_level (from --log-level): 'loud' is not known; "
            "write debug, info, warning or error",
        ),
        (
            ["--max-sessions", ""],
            "max_sessions (from --max-sessions): '' is empty; "
            "write a whole number from 1 to 1000000, such as 2000",
        ),
        (
            ["--auth-mode", "token"],
            "auth_mode (from --auth-mode): is token, but neither auth_tokens_file "
            "nor auth_tokens is set",
        ),
        (
            ["--drain-limt-s", "3"],
            "--drain-limt-s is no flag of voicemedia-server; did you mean --drain-limit-s?",
        ),
        (
            ["--drain_limit_s=3"],
            "--drain_limit_s is no flag of voicemedia-server; did you mean --drain-limit-s?",
        ),
        (
            ["--colour"],
            "--colour is no flag of voicemedia-server; voicemedia-server --help lists them all",
        ),
        (["serve"], "the argument 'serve' belongs to no flag; see voicemedia-server --help"),
        (["--http"], "argument --http: expected one argument; see voicemedia-server --help"),
    ],
)
def test_a_wrong_flag_is_told_what_would_be_right(arguments: list[str], message: str) -> None:
    assert refusal(*arguments) == message


def test_all_wrong_settings_are_told_at_once() -> None:
    message = refusal("--max-sessions", "0", environment={"VOICEMEDIA_HTTP": "8080"})

    first, *others = message.splitlines()
    assert first == "2 settings are wrong"
    assert [line.split()[0] for line in others] == ["http", "max_sessions"]
    assert "from VOICEMEDIA_HTTP" in message


def test_a_secret_has_no_flag_and_says_where_to_write_it() -> None:
    message = refusal("--auth-tokens", "hunter2")

    assert "VOICEMEDIA_AUTH_TOKENS" in message
    assert "hunter2" not in message


def test_a_wrong_secret_is_not_repeated() -> None:
    message = refusal(environment={"VOICEMEDIA_AUTH_TOKENS": "hünter2"})

    assert "hünter2" not in message
    assert message.startswith("auth_tokens (from VOICEMEDIA_AUTH_TOKENS): the value has characters")


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (
            "VOICEMEDIA_MAX_SESSION",
            "VOICEMEDIA_MAX_SESSION (from the environment) is no setting; "
            "did you mean VOICEMEDIA_MAX_SESSIONS?",
        ),
        (
            "VOICEMEDIA_COLOUR",
            "VOICEMEDIA_COLOUR (from the environment) is no setting; "
            "voicemedia-server --help lists them all",
        ),
    ],
)
def test_an_unknown_variable_is_refused(variable: str, message: str) -> None:
    assert refusal(environment={variable: "1"}) == message


@pytest.mark.parametrize(
    "variable",
    [
        "VOICEMEDIA_SERVICE_HOST",
        "VOICEMEDIA_SERVICE_PORT",
        "VOICEMEDIA_SERVICE_PORT_HTTP",
        "VOICEMEDIA_PORT",
        "VOICEMEDIA_PORT_8080_TCP",
        "VOICEMEDIA_PORT_3478_UDP_ADDR",
        "VOICEMEDIA_WHIP_SERVICE_HOST",
        "VOICEMEDIA_WHIP_PORT_8080_TCP_PROTO",
    ],
)
def test_variables_that_kubernetes_sets_for_a_service_are_passed_over(variable: str) -> None:
    assert load([], {variable: "tcp://10.0.0.1:8080"}).settings == Settings()


def test_variables_of_others_are_passed_over() -> None:
    assert load([], {"PATH": "/bin", "voicemedia_http": "x"}).settings == Settings()


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_no_setting_is_mistaken_for_a_variable_of_kubernetes(option: Option) -> None:
    assert not OF_KUBERNETES.match(option.variable)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_session: 1", "max_session ({file} line 1) is no setting; did you mean max_sessions?"),
        (
            "max-sessions: 1",
            "max-sessions ({file} line 1) is no setting; did you mean max_sessions?",
        ),
        (
            "max_pending: 1\nmax_pending: 2",
            "max_pending ({file} line 2) is there twice; see {file} line 1",
        ),
        (
            "\nmax_pending: many",
            "max_pending (from {file} line 2): 'many' is no whole number; "
            "write a whole number from 1 to 1000000, such as 512",
        ),
        (
            "max_pending: true",
            "max_pending (from {file} line 1): True is no number; "
            "write a whole number from 1 to 1000000, such as 512",
        ),
        (
            "udp: [::]:3478",
            '--config: {file} line 1 is not YAML; a value such as "[::]:3478" needs its quotes',
        ),
        ("- max_pending", "--config: {file} must hold lines such as max_sessions: 100"),
        (
            "http: 8080",
            "http (from {file} line 1): 8080 is no text; put quotes around it; "
            "write host:port, such as 127.0.0.1:8080",
        ),
        (
            "max_pending:",
            "max_pending (from {file} line 1): None is empty; "
            "write a whole number from 1 to 1000000, such as 512",
        ),
        (
            "max_pending: !!python/object:os.system x",
            "max_pending (from {file} line 1): has a value that YAML cannot read",
        ),
    ],
)
def test_a_wrong_file_is_told_the_line(file: Path, text: str, message: str) -> None:
    file.write_text(text)

    assert refusal(file=file) == message.format(file=file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"

    assert refusal(file=path) == f"--config: {path} cannot be read: No such file or directory"


def test_a_file_that_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")

    assert refusal(file=file) == f"--config: {file} is not UTF-8 text"


@given(st.binary(max_size=200))
def test_no_file_brings_up_anything_but_our_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "config.yaml"
    path.write_bytes(content)

    with contextlib.suppress(ConfigError):
        load(["--config", str(path)], {})


def test_a_file_that_a_setting_names_is_read_or_named(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    loaded = load(["--auth-mode", "token", "--auth-tokens-file", str(path)], {})

    with pytest.raises(ConfigError) as caught:
        loaded.read_text("auth_tokens_file")

    expected = f"auth_tokens_file (from --auth-tokens-file): {path} cannot be read: No such file"
    assert str(caught.value).startswith(expected)
    path.write_text("abc")
    assert loaded.read_text("auth_tokens_file") == "abc"


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_the_help_explains_every_flag(option: Option) -> None:
    text = " ".join(make_parser().format_help().split())

    assert (f"{option.flag} " in text) is not option.is_secret
    if not option.is_secret:
        assert option.description.split(".")[0].split("-")[0] in text
