"""What stands in the files that settings name."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from mediaserver.config.builders import make_certificate
from voicemedia_server.config.credentials import (
    admin_token,
    bearer_tokens,
    fleet_secret,
    key_set,
    tls_context,
    turn_secret,
)
from voicemedia_server.config.sources import ConfigError, Configuration, load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def with_tokens(file: Path, **environment: str) -> Configuration:
    return load(["--auth-mode", "token", "--auth-tokens-file", str(file)], environment)


def with_turn(file: Path) -> Configuration:
    return load(["--ice-servers", "turn:a", "--turn-secret-file", str(file)], {})


def with_keys(file: Path) -> Configuration:
    return load(["--auth-mode", "jwt", "--jwks-file", str(file)], {})


def with_tls(cert: Path, key: Path) -> Configuration:
    return load(["--tls-cert-file", str(cert), "--tls-key-file", str(key)], {})


def refusal(read: Callable[[Configuration], object], configuration: Configuration) -> str:
    with pytest.raises(ConfigError) as caught:
        read(configuration)
    return str(caught.value)


def test_tokens_come_one_a_line_with_comments_between(file: Path) -> None:
    file.write_text("# of the web team\nabc\n\n  def==  \n")

    assert bearer_tokens(with_tokens(file)) == ("abc", "def==")


def test_tokens_of_the_environment_and_of_the_file_are_all_taken(file: Path) -> None:
    file.write_text("abc\n")

    tokens = bearer_tokens(with_tokens(file, VOICEMEDIA_AUTH_TOKENS="def,ghi"))

    assert tokens == ("def", "ghi", "abc")


def test_a_line_that_no_client_could_send_is_named_but_not_repeated(file: Path) -> None:
    file.write_text("abc\nhunter 2\n")

    assert refusal(bearer_tokens, with_tokens(file)) == (
        "auth_tokens_file (from --auth-tokens-file): line 2 has characters that no bearer token has"
    )


def test_a_file_without_tokens_lets_nobody_in_and_is_refused(file: Path) -> None:
    file.write_text("# nothing yet\n")

    assert "the file has no token; write one a line" in refusal(bearer_tokens, with_tokens(file))


def test_without_a_token_there_are_none() -> None:
    assert bearer_tokens(load([], {})) == ()


def test_the_turn_secret_is_the_file_without_its_last_line_break(file: Path) -> None:
    file.write_text("shared secret\n")

    assert turn_secret(with_turn(file)) == "shared secret"
    assert turn_secret(load([], {})) is None


def test_an_empty_turn_secret_is_refused(file: Path) -> None:
    file.write_text("\n")

    assert refusal(turn_secret, with_turn(file)).endswith("the file is empty")


def with_fleet(file: Path) -> Configuration:
    return load(["--fleet-secret-file", str(file)], {})


def test_the_fleets_secret_is_the_file_without_its_last_line_break(file: Path) -> None:
    file.write_text("s" * 32 + "\n")

    assert fleet_secret(with_fleet(file)) == b"s" * 32
    assert fleet_secret(load([], {})) is None


def test_a_secret_that_could_be_guessed_is_refused(file: Path) -> None:
    file.write_text("short")

    assert "shorter than 32 bytes" in refusal(fleet_secret, with_fleet(file))


def test_the_key_set_is_the_file(file: Path) -> None:
    file.write_text('{"keys": []}')

    assert key_set(with_keys(file)) == '{"keys": []}'
    assert key_set(load([], {})) is None


def test_a_file_that_is_no_key_set_is_refused(file: Path) -> None:
    file.write_text("-----BEGIN PUBLIC KEY-----")

    assert "the file is no key set" in refusal(key_set, with_keys(file))


@pytest.mark.parametrize(
    ("read", "configure"),
    [
        (bearer_tokens, with_tokens),
        (turn_secret, with_turn),
        (key_set, with_keys),
        (fleet_secret, with_fleet),
    ],
)
def test_a_file_that_is_not_there_is_named(
    file: Path,
    read: Callable[[Configuration], object],
    configure: Callable[[Path], Configuration],
) -> None:
    assert f"{file} cannot be read: No such file" in refusal(read, configure(file))


def test_a_certificate_and_its_key_make_https(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)

    assert isinstance(tls_context(with_tls(files.cert, files.key)), ssl.SSLContext)
    assert tls_context(load([], {})) is None


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one, other = make_certificate(tmp_path / "one"), make_certificate(tmp_path / "other")

    assert refusal(tls_context, with_tls(one.cert, other.key)) == (
        "tls_cert_file (from --tls-cert-file): "
        "it and tls_key_file cannot be used together: key values mismatch"
    )


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, passphrase="hunter2")

    assert "tls_cert_file" in refusal(tls_context, with_tls(files.cert, files.key))


def test_a_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    files.cert.write_text("nothing")

    assert "cannot be used together" in refusal(tls_context, with_tls(files.cert, files.key))


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    files.key.unlink()

    assert refusal(tls_context, with_tls(files.cert, files.key)).startswith("tls_key_file")


def test_the_admin_token_is_the_file_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t" * 32 + "\n")

    assert admin_token(load(["--admin-token-file", str(file)], {})) == "t" * 32
    assert admin_token(load([], {})) is None


@pytest.mark.parametrize(
    ("text", "fault"), [("short", "shorter than 32 bytes"), ("t " * 20, "the token")]
)
def test_an_admin_token_that_cannot_be_one_is_told(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)

    assert fault in refusal(admin_token, load(["--admin-token-file", str(file)], {}))
