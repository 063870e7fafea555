"""Section 4.2: OPTIONS, for browsers (Fetch) and for discovery."""

from __future__ import annotations

from whip_conformance.offers import new_credentials
from whip_conformance.reply import Reply
from whip_conformance.requirement import Level, requirement
from whip_conformance.target import SDP, Target
from whip_conformance.verdict import require

SECTION = "4.2"
ORIGIN = "https://pages.example.org"
METHODS = ("POST", "PATCH", "DELETE", "OPTIONS", "GET", "HEAD")
NEEDED_EXPOSED = {"location", "etag", "link"}
EXPOSED = NEEDED_EXPOSED | {"accept-patch", "retry-after", "www-authenticate"}


async def preflight(target: Target, url: str, method: str, headers: str) -> Reply:
    """A CORS preflight as a browser sends it: with no credentials."""
    return await target.request(
        "OPTIONS",
        url,
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        },
        is_anonymous=True,
    )


def _expect_origin(reply: Reply) -> None:
    origin = reply.header("Access-Control-Allow-Origin")
    require(
        origin in ("*", ORIGIN),
        f"Access-Control-Allow-Origin of the {reply.status} to {reply.what} is {origin}",
    )


def _expect_preflight(reply: Reply, method: str, headers: str) -> None:
    require(reply.is_success, f"the preflight for {method} gave {reply.status}, not 2xx")
    _expect_origin(reply)
    methods = reply.members("Access-Control-Allow-Methods")
    is_allowed = method.lower() in methods or "*" in methods or method in ("GET", "HEAD", "POST")
    require(is_allowed, f"Access-Control-Allow-Methods lacks {method}")
    allowed = reply.members("Access-Control-Allow-Headers")
    for name in headers.lower().split(","):
        # The wildcard does not cover Authorization (Fetch, section 3.3.5).
        is_covered = name in allowed or ("*" in allowed and name != "authorization")
        require(is_covered, f"Access-Control-Allow-Headers lacks {name}")


@requirement(
    "W20",
    level=Level.MUST,
    section=SECTION,
    text="OPTIONS serves CORS (Fetch): a page may POST, PATCH and DELETE.",
)
async def preflights_are_answered(target: Target) -> str:
    session = await target.open()
    for url, method, headers in (
        (target.url, "POST", "authorization,content-type"),
        (session.url, "PATCH", "authorization,content-type,if-match"),
        (session.url, "DELETE", "authorization"),
    ):
        _expect_preflight(await preflight(target, url, method, headers), method, headers)
    return "POST, PATCH and DELETE with their headers"


@requirement(
    "W20-all",
    level=Level.PROFILE,
    section=SECTION,
    text="A preflight names all six methods and three headers, and varies by Origin.",
)
async def preflight_names_everything(target: Target) -> str:
    session = await target.open()
    for url, method in ((target.url, "POST"), (session.url, "PATCH")):
        reply = await preflight(target, url, method, "content-type")
        methods = reply.members("Access-Control-Allow-Methods")
        lacking = sorted({m.lower() for m in METHODS} - methods)
        require(not lacking, f"Access-Control-Allow-Methods lacks {', '.join(lacking).upper()}")
        headers = reply.members("Access-Control-Allow-Headers")
        lacking = sorted({"authorization", "content-type", "if-match"} - headers)
        require(not lacking, f"Access-Control-Allow-Headers lacks {', '.join(lacking)}")
        if reply.header("Access-Control-Allow-Origin") != "*":
            require("origin" in reply.members("Vary"), "Vary lacks Origin")
    return "all of them"


@requirement(
    "W21",
    level=Level.SHOULD,
    section=SECTION,
    text="The 200 to any OPTIONS has Accept-Post: application/sdp.",
)
async def options_has_accept_post(target: Target) -> str:
    plain = await target.request("OPTIONS")
    crossed = await target.request("OPTIONS", headers={"Origin": ORIGIN})
    asked = await preflight(target, target.url, "POST", "content-type")
    for reply in (plain, crossed, asked):
        require(reply.is_success, f"OPTIONS gave {reply.status}, not 2xx")
        require(SDP in reply.members("Accept-Post"), "an OPTIONS lacks Accept-Post")
    return "with and without Origin"


@requirement("W21-200", level=Level.PROFILE, section=SECTION, text="OPTIONS: exactly 200.")
async def options_is_200(target: Target) -> str:
    session = await target.open()
    (await target.request("OPTIONS")).expect(200)
    (await preflight(target, target.url, "POST", "content-type")).expect(200)
    (await preflight(target, session.url, "PATCH", "content-type")).expect(200)
    return "200"


async def _readable_by_pages(target: Target) -> list[Reply]:
    crossed = {"Origin": ORIGIN}
    session = await target.open()
    created = await target.post(session.offer, headers=crossed)
    fragment = session.fragment(session.offered_credentials())
    restart = session.fragment(new_credentials())
    mime = {"Content-Type": "text/plain", **crossed}
    return [
        created.expect(201),
        await session.request("GET", headers=crossed),
        await target.request("GET", headers=crossed),
        await target.post(session.offer, headers=mime),
        await target.post(b"no SDP", headers=crossed),
        await target.request("PUT", headers=crossed),
        await target.request("GET", session.url + "xxxx", headers=crossed),
        await session.patch(fragment.text, if_match=session.entity_tag, headers=crossed),
        await session.patch(fragment.text, if_match=None, headers=crossed),
        await session.patch(fragment.text, if_match='"never-heard-of"', headers=crossed),
        await session.patch("no fragment", if_match=session.entity_tag, headers=crossed),
        await session.patch(restart.text, if_match="*", headers=crossed),
        await session.delete(headers=crossed),
        await session.delete(headers=crossed),
    ]


async def _expect_exposed(target: Target, names: set[str]) -> str:
    replies = await _readable_by_pages(target)
    for reply in replies:
        _expect_origin(reply)
        exposed = reply.members("Access-Control-Expose-Headers")
        lacking = sorted(names - exposed) if "*" not in exposed else []
        require(
            not lacking,
            f"the {reply.status} to {reply.what} does not expose {', '.join(lacking)}",
        )
    return f"on {len(replies)} replies, errors too"


@requirement(
    "W22",
    level=Level.DERIVED,
    section=SECTION,
    text="A page can read Location, ETag and Link of every reply (Fetch).",
)
async def pages_can_read_replies(target: Target) -> str:
    return await _expect_exposed(target, NEEDED_EXPOSED)


@requirement(
    "W22-all",
    level=Level.PROFILE,
    section=SECTION,
    text="Accept-Patch, Retry-After and WWW-Authenticate are exposed too.",
)
async def pages_can_read_everything(target: Target) -> str:
    return await _expect_exposed(target, EXPOSED)
