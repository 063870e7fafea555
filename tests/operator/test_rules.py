"""Every rule of the resource, in CEL and in Python: both give the same answer.

The CEL here is judged by a library and not by an API server; functions that Kubernetes adds to the
language are written out below. refused.yaml is a file of its own, so that an API server can be
given the same bad examples.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import celpy
import jsonschema
import pytest
import yaml
from celpy import Runner
from celpy.adapter import json_to_cel
from celpy.evaluation import CELFunction
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from voicemedia_operator.crd.schema import structural
from voicemedia_operator.spec.capacity import Scaling, Update
from voicemedia_operator.spec.media import Exposure, Media, PortRange
from voicemedia_operator.spec.parts import RULES_BROKEN, Part
from voicemedia_operator.spec.pod import Registry
from voicemedia_operator.spec.rollout import Analysis, Query, Rollout, Threshold
from voicemedia_operator.spec.signaling import Auth, Jwt, Signaling
from voicemedia_operator.spec.voice_media_server import (
    NAME_RULE,
    Spec,
    SpecMalformed,
    parse_spec,
)

REFUSED: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "refused.yaml").read_text())
OF_ONE_STATE = [example for example in REFUSED if "was" not in example]


@cache
def schema_of(part: type[Part]) -> dict[str, Any]:
    return structural(part, has_defaults=True)


SCHEMA = schema_of(Spec)


def is_sorted(values: Any) -> celpy.celtypes.BoolType:
    return celpy.celtypes.BoolType(list(values) == sorted(values))


def is_ip(text: Any) -> celpy.celtypes.BoolType:
    try:
        address = ipaddress.ip_address(str(text))
    except ValueError:
        return celpy.celtypes.BoolType(False)
    is_mapped = getattr(address, "ipv4_mapped", None) is not None
    return celpy.celtypes.BoolType("%" not in text and not is_mapped)


def is_cidr(text: Any) -> celpy.celtypes.BoolType:
    address, slash, length = str(text).partition("/")
    is_length = length.isdigit() and str(int(length)) == length
    if not (slash and is_length and is_ip(address)):
        return celpy.celtypes.BoolType(False)
    return celpy.celtypes.BoolType(int(length) <= ipaddress.ip_address(address).max_prefixlen)


def cidr(text: Any) -> celpy.celtypes.StringType:
    return celpy.celtypes.StringType(ipaddress.ip_interface(str(text)).with_prefixlen)


def masked(text: Any) -> celpy.celtypes.StringType:
    return celpy.celtypes.StringType(ipaddress.ip_interface(str(text)).network.with_prefixlen)


FUNCTIONS: dict[str, CELFunction] = {
    "isSorted": is_sorted,
    "isIP": is_ip,
    "isCIDR": is_cidr,
    "cidr": cidr,
    "masked": masked,
}


def environment_alone() -> celpy.Environment:
    """Making one raises the recursion limit of the whole process; it is put back."""
    limit = sys.getrecursionlimit()
    try:
        return celpy.Environment()
    finally:
        sys.setrecursionlimit(limit)


ENVIRONMENT = environment_alone()


@cache
def program(expression: str) -> Runner:
    return ENVIRONMENT.program(ENVIRONMENT.compile(expression), FUNCTIONS)


def holds(expression: str, **variables: Any) -> bool:
    """What CEL answers."""
    converted = {name: json_to_cel(value) for name, value in variables.items()}
    return bool(program(expression).evaluate(converted))


def with_defaults(schema: Mapping[str, Any], value: Any) -> Any:
    """As an API server does it before rules are judged; what is a number is a double then."""
    if isinstance(value, list):
        return [with_defaults(schema.get("items", {}), each) for each in value]
    if schema.get("type") == "number" and isinstance(value, int):
        return float(value)
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    filled = {}
    for name, member in schema["properties"].items():
        found = value.get(name, member.get("default"))
        if found is not None:
            filled[name] = with_defaults(member, found)
    return filled


def broken_in_cel(schema: Mapping[str, Any], value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Member and message of every rule of one state that does not hold."""
    for each in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" not in each["rule"] and not holds(each["rule"], self=value):
            yield where, each["message"]
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from broken_in_cel(schema["items"], entry, f"{where}[{index}]")
    elif isinstance(value, dict):
        for name, member in schema.get("properties", {}).items():
            if name in value:
                yield from broken_in_cel(member, value[name], f"{where}.{name}")


