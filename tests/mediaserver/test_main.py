"""The server as a process: how it starts, what it says, and how it fails to start.

How it leaves, with live calls, is in tests/interop/test_lifecycle.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import ClientSession, web
from cryptography.hazmat.primitives.asymmetric import ec

from interop.server_process import ServerProcess, running_server, until
from mediaserver.config.builders import make_certificate
from mediaserver.edge.documents import serving
from mediaserver.telemetry.builders import Observed
from voicemedia_server.main import keep_up, main

ROOT = Path(__file__).parents[2]
PORTS = ("--http", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--admin", "127.0.0.1:0")
SDP = {"Content-Type": "application/sdp"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str


async def run(*arguments: str, **environment: str) -> Ended:
    """Runs the server as a module until it ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicemedia_server.main", *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


# -- the command, in this process -----------------------------------------------------------


def call_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """The exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["voicemedia-server", *arguments])
    try:
        main()
    except SystemExit as left:
        return left.code
    return 0


def test_a_wrong_setting_is_one_message_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = call_main(monkeypatch, "--max-sessions", "many")

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err == (
        "voicemedia-server: max_sessions (from --max-sessions): 'many' is no whole number; "
        "write a whole number from 1 to 1000000, such as 2000\n"
    )


def test_the_version_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_main(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == "0.1.0\n"


def test_the_help_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_main(monkeypatch, "--help") == 0
    assert "--drain-limit-s" in capsys.readouterr().out


def test_the_settings_in_effect_are_told_without_starting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICEMEDIA_MAX_PENDING", "9")

    assert call_main(monkeypatch, "--print-config") == 0
    assert "max_pending: 9  # from VOICEMEDIA_MAX_PENDING" in capsys.readouterr().out


@pytest.mark.looptime
async def test_background_work_that_breaks_is_counted_and_starts_again() -> None:
    observed = Observed()
    attempts = 0

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise RuntimeError("a fault of ours")

    await keep_up(work, observed.metrics)

    assert attempts == 3
    assert await observed.value("voicemedia_event_loop_errors_total") == 2


# -- starting -------------------------------------------------------------------------------


@pytest.mark.system
async def test_when_it_says_ready_all_doors_are_open(client: ClientSession) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicemedia_server.main", *PORTS),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        lines = [(await asyncio.wait_for(process.stdout.readline(), 20)).decode() for _ in range(7)]
        told = dict(line.split(maxsplit=1) for line in lines[1:])

        assert "is ready" in lines[0]
        for url, status in (
            (told["page"].strip(), 200),
            (told["WHIP"].strip(), 204),
            (told["metrics"].strip(), 200),
            (told["page"].strip() + "readyz", 200),
            (told["admin"].split()[0] + "/sessions", 200),
        ):
            async with client.get(url) as response:
                assert response.status == status, url
        media_port = int(told["media"].rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", media_port)
        writer.close()
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.mark.system
async def test_it_runs_without_the_current_folder_on_the_path() -> None:
    ended = await run("--version", PYTHONSAFEPATH="1")

    assert (ended.code, ended.err) == (0, "")


@pytest.mark.system
async def test_a_signal_while_it_starts_is_not_lost() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicemedia_server.main", *PORTS),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)

    _, err = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 0
    assert b"Traceback" not in err


@pytest.mark.system
async def test_it_goes_on_when_nobody_reads_what_it_prints(client: ClientSession) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicemedia_server.main", *PORTS, "--log-format", "json"),
        cwd=ROOT,
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    assert process.stderr is not None
    line = await asyncio.wait_for(process.stderr.readline(), 20)
    process.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(process.communicate(), 20)

    assert json.loads(line)["event"] == "ready"
    assert b"Traceback" not in err
    assert process.returncode == 0


# -- failing to start -----------------------------------------------------------------------


def taken(kind: socket.SocketKind) -> Iterator[int]:
    with socket.socket(socket.AF_INET, kind) as taker:
        taker.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taker.listen()
        yield taker.getsockname()[1]


@pytest.fixture
def taken_tcp_port() -> Iterator[int]:
    yield from taken(socket.SOCK_STREAM)


@pytest.fixture
def taken_udp_port() -> Iterator[int]:
    yield from taken(socket.SOCK_DGRAM)


@pytest.mark.system
@pytest.mark.parametrize("setting", ["http", "admin", "udp"])
async def test_a_port_in_use_is_one_message_and_exit_code_1(
    setting: str, taken_tcp_port: int, taken_udp_port: int
) -> None:
    port = taken_udp_port if setting == "udp" else taken_tcp_port

    ended = await run(*PORTS, f"--{setting}", f"127.0.0.1:{port}", "--log-format", "text")

    (line,) = ended.err.splitlines()
    assert (ended.code, ended.out) == (1, "")
    assert line.startswith(
        f"voicemedia-server: {setting}: 127.0.0.1:{port} is already in use; "
        f"choose another with --{setting} HOST:PORT"
    )


@pytest.mark.system
async def test_a_media_port_that_is_in_use_for_tcp_alone_names_the_way_out(
    taken_tcp_port: int,
) -> None:
    address = f"127.0.0.1:{taken_tcp_port}"

    refused = await run(*PORTS, "--udp", address)

    assert refused.code == 1
    assert "or --ice-tcp false" in refused.err
    async with running_server("--udp", address, "--ice-tcp", "false") as server:
        assert server.media_port == taken_tcp_port


@pytest.mark.system
async def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    ended = await run(*PORTS, "--http", "192.0.2.1:8080")

    assert ended.code == 1
    assert "http: 192.0.2.1:8080 is no address of this machine" in ended.err


@pytest.mark.system
@pytest.mark.parametrize(
    "arguments",
    [
        ["--auth-mode", "token", "--auth-tokens-file", "/nonexistent"],
        ["--auth-mode", "jwt", "--jwks-file", "/nonexistent"],
        ["--turn-secret-file", "/nonexistent"],
        ["--tls-cert-file", "/nonexistent", "--tls-key-file", "/nonexistent"],
    ],
)
async def test_a_file_that_cannot_be_read_stops_the_start(arguments: list[str]) -> None:
    ended = await run(*PORTS, *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert "/nonexistent cannot be read: No such file or directory" in ended.err
    assert "Traceback" not in ended.err


# -- what settings do -----------------------------------------------------------------------


@pytest.mark.system
async def test_https_is_spoken_with_a_certificate(tmp_path: Path, client: ClientSession) -> None:
    files = make_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(files.cert))
    options = ("--tls-cert-file", str(files.cert), "--tls-key-file", str(files.key))

    async with (
        running_server(*options) as server,
        client.get(f"{server.base_url}/livez", ssl=trust) as response,
    ):
        assert server.base_url.startswith("https://127.0.0.1:")
        assert response.status == 200


async def post_status(server: ServerProcess, token: str) -> int:
    """The status of a POST that is let in or not; its body is no offer, hence 400."""
    headers = {**SDP, "Authorization": f"Bearer {token}"}
    async with server.http.post(server.whip_url, data="v=0", headers=headers) as response:
        return response.status


@pytest.mark.system
async def test_tokens_of_a_file_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("letmein\n")

    async with running_server("--auth-mode", "token", "--auth-tokens-file", str(file)) as server:
        assert await post_status(server, "letmein") == 400
        assert await post_status(server, "guess") == 401


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs tokens; `keys` is its JWKS document."""

    key: ec.EllipticCurvePrivateKey
    keys: dict[str, Any]

    def token(self, **claims: object) -> str:
        """A token that is good unless the claims say otherwise."""
        good = {"sub": "ada", "exp": time.time() + 60, "scope": "whip:publish"}
        return jwt.encode({**good, **claims}, self.key, "ES256", {"kid": "1"})


