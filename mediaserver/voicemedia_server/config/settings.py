"""Every setting of the server: name with its unit, form, range, default, and the default's reason.

The fields are the single source: flags, variables, messages, the manual page and the example
file are made from them (`sources`, `pages`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from voicemedia_server.config.values import (
    AdvertisedList,
    AlgorithmList,
    ConnectSourceList,
    Form,
    IceServerList,
    KeysUrl,
    Listen,
    ListenAddress,
    NetworkList,
    Number,
    OptionalFile,
    OptionalListen,
    OptionalOrigin,
    OptionalText,
    OriginList,
    PublicAddress,
    ServerList,
    Text,
    TokenList,
    Whole,
)

DAY_S = 86400


class Group(StrEnum):
    """The headings under which settings are explained."""

    LISTENERS = "Listeners"
    ADDRESSES = "Addresses that clients are told"
    CAPACITY = "Capacity and life of a session"
    FLEET = "Fleet"
    LEAVING = "Leaving"
    WHIP = "WHIP and WebSocket v2"
    ROUTING = "Which transport: flags"
    ACCESS = "Access"
    RATES = "Rate limits, for each client"
    MACHINE = "Machine"
    LOGS = "Logs"


def option(group: Group, default: Any, description: str, **bounds: float | bool) -> Any:
    """A field. `bounds`: `ge`, `gt`, `le`; `is_secret` keeps it off the command line and output."""
    is_secret = bool(bounds.pop("is_secret", False))
    metadata = {"group": group, "description": description, "is_secret": is_secret, **bounds}
    return dataclasses.field(default=default, metadata=metadata, repr=not is_secret)


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Settings:
    """Every setting, its default, and what it means. Made by `sources.load`."""

    http: Listen = option(
        Group.LISTENERS,
        ListenAddress("127.0.0.1", 8080),
        "Where HTTP is answered: the page, /whip, /metrics, health. Port 0 lets the kernel choose. "
        "Only this machine by default, since without auth_mode anyone who reaches it may call.",
    )
    udp: Listen = option(
        Group.LISTENERS,
        ListenAddress("::", 3478),
        "The one media port. [::] takes IPv6 and IPv4, or IPv4 alone where the machine has no "
        "IPv6; 0.0.0.0 takes IPv4 alone. 3478 is STUN's own port, which firewalls often let pass.",
    )
    ice_tcp: bool = option(
        Group.LISTENERS,
        True,
        "Also take media over TCP on the same port number (ICE-TCP, RFC 6544), for networks that "
        "block UDP.",
    )
    admin: OptionalListen = option(
        Group.LISTENERS,
        ListenAddress("127.0.0.1", 8081),
        "Where POST /drain and /undrain are answered, without a token: keep it local. "
        "Empty for nowhere.",
    )
    tls_cert_file: OptionalFile = option(
        Group.LISTENERS,
        None,
        "PEM certificate chain; with it and tls_key_file the HTTP port speaks HTTPS.",
    )
    tls_key_file: OptionalFile = option(
        Group.LISTENERS, None, "PEM private key of tls_cert_file, without a passphrase."
    )

    advertise: AdvertisedList = option(
        Group.ADDRESSES,
        ("host",),
        "Addresses of the media port that clients are told, best first: host for all of this "
        "machine's own, stun for those and what the STUN servers see from outside, an address, or "
        "address:port where a port is forwarded. Needed outside a local network, since the "
        "server never connects out (ICE-lite).",
    )
    stun_servers: ServerList = option(
        Group.ADDRESSES,
        ("stun.l.google.com:19302", "stun.cloudflare.com:3478"),
        "STUN servers that are asked from the media port when advertise has stun; nobody waits "
        "for their answers.",
    )
    ice_servers: IceServerList = option(
        Group.ADDRESSES,
        (),
        "STUN and TURN servers that clients are told in Link header fields (RFC 9725 section "
        "4.6); rarely needed, since the media port itself is reachable.",
    )
    turn_secret_file: OptionalFile = option(
        Group.ADDRESSES,
        None,
        "File with the secret shared with the TURN servers (TURN REST convention): each client "
        "gets a user name and password of its own.",
    )
    turn_ttl_s: Whole = option(
        Group.ADDRESSES,
        3600,
        "Life of those TURN credentials: longer than most calls, short enough to be worth no "
        "theft.",
        ge=60,
        le=DAY_S,
    )

    max_sessions: Whole = option(
        Group.CAPACITY,
        2000,
        "Sessions at a time; then 503 with Retry-After. One core carries 1,000 to 1,500 with the "
        "Python plane when all of them talk.",
        ge=1,
        le=1_000_000,
    )
    max_pending: Whole = option(
        Group.CAPACITY,
        512,
        "Sessions that may be setting up at a time; then 503 with Retry-After. Two seconds' worth "
        "of DTLS handshakes of one core, so that an avalanche of clients is spread out.",
        ge=1,
        le=1_000_000,
    )
    max_transcoded_sessions: Whole = option(
        Group.CAPACITY,
        16,
        "Sessions at a time whose echo is decoded and encoded again (POST /whip?echo=decoded); "
        "then 503 for those that ask. Such a session takes as much CPU as about twenty others. "
        "0 switches it off.",
        ge=0,
        le=10_000,
    )
    setup_timeout_s: Number = option(
        Group.CAPACITY,
        15.0,
        "From the answer to connected; who takes longer is freed. Browsers give up sooner.",
        ge=1,
        le=120,
    )
    silent_after_s: Number = option(
        Group.CAPACITY,
        8.0,
        "Without a connectivity check or packet for this long a session counts as reconnecting. "
        "Checks come about every five seconds (RFC 7675). 0 for never.",
        ge=0,
        le=3600,
    )
    consent_timeout_s: Number = option(
        Group.CAPACITY,
        30.0,
        "Without a connectivity check for this long a session ends: 30 s is what RFC 7675 says. "
        "0 for never.",
        ge=0,
        le=3600,
    )
    idle_timeout_s: Number = option(
        Group.CAPACITY,
        60.0,
        "Without media for this long a session ends. Muted microphones go on sending, so a minute "
        "of nothing is a page that was left behind. 0 for never.",
        ge=0,
        le=30 * DAY_S,
    )
    max_session_s: Number = option(
        Group.CAPACITY,
        0.0,
        "Longest session. 0 for no limit, the default: a call ends when people end it.",
        ge=0,
        le=30 * DAY_S,
    )

    registry_url: OptionalText = option(
        Group.FLEET,
        None,
        "The Redis that lists the sessions of a fleet: redis://, rediss:// (TLS), unix://, "
        "redis+sentinel://host:port,host:port/service or redis+cluster://host:port,host:port. Not "
        "set, this server is a fleet of its own. There is no flag, since it may hold a password.",
        is_secret=True,
    )
    peer_url: OptionalOrigin = option(
        Group.FLEET,
        None,
        "Where the other servers of the fleet reach this one's HTTP. With it, and a "
        "fleet_secret_file that they share, each passes PATCH and DELETE for a session of another "
        "on to it, so that a load balancer may send them anywhere. Their network belongs into "
        "trusted_proxies, else they count as one client.",
    )
    fleet: Text = option(
        Group.FLEET, "voicemedia", "The fleet's name: several may share one Redis."
    )
    fleet_max_sessions: Whole = option(
        Group.FLEET,
        0,
        "Sessions at a time in the whole fleet; then 503 with Retry-After. While the registry is "
        "down only max_sessions holds. 0 for no limit.",
        ge=0,
        le=100_000_000,
    )
    instance_id: OptionalText = option(
        Group.FLEET,
        None,
        "This server's name in its fleet; no two have the same. Not set, the host's name and what "
        "nobody else has.",
    )

    drain_limit_s: Number = option(
        Group.LEAVING,
        20.0,
        "How long live sessions go on after SIGTERM or Ctrl-C. With drain_notice_s it fits into "
        "the 30 s that Kubernetes gives by default; raise both for calls that must not be cut.",
        ge=0,
        le=7 * DAY_S,
    )
    drain_notice_s: Number = option(
        Group.LEAVING,
        5.0,
        "After that limit, how long clients that read the event stream have from the event "
        "reconnect to the end: enough for a new session, opened before the old one closes.",
        ge=0,
        le=3600,
    )

    echo: bool = option(
        Group.WHIP,
        True,
        "Answer offers of sendrecv with the caller's own audio, a declared deviation from RFC "
        "9725; false answers recvonly to all.",
    )
    reject_video: bool = option(
        Group.WHIP,
        False,
        "Refuse offers that have video (422). By default it is taken, dropped and counted, since "
        "OBS and FFmpeg always offer it.",
    )
    trickle: bool = option(Group.WHIP, True, "Take candidates by PATCH; false answers 422.")
    ice_restart: bool = option(Group.WHIP, True, "Take ICE restarts by PATCH; false answers 422.")
    websocket_ping_s: Number = option(
        Group.WHIP,
        15.0,
        "Between two pings over WebSocket v2, which measure the round trip.",
        ge=1,
        le=3600,
    )
    websocket_mark_s: Number = option(
        Group.WHIP,
        5.0,
        "Between two marks over WebSocket v2, which measure how long a client takes to play what "
        "it is sent. 0 for none.",
        ge=0,
        le=3600,
    )
    websocket_backlog_ms: Number = option(
        Group.WHIP,
        200.0,
        "Audio that may wait for a WebSocket client that reads too slowly; then the oldest frame "
        "is dropped, since old sound is of no use in a conversation.",
        ge=40,
        le=10_000,
    )
    websocket_heartbeat_s: Number = option(
        Group.WHIP,
        15.0,
        "Without a word over WebSocket for this long the client is pinged, and half as long "
        "after that let go. Proxies cut silent connections after 30 to 60 s.",
        ge=0.5,
        le=3600,
    )
    max_body_bytes: Whole = option(
        Group.WHIP,
        65536,
        "Largest request body; then 413. A browser's offer has about 6,000.",
        ge=1024,
        le=1 << 20,
    )
    request_timeout_s: Number = option(
        Group.WHIP,
        10.0,
        "Longest time for the body of a request to arrive; then 408, so that slow senders hold "
        "nothing.",
        ge=0.1,
        le=300,
    )

    flags_file: OptionalFile = option(
        Group.ROUTING,
        None,
        "A flag document in flagd's form, watched: by it POST /v2/session decides which transport "
        "a client is given. voicemedia-flags makes and changes it.",
    )
    webrtc_percent: Number = option(
        Group.ROUTING,
        100.0,
        "Without flags_file and registry_url: the share of clients that are given WebRTC by POST "
        "/v2/session, the others get WebSocket. A lone server has nothing to roll out, so all get "
        "it.",
        ge=0,
        le=100,
    )
    session_token_ttl_s: Whole = option(
        Group.ROUTING,
        3600,
        "How long the answer of POST /v2/session may be used to open or move a call.",
        ge=10,
        le=DAY_S,
    )
    fleet_secret_file: OptionalFile = option(
        Group.ROUTING,
        None,
        "File with a secret of at least 32 characters that all servers of a fleet share, so that "
        "each takes the session tokens and resume tokens of the others. Without it a server has "
        "one of its own.",
    )

    auth_mode: Literal["none", "token", "jwt"] = option(
        Group.ACCESS,
        "none",
        "Which bearer tokens are asked for: none, fixed ones (token), or signed ones (jwt).",
    )
    auth_tokens_file: OptionalFile = option(
        Group.ACCESS,
        None,
        "With auth_mode token: a file with one token a line; # begins a comment line.",
    )
    auth_tokens: TokenList = option(
        Group.ACCESS,
        (),
        "With auth_mode token: more tokens, from the environment or the configuration file. "
        "There is no flag, since everybody on a machine can read command lines.",
        is_secret=True,
    )
    jwks_url: KeysUrl = option(
        Group.ACCESS,
        None,
        "With auth_mode jwt: where the public keys are (a JWKS document), fetched when a token "
        "names an unknown key, at most every 30 s.",
    )
    jwks_file: OptionalFile = option(
        Group.ACCESS, None, "With auth_mode jwt: a file with the public keys instead."
    )
    jwt_algorithms: AlgorithmList = option(
        Group.ACCESS,
        ("ES256", "RS256", "EdDSA"),
        "Algorithms that a JWT may be signed with; the token has no say. Unsigned tokens and "
        "shared secrets (none, HS256 …) are never taken.",
    )
    jwt_issuer: OptionalText = option(Group.ACCESS, None, "The iss that a JWT must have, if any.")
    jwt_audience: OptionalText = option(
        Group.ACCESS,
        None,
        "The aud that a JWT must have, if any. Set it: the issuer may sign for others.",
    )
    jwt_scope: Text = option(
        Group.ACCESS, "whip:publish", "The scope that a JWT must grant; without it 403."
    )
    cors_origins: OriginList = option(
        Group.ACCESS,
        ("*",),
        "Origins whose pages may call; * for all, which is safe as no cookies are used.",
    )
    page_connect_sources: ConnectSourceList = option(
        Group.ACCESS,
        (),
        "Origins of further servers that the page may call, by HTTP and WebSocket: those to which "
        "a redirect or a decision may send it. Its own server is always among them.",
    )
    trusted_proxies: NetworkList = option(
        Group.ACCESS,
        (),
        "Networks of proxies whose X-Forwarded-* header fields are believed. Set it behind an "
        "ingress, else all clients share one rate limit.",
    )

    post_rate_per_s: Number = option(
        Group.RATES,
        20.0,
        "New sessions a second on average; then 429 with Retry-After. 0 for no limit. High enough "
        "for an office behind one address.",
        ge=0,
        le=1_000_000,
    )
    post_burst: Whole = option(Group.RATES, 100, "New sessions at once.", ge=1, le=1_000_000)
    patch_rate_per_s: Number = option(
        Group.RATES,
        50.0,
        "PATCH requests a second on average: a few for each new session. 0 for no limit.",
        ge=0,
        le=1_000_000,
    )
    patch_burst: Whole = option(Group.RATES, 200, "PATCH requests at once.", ge=1, le=1_000_000)
    delete_rate_per_s: Number = option(
        Group.RATES,
        50.0,
        "DELETE requests a second on average: calls may end together. 0 for no limit.",
        ge=0,
        le=1_000_000,
    )
    delete_burst: Whole = option(Group.RATES, 200, "DELETE requests at once.", ge=1, le=1_000_000)

    coalesce_ms: Number = option(
        Group.MACHINE,
        0.0,
        "Wait before each read of the media port, so that packets come in batches: 1 halves the "
        "CPU of a few hundred sessions for about 0.6 ms of delay. 0 reads at once.",
        ge=0,
        le=10,
    )
    receive_buffer_bytes: Whole = option(
        Group.MACHINE,
        8 * 1024 * 1024,
        "Kernel buffers of the media port: a second of a thousand sessions. The kernel may cap it "
        "(net.core.rmem_max); the log says so at the start.",
        ge=65536,
        le=1 << 30,
    )

    log_format: Literal["auto", "json", "text"] = option(
        Group.LOGS, "auto", "auto is text on a terminal and JSON elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = option(
        Group.LOGS, "info", "The least that is logged: info is one line for each step of a session."
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        found = tuple(contradictions(self))
        if found:
            raise PydanticCustomError("contradictions", "settings contradict", {"found": found})
        return self


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Settings that cannot be together: the one to change, and a sentence about it."""
    yield from _contradictions_of_listeners(settings)
    yield from _contradictions_of_addresses(settings)
    yield from _contradictions_of_access(settings)
    times = settings.silent_after_s, settings.consent_timeout_s
    if all(times) and times[0] >= times[1]:
        yield "silent_after_s", f"must be less than consent_timeout_s, which is {times[1]:g}"


