"""The operator's settings: variables of its environment into one frozen dataclass, read once.

What Kubernetes' own tools call differently keeps its name: `KUBECONFIG`, and `POD_NAME` and
`POD_NAMESPACE`, which a Deployment fills in from the pod itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

PREFIX = "VOICEMEDIA_OPERATOR_"
NAMESPACE = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
LEVELS = ("debug", "info", "warning", "error")


class SettingWrong(ValueError):
    """A variable cannot be used; the message names it and says what it must be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Each member is the variable `VOICEMEDIA_OPERATOR_<MEMBER>`, but for the last three."""

    namespaces: tuple[str, ...] = ()
    """Namespaces whose resources are looked after, with commas between. Empty: all."""
    http: str = ":8080"
    """host:port where /livez, /readyz and /metrics are answered. Without a host: everywhere."""
    lease: str = "voicemedia-operator"
    """Name of the Lease by which one of several operators acts, in the operator's namespace."""
    poll_s: float = 1.0
    """Seconds between two looks at the pods of a resource."""
    resync_s: float = 30.0
    """Seconds after which a resource is looked at though nothing happened."""
    api_deadline_s: float = 10.0
    """Seconds that the API server has to answer."""
    pod_deadline_s: float = 1.0
    """Seconds that a media pod has to answer."""
    stuck_s: float = 180.0
    """Seconds after which a resource that was not looked at makes /livez fail."""
    watch_nodes: bool = True
    """Whether nodes are watched, so that pods of vanished ones are replaced: true or false."""
    log_level: str = "info"
    """Least level that is logged: debug, info, warning or error."""
    kubeconfig: str | None = None
    identity: str = "operator"
    namespace: str = "default"


FOREIGN = ("kubeconfig", "identity", "namespace")
DEFAULTS = {each.name: each.default for each in fields(Settings) if each.name not in FOREIGN}
"""Of the settings with a variable of ours."""


def read_settings(environment: Mapping[str, str], host_name: str) -> Settings:
    """`host_name` stands for this replica where the pod's name is not told. Raises
    `SettingWrong`, also for variables of ours that are none."""
    known = {PREFIX + name.upper(): name for name in DEFAULTS}
    told: dict[str, object] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in known:
            raise SettingWrong(f"{variable} is no setting; there are {', '.join(sorted(known))}")
        name = known[variable]
        told[name] = _read(variable, text, DEFAULTS[name])
    _check(told)
    return Settings(
        **told,  # type: ignore[arg-type]  # each was read as its default's type
        kubeconfig=environment.get("KUBECONFIG") or None,
        identity=environment.get("POD_NAME") or host_name,
        namespace=environment.get("POD_NAMESPACE") or "default",
    )


def listen_address(settings: Settings) -> tuple[str | None, int]:
    """Host and port of `http`, without the brackets of IPv6; `None` for all addresses."""
    host, _, port = settings.http.rpartition(":")
    return host.strip("[]") or None, int(port)


def _read(variable: str, text: str, default: object) -> object:
    """As the type of its default."""
    text = text.strip()
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise SettingWrong(f"{variable} must be true or false")
        return text == "true"
    if isinstance(default, float):
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0.05 <= number <= 86400:
            raise SettingWrong(f"{variable} must be a number of seconds, 0.05 to 86400")
        return number
    if isinstance(default, tuple):
        names = tuple(name.strip() for name in text.split(",") if name.strip())
        for name in names:
            if not NAMESPACE.match(name):
                raise SettingWrong(f"{variable}: {name} is no name of a namespace")
        return names
    return text


def _check(told: Mapping[str, object]) -> None:
    if not re.match(r"^.*:\d{1,5}$", str(told.get("http", ":0"))):
        raise SettingWrong(f"{PREFIX}HTTP must be host:port, or :port for all addresses")
    if told.get("log_level", "info") not in LEVELS:
        raise SettingWrong(f"{PREFIX}LOG_LEVEL must be one of {', '.join(LEVELS)}")
