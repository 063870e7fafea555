"""Every setting of the server: name with its unit, form, range, default, and the default's reason.

The fields are the single source: flags, variables, messages, the manual page and the example
file are made from them (`sources`, `pages`). Each topic declares its own, in a module beside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from voicemedia_server.config import access, lifetime, network
from voicemedia_server.config.access import AccessSettings
from voicemedia_server.config.fields import Group
from voicemedia_server.config.fleet import FleetSettings
from voicemedia_server.config.lifetime import LifetimeSettings
from voicemedia_server.config.machine import MachineSettings
from voicemedia_server.config.network import NetworkSettings
from voicemedia_server.config.transports import TransportSettings
from voicemedia_server.config.values import Form


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Settings(
    MachineSettings,
    AccessSettings,
    TransportSettings,
    FleetSettings,
    LifetimeSettings,
    NetworkSettings,
):
    """Every setting, its default, and what it means. Made by `sources.load`."""

    # A dataclass has the fields of its last parent first: read the topics from below.

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        found = tuple(contradictions(self))
        if found:
            raise PydanticCustomError("contradictions", "settings contradict", {"found": found})
        return self


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Settings that cannot be together: the one to change, and a sentence about it."""
    yield from network.contradictions(settings)
    if settings.peer_url is not None and settings.fleet_secret_file is None:
        yield "peer_url", "is read by no other server without fleet_secret_file"
    is_shared = settings.public_url is not None and settings.registry_url is not None
    if is_shared and settings.fleet_secret_file is None:
        yield "public_url", "brings session tokens that this server refuses: set fleet_secret_file"
    yield from access.contradictions(settings)
    yield from lifetime.contradictions(settings)


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