def _contradictions_of_listeners(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.tls_cert_file is not None and settings.tls_key_file is None:
        yield "tls_cert_file", "needs tls_key_file too"
    if settings.tls_key_file is not None and settings.tls_cert_file is None:
        yield "tls_key_file", "needs tls_cert_file too"
    if settings.admin is not None and settings.admin.meets(settings.http):
        yield "admin", f"is taken by http ({settings.http}); choose another port"
    if not settings.ice_tcp:
        return
    for name, other in (("http", settings.http), ("admin", settings.admin)):
        if other is not None and other.meets(settings.udp):
            yield name, f"is taken by ICE-TCP on udp's port ({settings.udp}); choose another port"


def _contradictions_of_addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    if not settings.advertise:
        yield "advertise", "is empty, so that no client could reach the media port; write host"
    if "stun" in settings.advertise and not settings.stun_servers:
        yield "stun_servers", "is empty, but advertise has stun"
    if ":" not in settings.udp.host and any(
        isinstance(entry, PublicAddress) and entry.is_ipv6 for entry in settings.advertise
    ):
        yield "advertise", f"has an IPv6 address, but udp ({settings.udp}) takes IPv4 alone"
    needs_credentials = any(url.startswith("turn") for url in settings.ice_servers)
    if needs_credentials and settings.turn_secret_file is None:
        yield "ice_servers", "has a TURN server, for which clients need turn_secret_file"


def _contradictions_of_access(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.peer_url is not None and settings.fleet_secret_file is None:
        yield "peer_url", "is read by no other server without fleet_secret_file"
    mode = settings.auth_mode
    has_tokens = bool(settings.auth_tokens) or settings.auth_tokens_file is not None
    has_keys = settings.jwks_url is not None or settings.jwks_file is not None
    if mode == "token" and not has_tokens:
        yield "auth_mode", "is token, but neither auth_tokens_file nor auth_tokens is set"
    if mode != "token" and has_tokens:
        given = "auth_tokens" if settings.auth_tokens else "auth_tokens_file"
        yield given, f"is set, but nobody is asked for it: set auth_mode to token (it is {mode})"
    if mode == "jwt" and not has_keys:
        yield "auth_mode", "is jwt, but neither jwks_url nor jwks_file is set"
    if mode != "jwt" and has_keys:
        given = "jwks_url" if settings.jwks_url is not None else "jwks_file"
        yield given, f"is set, but no JWT is asked for: set auth_mode to jwt (it is {mode})"
    if settings.jwks_url is not None and settings.jwks_file is not None:
        yield "jwks_file", "and jwks_url are both set; choose one"
    if not settings.jwt_algorithms:
        yield "jwt_algorithms", "is empty, so that no JWT could be valid; write ES256"


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """A setting as people meet it."""

    name: str
    group: Group
    default: Any
    description: str
    form: str
    example: str
    is_switch: bool
    is_list: bool
    is_secret: bool

    @property
    def flag(self) -> str:
        """Its spelling on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """Its spelling in the environment."""
        return VARIABLE_PREFIX + self.name.upper()


VARIABLE_PREFIX = "VOICEMEDIA_"
UNITS = (
    ("_per_s", "a number per second"),
    ("_s", "seconds"),
    ("_ms", "milliseconds"),
    ("_percent", "percent"),
    ("_bytes", "bytes"),
)


@cache
def options() -> tuple[Option, ...]:
    """All settings, in the order in which they are explained."""
    hints = get_type_hints(Settings, include_extras=True)
    return tuple(_option(field, hints[field.name]) for field in dataclasses.fields(Settings))


def _option(field: dataclasses.Field[Any], hint: Any) -> Option:
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    written = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Form)), None)
    if written is None:
        written = _form(field, base)
    return Option(
        name=field.name,
        group=field.metadata["group"],
        default=field.default,
        description=field.metadata["description"],
        form=written.text,
        example=written.example,
        is_switch=base is bool,
        is_list=get_origin(base) is tuple,
        is_secret=field.metadata["is_secret"],
    )


def _form(field: dataclasses.Field[Any], base: Any) -> Form:
    if base is bool:
        return Form("true or false")
    if get_origin(base) is Literal:
        *first, last = get_args(base)
        return Form(f"{', '.join(first)} or {last}")
    unit = next((text for suffix, text in UNITS if field.name.endswith(suffix)), "")
    kind = unit or ("a whole number" if base is int else "a number")
    if unit and base is int:
        kind = f"whole {unit}"
    text = f"{kind} from {field.metadata['ge']} to {field.metadata['le']}"
    return Form(text, f"{field.default:g}" if base is float else str(field.default))
