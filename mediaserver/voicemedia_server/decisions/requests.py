"""The bodies of `POST /v2/session`: read with errors that name the member, and written. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voicemedia_server.edge.ice_servers import IceServer
from voicemedia_server.sessions.refusals import Refusal, RefusalReason

Name = Annotated[str, Field(min_length=1, max_length=128)]


class DecisionRequestMalformed(Refusal):
    """The body is no request for a decision; the detail names the member."""

    status = 400
    reason = RefusalReason.BAD_REQUEST
    title = "The request cannot be read"


class _Part(BaseModel):
    """Unknown members are an error: a misspelt capability must not go unheard."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CapabilitiesPart(_Part):
    """What the client can do."""

    webrtc: bool
    websocket: bool = True


class DecisionRequest(_Part):
    """`client_id` is stable for a device or user: the split is sticky by it. `resume` is the
    session token of a call that goes on."""

    client_id: Name
    tenant: Name | None = None
    capabilities: CapabilitiesPart
    resume: Annotated[str, Field(min_length=1, max_length=4096)] | None = None


def read_request(body: bytes) -> DecisionRequest:
    """Raises `DecisionRequestMalformed`; never repeats what was sent."""
    try:
        return DecisionRequest.model_validate_json(body)
    except ValidationError as failure:
        fault = failure.errors(include_url=False, include_input=False, include_context=False)[0]
        if fault["type"] == "json_invalid":
            raise DecisionRequestMalformed("The body is not JSON.") from None
        member = ".".join(str(part) for part in fault["loc"]) or "the body"
        raise DecisionRequestMalformed(f"{member}: {fault['msg']}.") from None


def describe_ice_servers(servers: Iterable[IceServer]) -> list[dict[str, Any]]:
    """As an `RTCConfiguration` takes them (W3C WebRTC, `RTCIceServer`)."""
    described: list[dict[str, Any]] = []
    for server in servers:
        one: dict[str, Any] = {"urls": [server.url]}
        if server.username is not None:
            one |= {"username": server.username, "credential": server.credential}
        described.append(one)
    return described
