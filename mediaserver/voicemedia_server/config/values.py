"""How single values are written: addresses, lists, networks, origins. Pure; raises ValueError.

The sentence of a ValueError goes to the person who wrote the value, after the value itself.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?\Z")
BEARER_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*\Z")  # b64token of RFC 6750 section 2.1
MASK = "***"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Form:
    """How a value is written, for messages and pages; `example` is one that is right."""

    text: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where a socket listens: a literal address and a port, 0 for one that the kernel chooses."""

    host: str
    port: int

    def __str__(self) -> str:
        return join_port(self.host, self.port)

    @property
    def is_loopback(self) -> bool:
        """Only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_unspecified(self) -> bool:
        """It stands for every address of this machine."""
        return ipaddress.ip_address(self.host).is_unspecified

    def meets(self, other: ListenAddress) -> bool:
        """Whether both cannot be listened on at a time with the same protocol."""
        if self.port != other.port or self.port == 0:
            return False
        if self.host == other.host or "::" in (self.host, other.host):
            return True
        versions = {ipaddress.ip_address(end.host).version for end in (self, other)}
        return len(versions) == 1 and (self.is_unspecified or other.is_unspecified)


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """A literal address that clients are told; `port` is `None` for the media socket's own."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        return self.host if self.port is None else join_port(self.host, self.port)

    @property
    def is_ipv6(self) -> bool:
        """It is of no use where only IPv4 is listened on."""
        return ipaddress.ip_address(self.host).version == 6


def join_port(host: str, port: int) -> str:
    """Host and port as one text, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_port(text: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or text.endswith("]"):
        raise ValueError("has no port" if text else "is empty")
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError("has a port that is no number from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError("is an IPv6 address without brackets")
    return host, int(port)


def is_literal(host: str) -> bool:
    """Whether this is an IPv4 or IPv6 address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def read_listen_address(value: object) -> object:
    """A `ListenAddress`; `localhost` means 127.0.0.1."""
    if isinstance(value, ListenAddress):
        return value
    host, port = split_port(_text(value))
    host = "127.0.0.1" if host == "localhost" else host
    if not is_literal(host):
        raise ValueError("has a host that is not an IPv4 or IPv6 address")
    return ListenAddress(str(ipaddress.ip_address(host)), port)


def read_optional_listen_address(value: object) -> object:
    """The same, or `None` for nothing."""
    return None if value in ("", None) else read_listen_address(value)


def read_advertised(value: object) -> object:
    """`host`, `stun`, or a `PublicAddress`."""
    if isinstance(value, PublicAddress) or value in ("host", "stun"):
        return value
    text = _text(value)
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_literal(bare):
        host, port = bare, None
    else:
        host, port = split_port(text) if ":" in text else ("", 0)
        if not is_literal(host):
            raise ValueError("is neither host, stun, nor an address")
        if port == 0:
            raise ValueError("has port 0, to which nobody can send")
    address = ipaddress.ip_address(host)
    if address.is_unspecified or address.is_multicast:
        raise ValueError("is an address to which nobody can send")
    return PublicAddress(str(address), port)


def read_server(value: object) -> object:
    """`host:port` of another server, by name or address."""
    text = _text(value)
    host, port = split_port(text)
    if port == 0:
        raise ValueError("has port 0, on which nobody listens")
    if not is_literal(host) and not HOST_NAME.match(host):
        raise ValueError("has a host that is neither a name nor an address")
    return text


def read_ice_server(value: object) -> object:
    """A STUN or TURN URI (RFC 7064, RFC 7065)."""
    text = _text(value)
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in ("stun", "stuns", "turn", "turns"):
        raise ValueError("does not begin with stun:, stuns:, turn: or turns:")
    if rest.startswith("//") or not rest or re.search(r"[\s<>\"]", rest):
        raise ValueError("is no STUN or TURN URI; it has no slashes and no spaces")
    return text


def read_network(value: object) -> object:
    """A network in CIDR notation."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    try:
        return ipaddress.ip_network(_text(value))
    except ValueError as failure:
        has_host_bits = "host bits" in str(failure)
        raise ValueError("has host bits set" if has_host_bits else "is no network") from None


def read_origin(value: object) -> object:
    """An origin as browsers send it, or `*`."""
    text = _text(value)
    if text == "*":
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("does not begin with http:// or https://")
    if parts.path or parts.query or parts.fragment:
        raise ValueError("has more than scheme, host and port")
    return text.lower()


def read_connect_source(value: object) -> object:
    """An origin for a page's policy, where a wrong character would change all of the policy."""
    text = _text(value).lower()
    if not text.startswith(("http://", "https://")):
        raise ValueError("does not begin with http:// or https://")
    if not re.fullmatch(r"https?://(\*\.)?([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?", text):
        raise ValueError("is no origin: scheme, host and at most a port")
    return text


