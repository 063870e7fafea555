"""Section 4.6: STUN and TURN servers in `Link` fields."""

from __future__ import annotations

from whip_conformance.checks.cors import preflight
from whip_conformance.reply import Reply
from whip_conformance.requirement import Level, requirement
from whip_conformance.syntax.links import Link, ice_server_flaw
from whip_conformance.target import Target
from whip_conformance.verdict import NotApplicable, require

SECTION = "4.6"
RELATION = "ice-server"


def ice_servers(reply: Reply) -> list[Link]:
    """The links of this relation. Raises `Failed` where a `Link` field cannot be read."""
    return [link for link in reply.expect_links() if RELATION in link.relations]


def _expect_right(links: list[Link]) -> str:
    for link in links:
        flaw = ice_server_flaw(link)
        require(flaw is None, f"a link of relation ice-server is wrong: {flaw}")
    kinds = [link.target.partition(":")[0] for link in links]
    return f"{len(links)} servers: {', '.join(kinds)}"


@requirement(
    "W71",
    level=Level.MAY,
    section=SECTION,
    text="ICE servers in the 201's Link fields follow RFC 8288, 7064 and 7065.",
)
async def servers_of_the_answer(target: Target) -> str:
    links = ice_servers((await target.open()).created)
    if not links:
        raise NotApplicable("the 201 names no ICE server")
    return _expect_right(links)


@requirement(
    "W71-credentials",
    level=Level.PROFILE,
    section=SECTION,
    text="TURN credentials differ between sessions: they are made for each.",
)
async def credentials_are_short_lived(target: Target) -> str:
    def turn_users(links: list[Link]) -> set[tuple[str | None, str | None]]:
        turns = (link for link in links if link.target.lower().startswith("turn"))
        return {(link.value("username"), link.value("credential")) for link in turns}

    first = turn_users(ice_servers((await target.open()).created))
    second = turn_users(ice_servers((await target.open()).created))
    if not first:
        raise NotApplicable("the 201 names no TURN server")
    require(not first & second, "two sessions got the same TURN credentials")
    return "each session has its own"


@requirement(
    "W72",
    level=Level.MAY,
    section=SECTION,
    text="ICE servers on an OPTIONS that is no preflight follow the same rules.",
)
async def servers_of_options(target: Target) -> str:
    links = ice_servers(await target.request("OPTIONS"))
    if not links:
        raise NotApplicable("OPTIONS names no ICE server")
    return _expect_right(links)


@requirement(
    "W73",
    level=Level.SHOULD_NOT,
    section=SECTION,
    text="A CORS preflight carries no ICE servers.",
)
async def no_servers_on_preflight(target: Target) -> str:
    reply = await preflight(target, target.url, "POST", "content-type")
    require(not ice_servers(reply), "the preflight names ICE servers")
    require("credential" not in " ".join(reply.values("Link")), "the preflight has credentials")
    return "none"