def rules_of(schema: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    yield from schema.get("x-kubernetes-validations", ())
    below = [*schema.get("properties", {}).values()]
    for member in [*below, schema["items"]] if "items" in schema else below:
        yield from rules_of(member)


@pytest.mark.parametrize("message", [each["message"] for each in rules_of(SCHEMA)])
def test_every_rule_has_a_bad_example(message: str) -> None:
    assert any(message.startswith(example["sentence"]) for example in REFUSED)


@pytest.mark.parametrize("example", OF_ONE_STATE, ids=lambda example: example["sentence"])
def test_a_bad_example_is_refused_with_the_member_to_mend(example: dict[str, Any]) -> None:
    with pytest.raises(SpecMalformed) as refusal:
        parse_spec(example["spec"])

    (fault,) = refusal.value.faults
    assert fault.member == example["member"]
    assert fault.sentence.startswith(example["sentence"])


@pytest.mark.parametrize("example", OF_ONE_STATE, ids=lambda example: example["sentence"])
def test_a_bad_example_is_refused_in_cel_for_the_same_reason(example: dict[str, Any]) -> None:
    written = with_defaults(SCHEMA, example["spec"])

    ((member, message),) = broken_in_cel(SCHEMA, written, "spec")

    assert member == example["member"]
    assert message.startswith(example["sentence"])


@pytest.mark.parametrize(
    ("before", "after", "is_taken"),
    [
        ({"replicas": 2}, {"replicas": 3}, True),
        ({"replicas": 2}, {"replicas": 2, "mode": "NodePort"}, False),
        ({"replicas": 2}, {"replicas": 0, "mode": "NodePort"}, True),
        ({"replicas": 0}, {"replicas": 0, "mode": "NodePort"}, True),
        ({"replicas": 0}, {"replicas": 1, "mode": "NodePort"}, False),
        ({"scaling": "Buffer"}, {"replicas": 0, "scaling": "Buffer", "mode": "NodePort"}, False),
    ],
)
def test_the_exposure_mode_changes_only_while_no_pods_are_wanted(
    before: dict[str, Any], after: dict[str, Any], is_taken: bool
) -> None:
    def written(state: dict[str, Any]) -> Any:
        spec = {
            "image": "i",
            "replicas": state.get("replicas", 1),
            "media": {"exposure": {"mode": state.get("mode", "PodIP")}},
            "scaling": {"mode": state.get("scaling", "Fixed")},
        }
        return with_defaults(SCHEMA, spec)

    expression = Spec.mode_is_kept.expression

    assert holds(expression, self=written(after), oldSelf=written(before)) is is_taken


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("voice", True),
        ("v", True),
        ("a" * 40, True),
        ("a" * 41, False),
        ("a.b", False),
        ("1a", False),
        ("a-", False),
    ],
)
def test_a_name_is_the_beginning_of_other_names(name: str, is_taken: bool) -> None:
    assert holds(NAME_RULE.expression, self={"metadata": {"name": name}}) is is_taken


