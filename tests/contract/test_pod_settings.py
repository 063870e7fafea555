"""The operator writes the media server's settings; the media server reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fleets.resources import resource
from voicemedia_operator.reconcile.objects.pod import Place, pod_manifest
from voicemedia_server.config.settings import Settings
from voicemedia_server.config.sources import load

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
FIELDS = {"POD_NAME": "voice-ab12c-00000", "POD_IP": "10.0.0.7", "HOST_IP": "192.0.2.7"}
SECRET_URL = "redis://redis:6379/0"


def read_by_server(place: Place | None = None, **members: Any) -> Settings:
    """The settings that a server finds in a pod, with variables as a kubelet fills them in."""
    given = resource(**members)
    assert given.spec is not None
    manifest: Any = pod_manifest(given, given.spec, place or Place(1))
    (container,) = manifest["spec"]["containers"]
    environment: dict[str, str] = {}
    for each in container["env"]:
        text = FIELDS.get(each["name"], each.get("value", SECRET_URL))
        for name in FIELDS:
            text = text.replace(f"$({name})", FIELDS[name])
        environment[each["name"]] = text
    return load([], environment).settings


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_gives_pods_that_the_server_starts_with(path: Path) -> None:
    members = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]

    assert read_by_server(**members).instance_id == FIELDS["POD_NAME"]


def test_the_server_knows_its_fleet_as_the_operator_does() -> None:
    settings = read_by_server(registry={"urlSecretRef": {"name": "redis", "key": "url"}})

    assert settings.fleet == "calls.voice"
    assert str(settings.peer_url) == "http://10.0.0.7:8080"
    assert settings.registry_url == SECRET_URL
    assert settings.guard is False


def test_the_server_drains_as_the_resource_says() -> None:
    settings = read_by_server(drain={"timeoutSeconds": 600, "noticeSeconds": 20})

    assert (settings.drain_limit_s, settings.drain_notice_s) == (600, 20)


@pytest.mark.parametrize(
    "signaling",
    [
        {"auth": {"mode": "None"}},
        {"auth": {"mode": "JWT", "jwt": {"jwksUrl": "https://login.example.org/keys"}}},
        {"auth": {"mode": "JWT", "jwt": {"jwksSecretRef": {"name": "keys", "key": "jwks"}}}},
        {"rateLimit": {"sessionsPerSecond": 0}, "trustedProxies": ["10.0.0.0/8"]},
    ],
)
def test_whoever_may_call_is_understood_by_the_server(signaling: dict[str, Any]) -> None:
    read_by_server(signaling=signaling)


@pytest.mark.parametrize(
    ("exposure", "place"),
    [
        ({}, Place(1)),
        ({"advertisedAddress": "stun"}, Place(1)),
        ({"mode": "HostNetwork"}, Place(1)),
        ({"mode": "NodePort"}, Place(1, port=30007)),
        ({"mode": "NodePort", "advertisedAddress": "2001:db8::7"}, Place(1, port=30007)),
        ({"mode": "LoadBalancer"}, Place(1, address="203.0.113.9")),
        (
            {"mode": "HostPort", "portRange": {"first": 31000, "last": 31007}},
            Place(1, port=31000),
        ),
    ],
)
def test_every_way_of_media_is_understood_by_the_server(
    exposure: dict[str, Any], place: Place
) -> None:
    settings = read_by_server(place, media={"exposure": exposure})

    assert len(settings.advertise) == 1
