"""Where settings come from: flags beat the environment, which beats the file, which beats defaults.

Whatever cannot be is told in one message: the name, where it came from, and what would be right.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from voicemedia_server.config.fields import Group
from voicemedia_server.config.settings import VARIABLE_PREFIX, Option, Settings, options

PROGRAM = "voicemedia-server"
CONFIG_VARIABLE = VARIABLE_PREFIX + "CONFIG"
SHOWN_CHARS = 60
FAULTS = {
    "float_parsing": "is no number",
    "int_parsing": "is no whole number",
    "int_from_float": "is no whole number",
    "finite_number": "is no number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "literal_error": "is not known",
    "bool_parsing": "is neither true nor false",
    "bool_type": "is neither true nor false",
}
"""What pydantic calls a fault, in our words."""
BY_NAME = {option.name: option for option in options()}
_ADAPTER = TypeAdapter(Settings)

OF_KUBERNETES = re.compile(
    r"VOICEMEDIA_([A-Z0-9_]+_)?"
    r"(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)\Z"
)
"""Variables that Kubernetes sets in every pod for a Service called voicemedia or voicemedia-…"""


class ConfigError(Exception):
    """Settings that cannot be: the message names each, where it came from, and the mend."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value and where it was written."""

    value: object
    origin: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings, where each that is no default came from, and whether only to print them."""

    settings: Settings
    origins: Mapping[str, str]
    is_print_only: bool = False

    def error(self, name: str, sentence: str) -> ConfigError:
        """A setting that turned out to be wrong later, such as a file without content."""
        return ConfigError(_problem(name, self.origins.get(name), sentence))

    def read_text(self, name: str) -> str:
        """The content of the file that a setting names. Raises `ConfigError`."""
        path: Path = getattr(self.settings, name)
        try:
            return path.read_text()
        except OSError as failure:
            raise self.error(name, f"{path} cannot be read: {failure.strerror}.") from None
        except UnicodeDecodeError:
            raise self.error(name, f"{path} is not UTF-8 text.") from None


def load(arguments: Sequence[str], environment: Mapping[str, str]) -> Configuration:
    """The settings of this process. Raises `ConfigError`; ends on `--help` and `--version`."""
    flags, config_file, is_print_only = _from_flags(arguments)
    path = config_file if config_file is not None else environment.get(CONFIG_VARIABLE)
    from_file = _from_file(Path(path)) if path else {}
    given = {**from_file, **_from_environment(environment), **flags}
    try:
        settings = _ADAPTER.validate_python({name: found.value for name, found in given.items()})
    except ValidationError as failure:
        raise ConfigError(_sentences(failure, given)) from None
    origins = {name: found.origin for name, found in given.items()}
    return Configuration(settings, origins, is_print_only)


# -- flags ----------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {PROGRAM} --help")


def make_parser() -> argparse.ArgumentParser:
    """The command line, made from the settings."""
    parser = _Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [--config FILE] [--SETTING VALUE …]",
        description="A voice media server: answers WHIP (RFC 9725) and echoes or routes audio.",
        epilog=f"Each setting is also a variable ({VARIABLE_PREFIX}HTTP) and a line of the file "
        "(http: 127.0.0.1:8080). A flag beats a variable, which beats the file. Lists have commas "
        "between, or the flag again. docs/configuration.md has all of it on one page.",
        allow_abbrev=False,
        add_help=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30, width=100),
    )
    general = parser.add_argument_group("General")
    general.add_argument("-h", "--help", action="help", help="show this and leave")
    general.add_argument(
        "--version",
        action="version",
        version=version("voicemedia"),
        help="show the version and leave",
    )
    general.add_argument(
        "--config", metavar="FILE", help=f"a YAML file with settings (or {CONFIG_VARIABLE})"
    )
    general.add_argument(
        "--print-config",
        action="store_true",
        help="show the settings in effect as YAML, secrets masked, and leave",
    )
    for group in Group:
        section = parser.add_argument_group(group.value)
        for option in options():
            if option.group is group and not option.is_secret:
                _add_flag(section, option)
    return parser


def _add_flag(section: argparse._ArgumentGroup, option: Option) -> None:
    default = written(option.default)
    shown = f" (default: {default})" if default else ""
    text = f"{option.description} [{option.form}]{shown}".replace("%", "%%")
    name = option.name
    if option.is_switch:
        section.add_argument(
            option.flag, dest=name, metavar="BOOL", nargs="?", const="true", help=text
        )
    elif option.is_list:
        section.add_argument(option.flag, dest=name, metavar="LIST", action="append", help=text)
    else:
        section.add_argument(option.flag, dest=name, metavar="VALUE", help=text)


def _from_flags(arguments: Sequence[str]) -> tuple[dict[str, Given], str | None, bool]:
    parsed, unknown = make_parser().parse_known_args(arguments)
    if unknown:
        raise ConfigError(_unknown_flag(unknown[0]))
    flags = vars(parsed)
    config_file, is_print_only = flags.pop("config"), flags.pop("print_config")
    given = {
        name: Given(",".join(value) if isinstance(value, list) else value, BY_NAME[name].flag)
        for name, value in flags.items()
        if value is not None
    }
    return given, config_file, is_print_only


def _unknown_flag(argument: str) -> str:
    spelling = argument.partition("=")[0]
    option = BY_NAME.get(spelling.removeprefix("--").replace("-", "_"))
    if option is not None and option.is_secret:
        return (
            f"{option.name} has no flag, since everybody on a machine can read command lines; "
            f"set {option.variable} or write it into the file of --config"
        )
    if not spelling.startswith("-"):
        return f"the argument {_shown(argument)} belongs to no flag; see {PROGRAM} --help"
    known = {option.name: option.flag for option in options() if not option.is_secret}
    return f"{spelling} is no flag of {PROGRAM}; {_guess(spelling, known)}"


# -- environment and file -------------------------------------------------------------------


def _from_environment(environment: Mapping[str, str]) -> dict[str, Given]:
    known = {option.variable: option for option in options()}
    found: dict[str, Given] = {}
    for variable, value in environment.items():
        if not variable.startswith(VARIABLE_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        if variable in known:
            found[known[variable].name] = Given(value, variable)
        elif not OF_KUBERNETES.match(variable):
            guess = _guess(variable, {option.name: option.variable for option in options()})
            raise ConfigError(f"{variable} (from the environment) is no setting; {guess}")
    return found


def _from_file(path: Path) -> dict[str, Given]:
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.SafeLoader(text).get_single_node()
    except OSError as failure:
        raise ConfigError(f"--config: {path} cannot be read: {failure.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"--config: {path} is not UTF-8 text") from None
    except yaml.YAMLError as failure:
        raise ConfigError(_not_yaml(path, failure)) from None
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"--config: {path} must hold lines such as max_sessions: 100")
    return _from_mapping(path, node)


def _from_mapping(path: Path, node: yaml.MappingNode) -> dict[str, Given]:
    constructor = yaml.SafeLoader("")
    found: dict[str, Given] = {}
    for key, value in node.value:
        name, origin = str(key.value), f"{path} line {key.start_mark.line + 1}"
        if name not in BY_NAME:
            raise ConfigError(
                f"{name} ({origin}) is no setting; {_guess(name, {name: name for name in BY_NAME})}"
            )
        if name in found:
            raise ConfigError(f"{name} ({origin}) is there twice; see {found[name].origin}")
        try:
            found[name] = Given(constructor.construct_object(value, deep=True), origin)
        except (yaml.YAMLError, ValueError):
            raise ConfigError(_problem(name, origin, "has a value that YAML cannot read")) from None
    return found


def _not_yaml(path: Path, failure: yaml.YAMLError) -> str:
    mark = getattr(failure, "problem_mark", None)
    place = f"{path} line {mark.line + 1}" if mark is not None else str(path)
    return f'--config: {place} is not YAML; a value such as "[::]:3478" needs its quotes'


# -- messages -------------------------------------------------------------------------------


def written(value: object) -> str:
    """A value as a flag or variable has it."""
    if isinstance(value, tuple):
        return ",".join(map(written, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def _sentences(failure: ValidationError, given: Mapping[str, Given]) -> str:
    """One line for each setting that is wrong."""
    problems: dict[str, str] = {}
    for error in failure.errors():
        if error["type"] == "contradictions":
            for name, sentence in error["ctx"]["found"]:
                found = given.get(name)
                problems.setdefault(name, _problem(name, found.origin if found else None, sentence))
            continue
        name = str(error["loc"][0])
        found = given[name]
        problems.setdefault(name, _problem(name, found.origin, _fault(BY_NAME[name], error)))
    lines = list(problems.values())
    return (
        lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} settings are wrong", *lines])
    )


def _problem(name: str, origin: str | None, sentence: str) -> str:
    return f"{name} ({f'from {origin}' if origin else 'its default'}): {sentence}"


def _fault(option: Option, error: ErrorDetails) -> str:
    """What is wrong with a value, and what would be right; never repeats a secret."""
    value: Any = error["input"]
    shown = "the value" if option.is_secret else _shown(value)
    if error["type"] == "value_error":
        fault = str(error["ctx"]["error"])
    elif value in ("", None):
        fault = "is empty"
    else:
        fault = FAULTS.get(error["type"], "is not right")
    example = f", such as {option.example}" if option.example else ""
    return f"{shown} {fault}; write {option.form}{example}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


def _guess(name: str, known: Mapping[str, str]) -> str:
    """What was probably meant; `known` maps names to their spelling there."""
    bare = name.removeprefix(VARIABLE_PREFIX).strip("-").replace("-", "_").lower()
    close = difflib.get_close_matches(bare, known, n=1, cutoff=0.7)
    if not close:
        return f"{PROGRAM} --help lists them all"
    return f"did you mean {known[close[0]]}?"
