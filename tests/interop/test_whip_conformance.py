"""Our server against RFC 9725: each requirement is a test, on a server that it applies to."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from interop.server_process import running_server
from whip_conformance.catalogue import CHECKED
from whip_conformance.options import Options
from whip_conformance.requirement import Requirement, select
from whip_conformance.runner import run_check
from whip_conformance.verdict import Verdict

pytestmark = pytest.mark.system

NO_LIMITS = ("--post-rate-per-s", "0", "--patch-rate-per-s", "0", "--delete-rate-per-s", "0")
LOW_LIMITS = tuple(
    word
    for method in ("post", "patch", "delete")
    for word in (f"--{method}-rate-per-s", "5", f"--{method}-burst", "20")
)
ICE_SERVERS = (
    "stun:stun.example.net",
    "turn:turn.example.net?transport=udp",
    "turns:turn.example.net:443?transport=tcp",
)
DEFAULTS = Options("")
CONSENT_S = 6.0
SETUP_S = 5.0
CAPACITY = 5


@dataclass(frozen=True, slots=True)
class Variant:
    """A server with these options, what the suite is told of it, and what is tested there.

    `alone` are lines that apply nowhere else, `again` those worth a second look, and `but` the
    refinements of both that do not apply here.
    """

    name: str
    server: tuple[str, ...] = ()
    told: Options = DEFAULTS
    alone: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    has_tokens: bool = False
    has_turn_secret: bool = False

    def __str__(self) -> str:
        return self.name


SPECIAL = (
    Variant(
        "plain",
        ("--echo", "false"),
        again=("W8", "W13", "W14", "W16", "W19", "W48", "W50", "W53", "W54", "W65", "W81"),
        but=("W14-echo",),
    ),
    Variant("tokens", alone=("W75", "W76"), again=("W2", "W4", "W22", "W81"), has_tokens=True),
    Variant(
        "full",
        ("--max-sessions", str(CAPACITY), "--max-pending", str(CAPACITY)),
        Options("", capacity=CAPACITY),
        alone=("W70-capacity",),
    ),
    Variant(
        "limited",
        LOW_LIMITS,
        Options("", is_rate_limited=True),
        alone=("W83", "W85", "W86"),
    ),
    Variant(
        "ice-servers",
        ("--ice-servers", ",".join(ICE_SERVERS)),
        alone=("W71", "W72"),
        again=("W73", "W80"),
        has_turn_secret=True,
    ),
    Variant("no-trickle", ("--trickle", "false"), alone=("W26",), again=("W27", "W47", "W54")),
    Variant("no-restart", ("--ice-restart", "false"), again=("W26", "W28", "W41")),
    Variant(
        "proxied",
        ("--trusted-proxies", "127.0.0.0/8"),
        Options("", trusts_forwarded=True),
        again=("W9",),
    ),
    Variant("no-video", ("--reject-video", "true"), again=("W55", "W57", "W59", "W60", "W79")),
)
_ELSEWHERE = {r.id for v in SPECIAL if v.alone for r in select(CHECKED, v.alone)}
ECHO = Variant(
    "echo",
    ("--consent-timeout-s", str(CONSENT_S), "--silent-after-s", "2"),
    Options("", is_echo=True, consent_timeout_s=CONSENT_S, setup_timeout_s=SETUP_S),
    alone=tuple({r.line for r in CHECKED}),
    but=tuple(_ELSEWHERE),
)


def chosen(variant: Variant) -> tuple[Requirement, ...]:
    """What is tested on this variant."""
    named = select(CHECKED, variant.alone + variant.again)
    return tuple(requirement for requirement in named if requirement.id not in variant.but)


CASES = [
    pytest.param(variant, requirement, id=f"{variant}-{requirement.id}")
    for variant in (ECHO, *SPECIAL)
    for requirement in chosen(variant)
]


def sign_tokens(folder: Path, told: Options) -> tuple[tuple[str, ...], Options]:
    """Writes a key set; returns the server's options and what the suite is told of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    key_set = folder / "jwks.json"
    key_set.write_text(json.dumps({"keys": [{**public, "kid": "k1", "alg": "ES256"}]}))
    until_s = int(time.time()) + 3600

    def token(subject: str, scope: str) -> str:
        claims = {"sub": subject, "scope": scope, "exp": until_s}
        return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "k1"})

    return ("--auth-mode", "jwt", "--jwks-file", str(key_set)), replace(
        told,
        token=token("alice", "whip:publish"),
        other_token=token("bob", "whip:publish"),
        insufficient_token=token("carol", "whip:listen"),
    )


@asynccontextmanager
async def served(variant: Variant, folder: Path) -> AsyncIterator[Options]:
    """A running server of this variant; yields what the suite is told of it."""
    limits = () if variant.told.is_rate_limited else NO_LIMITS
    options = [*variant.server, *limits, "--setup-timeout-s", str(SETUP_S)]
    told = variant.told
    if variant.has_tokens:
        more, told = sign_tokens(folder, told)
        options += more
    if variant.has_turn_secret:
        secret = folder / "turn-secret"
        secret.write_text("only-for-this-test\n")
        options += ["--turn-secret-file", str(secret)]
    async with running_server(*options) as server:
        yield replace(told, url=server.whip_url, admin_url=server.admin_url)


class Servers:
    """One server for each variant, started when it is first asked for."""

    def __init__(self, stack: AsyncExitStack, folders: pytest.TempPathFactory) -> None:
        self._stack = stack
        self._folders = folders
        self._told: dict[str, Options] = {}

    async def of(self, variant: Variant) -> Options:
        """What the suite is told of the variant's server."""
        if variant.name not in self._told:
            server = served(variant, self._folders.mktemp(variant.name))
            self._told[variant.name] = await self._stack.enter_async_context(server)
        return self._told[variant.name]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Those that the tests of this module share."""
    async with AsyncExitStack() as stack:
        yield Servers(stack, tmp_path_factory)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("variant", "requirement"), CASES)
async def test_our_server_meets_rfc_9725(
    servers: Servers, variant: Variant, requirement: Requirement
) -> None:
    outcome = await run_check(requirement, await servers.of(variant))

    assert outcome.verdict is Verdict.PASS, f"{requirement.text} {outcome.finding}"


def test_no_requirement_that_binds_servers_is_left_out() -> None:
    covered = {r.id for variant in (ECHO, *SPECIAL) for r in chosen(variant)}

    assert covered == {r.id for r in CHECKED}