@pytest.fixture
def issuer() -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return Issuer(key, {"keys": [{**public, "kid": "1", "use": "sig", "alg": "ES256"}]})


@pytest.mark.system
async def test_signed_tokens_are_checked_by_keys_of_a_file(tmp_path: Path, issuer: Issuer) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(issuer.keys))
    options = ("--auth-mode", "jwt", "--jwks-file", str(file), "--jwt-audience", "voice")

    async with running_server(*options) as server:
        assert await post_status(server, issuer.token(aud="voice")) == 400
        assert await post_status(server, issuer.token(aud="video")) == 401
        assert await post_status(server, issuer.token(aud="voice", scope="")) == 403


@pytest.mark.system
async def test_signed_tokens_are_checked_by_keys_of_a_url(issuer: Issuer) -> None:
    async def give(request: web.Request) -> web.StreamResponse:
        return web.json_response(issuer.keys)

    async with (
        serving(give) as url,
        running_server("--auth-mode", "jwt", "--jwks-url", url) as server,
    ):
        assert await post_status(server, issuer.token()) == 400


@pytest.mark.system
async def test_keys_that_cannot_be_had_are_our_fault_for_a_while(issuer: Issuer) -> None:
    options = ("--auth-mode", "jwt", "--jwks-url", "http://127.0.0.1:1/jwks.json")

    async with running_server(*options) as server:
        assert await post_status(server, issuer.token()) == 503


@pytest.mark.system
async def test_metrics_count_what_happened(server: ServerProcess) -> None:
    async with server.http.post(server.whip_url, data="", headers=SDP) as refused:
        assert refused.status == 400

    async def scraped() -> str:
        async with server.http.get(f"{server.base_url}/metrics") as response:
            return await response.text()

    text = await scraped()
    assert 'voicemedia_requests_refused_total{reason="offer-malformed"} 1.0' in text
    assert "voicemedia_ready 1.0" in text

    async def has_measured_the_loop() -> bool:
        return "voicemedia_event_loop_lag_seconds_count 0.0" not in await scraped()

    await until(has_measured_the_loop)


@pytest.fixture
async def server() -> AsyncIterator[ServerProcess]:
    async with running_server() as started:
        yield started


@pytest.mark.system
async def test_a_configuration_file_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("max_sessions: 7\n")

    async with (
        running_server("--config", str(file)) as server,
        server.http.get(f"{server.base_url}/health") as response,
    ):
        assert (await response.json())["max_sessions"] == 7


@pytest.mark.system
async def test_an_admin_port_can_be_left_out() -> None:
    async with running_server("--admin", "") as server:
        assert server.admin_url == ""
        assert await server.status_of("/drain") == 404