small = st.integers(0, 4)
numbers = st.floats(-4, 4)
refs = st.just({"name": "s", "key": "k"})
ice_urls = st.sampled_from(["stun:a", "stuns:a", "turn:a:1", "turns:a"])
addresses = st.sampled_from(
    ["stun", "a.example", "192.0.2.1", "192.0.2.01", "2001:db8::1", "fe80::1%e", "::ffff:1.2.3.4"]
)
networks = st.sampled_from(
    ["10.0.0.0/8", "10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "2001:db8::/32", "2001:db8::1/32", "n"]
)
measures = st.sampled_from(["lost", "mos"])
queries = st.lists(st.just({"name": "q", "query": "up", "minimum": 1.0}), max_size=1)


def members(needed: dict[str, Any] | None = None, **optional: Any) -> Any:
    return st.fixed_dictionaries(needed or {}, optional=optional)


WRITTEN: dict[type[Part], Any] = {
    PortRange: members({"first": st.integers(1, 4), "last": st.integers(1, 4)}),
    Exposure: members(
        mode=st.sampled_from(["PodIP", "HostPort", "HostNetwork"]),
        portRange=st.just({"first": 1, "last": 2}),
        muxPort=st.sampled_from([3478, 8080, 8081]),
        advertisedAddress=addresses,
    ),
    Media: members(
        iceServers=st.lists(
            members({"urls": st.lists(ice_urls, min_size=1, max_size=2)}), max_size=2
        ),
        turnSecretRef=refs,
    ),
    Jwt: members(jwksUrl=st.just("https://a"), jwksSecretRef=refs),
    Auth: members(
        mode=st.sampled_from(["Token", "JWT", "None"]),
        tokensSecretRef=refs,
        jwt=st.just({"jwksUrl": "https://a"}),
    ),
    Signaling: members(trustedProxies=st.lists(networks, max_size=2)),
    Threshold: members({"measure": measures}, limit=st.floats(0, 4), worseBy=st.floats(0, 4)),
    Query: members(
        {"name": st.just("q"), "query": st.just("up")}, minimum=numbers, maximum=numbers
    ),
    Analysis: members(
        enabled=st.booleans(),
        thresholds=st.lists(st.just({"measure": "lost", "limit": 1.0}), max_size=1),
        queries=queries,
        prometheusUrl=st.just("http://p"),
    ),
    Rollout: members(
        {"weight": small},
        steps=st.lists(st.fixed_dictionaries({"weight": st.integers(1, 5)}), max_size=4),
    ),
    Scaling: members(minReplicas=small, maxReplicas=small),
    Update: members(maxSurge=small, maxUnavailable=small),
    Registry: members(required=st.booleans(), urlSecretRef=refs),
    Spec: members(
        {"image": st.just("i")},
        drain=members(timeoutSeconds=small, noticeSeconds=small),
        pod=members(terminationGracePeriodSeconds=st.integers(1, 9)),
    ),
}
"""What to write of each part that has rules, near their borders."""


def parts_with_rules(part: type[Part] = Part) -> Iterator[type[Part]]:
    for each in part.__subclasses__():
        if each.rules():
            yield each


def test_every_part_with_rules_is_tried() -> None:
    ours = {p for p in parts_with_rules() if p.__module__.startswith("voicemedia_operator.")}

    assert ours == WRITTEN.keys()


@pytest.mark.parametrize("part", WRITTEN, ids=lambda part: part.__name__)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_python_and_cel_give_the_same_answer(part: type[Part], data: st.DataObject) -> None:
    written = data.draw(WRITTEN[part])
    schema = schema_of(part)

    in_cel = {message for _, message in broken_in_cel(schema, with_defaults(schema, written), "")}

    assert broken_in_python(part, written) == in_cel


def broken_in_python(part: type[Part], written: dict[str, Any]) -> set[str]:
    try:
        part.model_validate(written)
    except ValidationError as failure:
        faults = failure.errors()
        assert {fault["type"] for fault in faults} == {RULES_BROKEN}
        return {message for fault in faults for message in fault["ctx"]["messages"]}
    return set()


WHOLE = with_defaults(
    SCHEMA,
    {
        "image": "i",
        "media": {
            "exposure": {
                "mode": "HostPort",
                "portRange": {"first": 1, "last": 9},
                "advertisedAddress": "192.0.2.1",
            },
            "iceServers": [{"urls": ["turn:turn.example.org:3478"]}],
            "turnSecretRef": {"name": "s", "key": "k"},
        },
        "signaling": {
            "auth": {"mode": "JWT", "jwt": {"jwksUrl": "https://a/b", "issuer": "i"}},
            "ingress": {"host": "a.example", "annotations": {"a": "b"}},
            "trustedProxies": ["10.0.0.0/8"],
        },
        "rollout": {
            "weight": 5,
            "overrides": [{"subject": "tenant", "name": "a", "variant": "webrtc"}],
            "steps": [{"weight": 1}, {"weight": 3}],
            "analysis": {
                "prometheusUrl": "http://p",
                "queries": [{"name": "q", "query": "up", "minimum": 0.5, "maximum": 1.5}],
            },
        },
        "registry": {"urlSecretRef": {"name": "s", "key": "k"}},
        "telemetry": {"otlpEndpoint": "http://c:4318", "monitorLabels": {"a": "b"}},
        "pod": {
            "labels": {"a": "b"},
            "tolerations": [{"key": "a", "effect": "NoSchedule"}],
            "affinity": {"any": "thing"},
            "topologySpreadConstraints": [{"maxSkew": 1}],
            "terminationGracePeriodSeconds": 4000,
        },
    },
)
"""A spec in which nearly everything is said."""


def paths_in(value: Any) -> Iterator[tuple[str | int, ...]]:
    """Where everything within a document stands."""
    yield ()
    entries: Any = ()
    if isinstance(value, list):
        entries = enumerate(value)
    elif isinstance(value, dict):
        entries = value.items()
    for key, entry in entries:
        yield from ((key, *path) for path in paths_in(entry))


def put(value: Any, path: tuple[str | int, ...], entry: Any) -> Any:
    """The document with something else at a path."""
    if not path:
        return entry
    copy = value.copy()
    copy[path[0]] = put(value[path[0]], path[1:], entry)
    return copy


entries_to_put = st.one_of(
    st.sampled_from(["", "x", "Fixed", "a b", "-", "a" * 2000, "10.0.0.0/8", "https://a"]),
    st.integers(-2, 9) | st.sampled_from([500, 501, 70_000, 10**10, -(10**13)]),
    st.sampled_from([0.25, -0.5, 1.5, True, [], {}, ["x"] * 1001]),
)


VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def is_taken_by_schema(spec: Any) -> bool:
    return VALIDATOR.is_valid(spec) and not list(
        broken_in_cel(SCHEMA, with_defaults(SCHEMA, spec), "spec")
    )


def is_taken_by_models(spec: Any) -> bool:
    try:
        parse_spec(spec)
    except SpecMalformed:
        return False
    return True


def test_a_spec_in_which_nearly_everything_is_said_is_taken() -> None:
    assert is_taken_by_models(WHOLE)
    assert is_taken_by_schema(WHOLE)


@settings(deadline=None, max_examples=300)
@given(path=st.sampled_from([p for p in paths_in(WHOLE) if p]), entry=entries_to_put)
def test_models_and_schema_take_the_same(path: tuple[str | int, ...], entry: Any) -> None:
    spec = put(WHOLE, path, entry)

    assert is_taken_by_models(spec) is is_taken_by_schema(spec)
