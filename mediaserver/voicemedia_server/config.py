"""All settings of the server, read once at the start into one frozen dataclass.

A setting has one name in three spellings: `--drain-limit-s`, `VOICEMEDIA_DRAIN_LIMIT_S` and
`drain_limit_s:` in the file of `--config`; a flag beats the environment, which beats the file.
An unknown key or an impossible value stops the start with a message that names it.
"""

from __future__ import annotations

import argparse
import dataclasses
import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo
from pydantic.functional_validators import AfterValidator, BeforeValidator, model_validator

PREFIX = "VOICEMEDIA_"


class ConfigError(Exception):
    """A setting that cannot be: the message names it, where it came from, and the mend."""


def split_address(text: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as host and port. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError("must be host:port")
    if not port.isdigit() or int(port) > 65535:
        raise ValueError("the port must be a number from 0 to 65535")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _is_address(text: str) -> str:
    split_address(text)
    return text


def _is_literal_address(text: str) -> str:
    host, _ = split_address(text)
    ipaddress.ip_address(host)
    return text


def _is_advertised(text: str) -> str:
    if text in ("host", "stun"):
        return text
    try:
        ipaddress.ip_address(text)
        return text
    except ValueError:
        pass
    try:
        return _is_literal_address(text)
    except ValueError:
        raise ValueError("must be host, stun, an address or address:port") from None


def _is_network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


def _as_list(value: object) -> object:
    """Lists may be written with commas, as flags and the environment must."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Address = Annotated[str, AfterValidator(_is_address)]
LiteralAddress = Annotated[str, AfterValidator(_is_literal_address)]
Advertise = Annotated[str, AfterValidator(_is_advertised)]
Cidr = Annotated[str, AfterValidator(_is_network)]
Algorithm = Literal["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "EdDSA"]
Seconds = Annotated[float, Field(ge=0)]


AdvertisedList = Annotated[tuple[Advertise, ...], BeforeValidator(_as_list)]
AddressList = Annotated[tuple[Address, ...], BeforeValidator(_as_list)]
TextList = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
NetworkList = Annotated[tuple[Cidr, ...], BeforeValidator(_as_list)]
AlgorithmList = Annotated[tuple[Algorithm, ...], BeforeValidator(_as_list)]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", str_strip_whitespace=True))
class Settings:
    """Every setting, its default, and what it means."""

    # -- listeners
    http: Annotated[
        Address, Field(description="Where HTTP is answered: the page, /whip, /metrics.")
    ] = "127.0.0.1:8080"
    udp: Annotated[
        LiteralAddress,
        Field(
            description="The one media port. [::] takes IPv6 and IPv4 (IPv4 alone where there is "
            "no IPv6); 0.0.0.0 takes IPv4 alone."
        ),
    ] = "[::]:3478"
    ice_tcp: Annotated[
        bool, Field(description="Also take media over TCP on the same port number (RFC 6544).")
    ] = True
    admin: Annotated[
        str, Field(description="Where POST /drain and /undrain are answered; empty for nowhere.")
    ] = "127.0.0.1:8081"
    tls_cert_file: Annotated[
        Path | None, Field(description="PEM certificate chain; with it HTTP becomes HTTPS.")
    ] = None
    tls_key_file: Annotated[Path | None, Field(description="PEM private key for it.")] = None

    # -- addresses
    advertise: Annotated[
        AdvertisedList,
        Field(
            description="Addresses that clients are told, each `host` (all addresses of this "
            "machine), `stun` (what the STUN servers see), an address, or address:port."
        ),
    ] = ("host",)
    stun_servers: Annotated[
        AddressList,
        Field(description="Asked from the media socket when `stun` is advertised."),
    ] = ("stun.l.google.com:19302", "stun.cloudflare.com:3478")
    ice_servers: Annotated[
        TextList, Field(description="stun: and turn: URLs that clients are told in Link.")
    ] = ()
    turn_secret_file: Annotated[
        Path | None,
        Field(description="Shared secret of the TURN REST convention: each client gets its own."),
    ] = None
    turn_ttl_s: Annotated[
        int, Field(ge=60, le=86400, description="Life of those TURN credentials, in seconds.")
    ] = 3600

    # -- sessions
    max_sessions: Annotated[int, Field(ge=1, description="Sessions at a time; then 503.")] = 2000
    max_pending: Annotated[
        int, Field(ge=1, description="Sessions that may be setting up at a time; then 503.")
    ] = 512
    setup_timeout_s: Annotated[
        float, Field(ge=1, le=60, description="From the answer to connected, else freed.")
    ] = 15.0
    silent_after_s: Annotated[
        float, Field(ge=1, description="Without a sign of life for this long: reconnecting.")
    ] = 8.0
    consent_timeout_s: Annotated[
        float, Field(ge=1, description="Without a connectivity check (RFC 7675): closed.")
    ] = 30.0
    idle_timeout_s: Annotated[Seconds, Field(description="Without media: closed. 0 for never.")] = (
        60.0
    )
    max_session_s: Annotated[Seconds, Field(description="Longest session. 0 for no limit.")] = 0.0
    drain_limit_s: Annotated[
        Seconds,
        Field(description="How long live sessions go on after SIGTERM or Ctrl-C."),
    ] = 30.0
    drain_notice_s: Annotated[
        Seconds, Field(description="Then: from `reconnect` on the event stream to the end.")
    ] = 5.0

    # -- WHIP
    echo: Annotated[
        bool, Field(description="Answer sendrecv offers with the caller's own audio.")
    ] = True
    reject_video: Annotated[
        bool, Field(description="Refuse offers with video; else it is taken and dropped.")
    ] = False
    trickle: Annotated[bool, Field(description="Take candidates by PATCH.")] = True
    ice_restart: Annotated[bool, Field(description="Take ICE restarts by PATCH.")] = True
    max_body_bytes: Annotated[
        int, Field(ge=1024, le=1 << 20, description="Largest request body; then 413.")
    ] = 65536
    request_timeout_s: Annotated[
        float, Field(gt=0, description="Longest time for a request's body; then 408.")
    ] = 10.0

    # -- who may
    auth_mode: Annotated[
        Literal["none", "token", "jwt"], Field(description="Which bearer tokens are asked for.")
    ] = "none"
    auth_tokens_file: Annotated[
        Path | None, Field(description="auth_mode token: a file with one token a line.")
    ] = None
    jwks_url: Annotated[str | None, Field(description="auth_mode jwt: where the keys are.")] = None
    jwks_file: Annotated[
        Path | None, Field(description="auth_mode jwt: a file with the keys instead.")
    ] = None
    jwt_algorithms: Annotated[
        AlgorithmList, Field(description="Algorithms that a JWT may be signed with.")
    ] = ("ES256",)
    jwt_issuer: Annotated[str | None, Field(description="The `iss` that a JWT must have.")] = None
    jwt_audience: Annotated[str | None, Field(description="The `aud` that it must have.")] = None
    cors_origins: Annotated[
        TextList, Field(description="Origins of pages that may call us; * for all.")
    ] = ("*",)
    trusted_proxies: Annotated[
        NetworkList, Field(description="Networks whose X-Forwarded-* headers are believed.")
    ] = ()
    post_rate_per_s: Annotated[
        Seconds, Field(description="New sessions a second for each client. 0 for no limit.")
    ] = 20.0
    post_burst: Annotated[int, Field(ge=1, description="New sessions at once.")] = 100
    patch_rate_per_s: Annotated[Seconds, Field(description="PATCHes, likewise.")] = 50.0
    patch_burst: Annotated[int, Field(ge=1, description="PATCHes at once.")] = 200
    delete_rate_per_s: Annotated[Seconds, Field(description="DELETEs, likewise.")] = 50.0
    delete_burst: Annotated[int, Field(ge=1, description="DELETEs at once.")] = 200

    # -- the machine
    coalesce_ms: Annotated[
        float,
        Field(ge=0, le=5, description="Wait before each read of the media socket, for batches."),
    ] = 0.0
    receive_buffer_bytes: Annotated[
        int, Field(ge=65536, description="SO_RCVBUF of the media socket.")
    ] = 8 * 1024 * 1024
    log_format: Annotated[
        Literal["auto", "json", "text"], Field(description="auto: text on a terminal, else JSON.")
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="The least that is logged.")
    ] = "info"

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        rules = (
            (
                self.auth_mode == "token" and self.auth_tokens_file is None,
                "auth_mode: token needs auth_tokens_file",
            ),
            (
                self.auth_mode == "jwt" and (self.jwks_url is None) == (self.jwks_file is None),
                "auth_mode: jwt needs either jwks_url or jwks_file",
            ),
            (
                (self.tls_cert_file is None) != (self.tls_key_file is None),
                "tls_cert_file and tls_key_file go together",
            ),
            (
                "stun" in self.advertise and not self.stun_servers,
                "advertise: stun needs stun_servers",
            ),
            (not self.advertise, "advertise must name at least one address"),
            (
                self.silent_after_s > self.consent_timeout_s,
                "silent_after_s must not be above consent_timeout_s",
            ),
            (self.max_pending > self.max_sessions, "max_pending must not be above max_sessions"),
        )
        for is_broken, sentence in rules:
            if is_broken:
                raise ValueError(sentence)
        if self.admin:
            split_address(self.admin)
        return self


FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
_ADAPTER = TypeAdapter(Settings)


def describe(name: str) -> str:
    """The sentence that explains a setting."""
    hint: Any = get_type_hints(Settings, include_extras=True)[name]
    return next(str(part.description) for part in hint.__metadata__ if isinstance(part, FieldInfo))


def default_of(name: str) -> object:
    """A setting's default."""
    return dataclasses.asdict(Settings())[name]


def load(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings of this process. Raises `ConfigError`; argparse ends on `--help`."""
    flags = vars(make_parser().parse_args(arguments))
    config_file: Path | None = flags.pop("config")
    flags.pop("version", None)
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for origin, found in (
        (f"the file {config_file}", _from_file(config_file)),
        ("the environment", _from_environment(environment)),
        ("a flag", {name: value for name, value in flags.items() if value is not None}),
    ):
        values.update(found)
        origins.update(dict.fromkeys(found, origin))
    try:
        return _ADAPTER.validate_python(values)
    except ValidationError as failure:
        raise ConfigError(_sentence(failure, origins)) from None


def _sentence(failure: ValidationError, origins: Mapping[str, str]) -> str:
    first = failure.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"The settings do not fit together: {message}."
    name = str(first["loc"][0])
    return f"{name} (from {origins.get(name, 'its default')}): {message}; got {first['input']!r}."


def _from_file(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        loaded = yaml.safe_load(path.read_text())
    except OSError as failure:
        raise ConfigError(f"The file {path} cannot be read: {failure.strerror}.") from None
    except yaml.YAMLError as failure:
        raise ConfigError(f"The file {path} is not YAML: {failure}.") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"The file {path} must hold `name: value` lines.")
    for name in loaded:
        if name not in FIELDS:
            raise ConfigError(f"{name} (from the file {path}) is no setting; see --help.")
    return loaded


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in FIELDS:
            raise ConfigError(f"{variable} (from the environment) is no setting; see --help.")
        found[name] = value
    return found


def make_parser() -> argparse.ArgumentParser:
    """The command line, made from the fields."""
    parser = argparse.ArgumentParser(
        prog="voicemedia-server",
        description="A voice media server: answers WHIP and echoes or routes Opus.",
        epilog="Each option is also a VOICEMEDIA_* variable and a line of the --config file.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", default=None, help="print it and leave")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a YAML file with settings")
    for name in FIELDS:
        default = default_of(name)
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        text = describe(name).replace("%", "%%")
        suffix = "" if shown in (None, "") else f" (default: {shown})"
        parser.add_argument(
            "--" + name.replace("_", "-"), dest=name, metavar="VALUE", help=text + suffix
        )
    return parser
