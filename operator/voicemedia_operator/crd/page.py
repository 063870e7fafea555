"""docs/resource.md: every member of the resource, with its form, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voicemedia_operator.crd.definition import COLUMNS, SUMMARY, whole_schema
from voicemedia_operator.spec.voice_media_server import API_VERSION, KIND, SHORT_NAME

INTRODUCTION = f"""\
# The resource {KIND}

*Made from the models by `python -m voicemedia_operator.crd`; a test compares.*

`{API_VERSION}`, short name `{SHORT_NAME}`. {SUMMARY}

```yaml
apiVersion: {API_VERSION}
kind: {KIND}
metadata:
  name: voice
spec:
  image: voicemedia-media:0.1.0
```

More are in [examples](../examples/minimal.yaml). `kubectl explain {SHORT_NAME}.spec.media.exposure`
tells the same as this page. [Decision 10](decisions/0010-the-resource.md) says why it is so.

Names end in their unit. What is not said has its default, which the API server writes into the
resource. A member that is not known is refused or pruned, as `kubectl --validate` has it. A rule
that is broken is refused with the sentence that stands here.
"""


def render_page() -> str:
    """docs/resource.md."""
    schema = whole_schema()
    parts = [INTRODUCTION, "## metadata\n", *_rules(schema)]
    for name in ("spec", "status"):
        parts += _sections(name, schema["properties"][name])
    columns = [f"| {c[0]} | {c[3]}{' With `-o wide`.' if c[4] else ''} |" for c in COLUMNS]
    parts += [
        "## Columns of kubectl get\n",
        "\n".join(["| column | what |", "|---|---|", *columns]),
    ]
    return "\n".join(parts) + "\n"


def _sections(path: str, schema: dict[str, Any]) -> Iterator[str]:
    """One section for each object with members, outer ones first."""
    yield f"## {path}\n"
    yield schema["description"] + "\n"
    required = schema.get("required", ())
    rows = [_row(name, m, name in required) for name, m in schema["properties"].items()]
    yield "\n".join(["| member | takes | default | what it is |", "|---|---|---|---|", *rows, ""])
    yield from _rules(schema)
    for name, member in schema["properties"].items():
        if "properties" in member:
            yield from _sections(f"{path}.{name}", member)
        elif "properties" in member.get("items", {}):
            yield from _sections(f"{path}.{name}[]", member["items"])


def _rules(schema: dict[str, Any]) -> Iterator[str]:
    rules = schema.get("x-kubernetes-validations", ())
    if rules:
        yield "\n".join(["Rules:", *(f"- {_cell(each['message'])}." for each in rules), ""])


def _row(name: str, member: dict[str, Any], is_required: bool) -> str:
    default = "needed" if is_required else "–"
    if "default" in member and "properties" not in member:
        default = _written(member["default"])
    return f"| `{name}` | {_form(member)} | {default} | {_cell(member['description'])} |"


def _written(default: Any) -> str:
    match default:
        case "" | [] | {}:
            return "–"
        case bool():
            return f"`{str(default).lower()}`"
        case list() if isinstance(default[0], dict):
            return "see there"
        case list():
            return ", ".join(f"`{each}`" for each in default)
        case dict():
            return ", ".join(f"`{name}: {value}`" for name, value in default.items())
        case _:
            return f"`{default}`"


def _form(member: dict[str, Any]) -> str:
    """What may be written, in a few words."""
    if "enum" in member:
        return ", ".join(f"`{each}`" for each in member["enum"])
    match member["type"]:
        case "array":
            return f"list of {_form(member['items'])}, at most {member['maxItems']}"
        case "object" if "additionalProperties" in member:
            return f"map to {_form(member['additionalProperties'])}"
        case "object" if "properties" in member:
            return "object"
        case "object":
            return "object, as in a pod"
        case "boolean":
            return "true or false"
        case "string":
            return "time" if member.get("format") == "date-time" else "text"
        case kind:
            ends = [f"{member[end]:,.0f}" for end in ("minimum", "maximum") if end in member]
            name = "whole number" if kind == "integer" else kind
            if len(ends) == 2:
                return f"{name} from {ends[0]} to {ends[1]}"
            return f"{name} from {ends[0]}" if ends else name


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace(" *", " \\*")
