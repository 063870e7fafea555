"""Which rooms a process has, by its settings. What they do as a whole is in test_main.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from voicemedia_rollout.document import Rollout, read_document, write_document
from voicemedia_server.building import Builder, origin_with_room
from voicemedia_server.config.sources import ConfigError, load
from voicemedia_server.edge.tokens import Authenticator, JwtTokens, OpenAccess, StaticTokens
from voicemedia_server.ports import FlagsUnavailable
from voicemedia_server.registry.flag_store import RedisFlagStore
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry.memory import MemoryRegistry
from voicemedia_server.registry_port import InstanceState
from voicemedia_server.telemetry.metrics import Metrics

Build = Callable[..., Builder]


@pytest.fixture
async def build() -> AsyncIterator[Build]:
    """A builder by these arguments of the command; what it opened is closed at the end."""
    async with AsyncExitStack() as stack:

        def by(*arguments: str, **environment: str) -> Builder:
            return Builder(load(arguments, environment), Metrics("1.2.3", "python"), stack)

        yield by


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_text("s" * 32)
    return str(file)


async def test_without_a_mode_everybody_is_let_in(build: Build) -> None:
    assert isinstance(await build().authenticator(), OpenAccess)


@pytest.mark.parametrize(
    ("mode", "option", "text", "kind"),
    [
        ("token", "--auth-tokens-file", "letmein", StaticTokens),
        ("jwt", "--jwks-file", '{"keys": []}', JwtTokens),
    ],
)
async def test_a_mode_asks_for_its_tokens(
    build: Build, tmp_path: Path, mode: str, option: str, text: str, kind: type[Authenticator]
) -> None:
    file = tmp_path / "file"
    file.write_text(text)

    authenticator = await build("--auth-mode", mode, option, str(file)).authenticator()

    assert isinstance(authenticator, kind)


async def test_keys_of_a_url_are_not_fetched_before_a_token_asks_for_them(build: Build) -> None:
    options = ("--auth-mode", "jwt", "--jwks-url", "http://127.0.0.1:1/keys")

    assert isinstance(await build(*options).authenticator(), JwtTokens)


async def test_a_server_without_a_shared_secret_passes_nothing_on(build: Build) -> None:
    assert await build().forwarder() is None


async def test_servers_that_share_a_secret_pass_requests_on(build: Build, secret_file: str) -> None:
    assert await build("--fleet-secret-file", secret_file).forwarder() is not None


async def test_no_transcoded_sessions_means_no_transcoders(build: Build) -> None:
    builder = build("--max-transcoded-sessions", "0")

    assert builder.transcoders(builder.plane()) is None


async def test_a_registry_url_that_is_none_is_a_wrong_setting(build: Build) -> None:
    builder = build(VOICEMEDIA_REGISTRY_URL="http://localhost")

    with pytest.raises(ConfigError, match="registry_url"):
        builder.registry()


async def test_flags_are_followed_in_a_file_and_in_the_redis_of_the_fleet(
    build: Build, tmp_path: Path
) -> None:
    file = tmp_path / "flags.json"
    file.write_text(write_document(Rollout(revision=7)))
    builder = build("--flags-file", str(file), VOICEMEDIA_REGISTRY_URL="redis://127.0.0.1:1")

    first, second = builder.flag_stores()
    text = await first.read()

    assert text is not None
    assert read_document(text).revision == 7
    with pytest.raises(FlagsUnavailable):
        await second.read()


async def test_a_lone_server_has_flags_of_its_own_that_nobody_guards(build: Build) -> None:
    builder = build("--webrtc-percent", "30")
    (store,) = builder.flag_stores()

    text = await store.read()

    assert text is not None
    assert read_document(text).weight_percent == 30
    assert builder.guard([store], builder.registry()) is None


async def test_a_guard_changes_the_fleets_document_and_not_the_file_of_one_server(
    build: Build, tmp_path: Path
) -> None:
    file = ("--flags-file", str(tmp_path / "flags.json"))
    builder = build(*file, VOICEMEDIA_REGISTRY_URL="redis://127.0.0.1:1")
    stores = builder.flag_stores()

    guard = builder.guard(stores, builder.registry())

    assert guard is not None
    assert guard.store is stores[-1]
    assert isinstance(guard.store, RedisFlagStore)


async def test_a_rollout_is_guarded_unless_that_is_switched_off(
    build: Build, tmp_path: Path
) -> None:
    file = ("--flags-file", str(tmp_path / "flags.json"))
    guarded, unguarded = build(*file), build(*file, "--guard", "false")

    assert guarded.guard(guarded.flag_stores(), guarded.registry()) is not None
    assert unguarded.guard(unguarded.flag_stores(), unguarded.registry()) is None


@pytest.mark.parametrize(
    ("sessions", "origin"), [(3, "https://one.example.org"), (10, None)], ids=["room", "full"]
)
async def test_new_sessions_are_sent_to_a_server_that_has_room(
    sessions: int, origin: str | None
) -> None:
    registry = MemoryRegistry(Membership("test", "one"))
    state = InstanceState("https://one.example.org", "1", 10, sessions, False, is_public=True)
    registry.join(state)

    assert await origin_with_room(registry) == origin
