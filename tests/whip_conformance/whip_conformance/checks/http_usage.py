"""Section 4.1: the endpoint and the session as plain HTTP resources."""

from __future__ import annotations

from urllib.parse import urljoin

from whip_conformance.offers import baseline
from whip_conformance.reply import Reply
from whip_conformance.requirement import Level, requirement
from whip_conformance.syntax.fragment import MEDIA_TYPE
from whip_conformance.target import SDP, Target
from whip_conformance.verdict import Failed, NotApplicable, require

SECTION = "4.1"
PROBLEM_MEMBERS = {"type": str, "title": str, "status": int, "detail": str, "instance": str}


@requirement(
    "W1", level=Level.MUST, section=SECTION, text="GET on the endpoint: 2xx without content."
)
async def get_on_endpoint(target: Target) -> str:
    reply = await target.request("GET")
    require(reply.is_success, f"GET on the endpoint gave {reply.status}, not 2xx")
    reply.expect_empty()
    return f"{reply.status}, empty"


@requirement("W1-204", level=Level.PROFILE, section=SECTION, text="GET on the endpoint: 204.")
async def get_on_endpoint_is_204(target: Target) -> str:
    (await target.request("GET")).expect(204).expect_empty()
    return "204, empty"


@requirement(
    "W2", level=Level.MUST, section=SECTION, text="GET on a session URL: 2xx without content."
)
async def get_on_session(target: Target) -> str:
    session = await target.open()
    reply = await session.request("GET")
    require(reply.is_success, f"GET on the session URL gave {reply.status}, not 2xx")
    reply.expect_empty()
    return f"{reply.status}, empty"


@requirement("W2-204", level=Level.PROFILE, section=SECTION, text="GET on a session URL: 204.")
async def get_on_session_is_204(target: Target) -> str:
    session = await target.open()
    (await session.request("GET")).expect(204).expect_empty()
    return "204, empty"


def unknown_session_url(session_url: str) -> str:
    """A URL as the server makes them, of a session that never was."""
    last = session_url.rstrip("/").rpartition("/")[2].partition("?")[0]
    half = len(last) // 2
    return urljoin(session_url, last[:half] + last[half:][::-1] + last[:half][::-1] + "A1b2")


@requirement(
    "W2-unknown", level=Level.PROFILE, section=SECTION, text="GET on an unknown session URL: 404."
)
async def get_on_unknown_session(target: Target) -> str:
    session = await target.open()
    (await target.request("GET", unknown_session_url(session.url))).expect(404)
    return "404"


@requirement(
    "W3", level=Level.DERIVED, section=SECTION, text="HEAD is like GET (RFC 9110 section 9.3.2)."
)
async def head_is_like_get(target: Target) -> str:
    session = await target.open()
    for url in (target.url, session.url):
        got = await target.request("GET", url)
        head = await target.request("HEAD", url)
        require(head.status == got.status, f"HEAD gave {head.status}, GET {got.status}")
        head.expect_empty()
    return "the same status, no content"


async def refusals(target: Target) -> list[Reply]:
    """One refusal of every kind that can be provoked without harm."""
    session = await target.open()
    fragment = session.fragment(session.offered_credentials())
    return [
        await target.post(baseline(), headers={"Content-Type": "text/plain"}),
        await target.post(b"this is no SDP"),
        await target.request("PUT", body=b"", headers={"Content-Type": SDP}),
        await target.request("GET", unknown_session_url(session.url)),
        await session.patch("this is no fragment", if_match=session.entity_tag),
        await session.patch(fragment.text, if_match=None),
        await session.patch(fragment.text, if_match='"never-heard-of"'),
        await session.patch("{}", if_match=session.entity_tag, content_type="application/json"),
    ]


@requirement(
    "W4", level=Level.MAY, section=SECTION, text="Errors may carry problem details (RFC 9457)."
)
async def problem_details(target: Target) -> str:
    found = 0
    for reply in await refusals(target):
        problem = reply.problem()
        if problem is None:
            continue
        found += 1
        for name, kind in PROBLEM_MEMBERS.items():
            if name in problem and not isinstance(problem[name], kind):
                raise Failed(f"{reply.what}: the problem's {name} is no {kind.__name__}")
        if "status" in problem and problem["status"] != reply.status:
            raise Failed(f"{reply.what}: the problem says {problem['status']}, not {reply.status}")
    if not found:
        raise NotApplicable("no refusal carries problem details")
    return f"{found} refusals carry right ones"


@requirement(
    "W4-members",
    level=Level.PROFILE,
    section=SECTION,
    text="Every refusal is a problem with type, title, status, detail and instance.",
)
async def problem_members(target: Target) -> str:
    for reply in await refusals(target):
        if reply.is_success:
            raise Failed(f"{reply.what} was not refused ({reply.status})")
        problem = reply.problem()
        if problem is None:
            raise Failed(f"the {reply.status} to {reply.what} is {reply.media_type}, no problem")
        missing = sorted(set(PROBLEM_MEMBERS) - set(problem))
        require(not missing, f"the {reply.status} to {reply.what} lacks {', '.join(missing)}")
    return "all of them on every refusal"


@requirement(
    "W6",
    level=Level.DERIVED,
    section=SECTION,
    text="A method that a resource does not have: 405 with Allow (RFC 9110 section 15.5.6).",
)
async def wrong_method(target: Target) -> str:
    session = await target.open()
    wrong = [
        (target.url, ("PUT", "PATCH", "DELETE"), {"post", "options"}),
        (session.url, ("PUT", "POST"), {"delete", "options"}),
    ]
    for url, methods, present in wrong:
        for method in methods:
            kind = MEDIA_TYPE if method == "PATCH" else SDP
            reply = await target.request(
                method, url, body=baseline().text, headers={"Content-Type": kind, "If-Match": "*"}
            )
            reply.expect(405)
            allowed = reply.members("Allow")
            require(bool(reply.values("Allow")), f"{reply.what}: the 405 has no Allow")
            require(method.lower() not in allowed, f"Allow lists {method}, which got the 405")
            lacking = sorted(present - allowed)
            require(not lacking, f"{reply.what}: Allow lacks {', '.join(lacking).upper()}")
    require(not await session.is_gone(), "a wrong method ended the session")
    return "405 with Allow on five of them"