def read_keys_url(value: object) -> object:
    """An https: URL; http: only on this machine, since who changes the keys lets anybody in."""
    if value in ("", None):
        return None
    text = _text(value)
    parts = urlsplit(text)
    host = parts.hostname or ""
    is_local = host == "localhost" or (is_literal(host) and ipaddress.ip_address(host).is_loopback)
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError("is no https:// URL")
    if parts.scheme == "http" and not is_local:
        raise ValueError("is not encrypted: whoever changes the keys lets anybody in")
    return text


def read_token(value: object) -> object:
    """A bearer token."""
    text = _text(value)
    if text == MASK:
        raise ValueError("stands for a masked token; write the token itself")
    if not BEARER_TOKEN.match(text):
        raise ValueError("has characters that no bearer token has")
    return text


def read_list(value: object) -> object:
    """A list, or text with commas between, as flags and the environment write it."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple):
        return value
    raise ValueError("is no list")


def read_number(value: object) -> object:
    """Refuses `true` and `false`, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("is no number")
    return value


def read_text(value: object) -> object:
    """Text that is not empty."""
    text = _text(value)
    if not text:
        raise ValueError("is empty")
    return text


def read_optional(value: object) -> object:
    """`None` for nothing."""
    return None if value in ("", None) else _text(value)


def read_optional_origin(value: object) -> object:
    """One origin, or `None` for nothing."""
    text = read_optional(value)
    return None if text is None else read_connect_source(text)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is no text; put quotes around it" if value is not None else "is empty")
    return value.strip()


Whole = Annotated[int, BeforeValidator(read_number)]
Number = Annotated[float, BeforeValidator(read_number), Field(allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(read_text), Form("text")]
OptionalText = Annotated[str | None, BeforeValidator(read_optional), Form("text")]

OptionalOrigin = Annotated[
    str | None,
    BeforeValidator(read_optional_origin),
    Form("an origin, or empty for none", "http://10.0.0.7:8080"),
]

Listen = Annotated[
    ListenAddress, BeforeValidator(read_listen_address), Form("host:port", "127.0.0.1:8080")
]
OptionalListen = Annotated[
    ListenAddress | None,
    BeforeValidator(read_optional_listen_address),
    Form("host:port, or empty for none", "127.0.0.1:8081"),
]
Advertised = Annotated[Literal["host", "stun"] | PublicAddress, BeforeValidator(read_advertised)]
AdvertisedList = Annotated[
    tuple[Advertised, ...],
    BeforeValidator(read_list),
    Form("a list of host, stun, address or address:port", "host"),
]
ServerList = Annotated[
    tuple[Annotated[str, BeforeValidator(read_server)], ...],
    BeforeValidator(read_list),
    Form("a list of host:port", "stun.example.org:3478"),
]
IceServerList = Annotated[
    tuple[Annotated[str, BeforeValidator(read_ice_server)], ...],
    BeforeValidator(read_list),
    Form("a list of stun:, stuns:, turn: and turns: URIs", "stun:stun.example.org:3478"),
]
NetworkList = Annotated[
    tuple[Annotated[Network, BeforeValidator(read_network)], ...],
    BeforeValidator(read_list),
    Form("a list of networks", "10.0.0.0/8"),
]
OriginList = Annotated[
    tuple[Annotated[str, BeforeValidator(read_origin)], ...],
    BeforeValidator(read_list),
    Form("a list of origins, or *", "https://app.example.org"),
]
ConnectSourceList = Annotated[
    tuple[Annotated[str, BeforeValidator(read_connect_source)], ...],
    BeforeValidator(read_list),
    Form("a list of origins", "https://eu.example.org,https://*.example.net:8443"),
]
TokenList = Annotated[
    tuple[Annotated[str, BeforeValidator(read_token)], ...],
    BeforeValidator(read_list),
    Form("a list of tokens of letters, digits and -._~+/ with = at the end"),
]
KeysUrl = Annotated[
    str | None,
    BeforeValidator(read_keys_url),
    Form("an https:// URL", "https://login.example.org/jwks.json"),
]
AlgorithmList = Annotated[
    tuple[
        Literal[
            "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"
        ],
        ...,
    ],
    BeforeValidator(read_list),
    Form("a list of ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512, EdDSA", "ES256"),
]
OptionalFile = Annotated[Path | None, BeforeValidator(read_optional), Form("the path of a file")]
