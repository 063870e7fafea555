"""Section 4.9: protocol extensions, advertised and never required."""

from __future__ import annotations

import re

from whip_conformance.checks.ice_servers import RELATION
from whip_conformance.requirement import Level, requirement
from whip_conformance.syntax.links import relation_flaw
from whip_conformance.target import Target
from whip_conformance.verdict import require

SECTION = "4.9"
URN = "urn:ietf:params:whip:"
EXTENSION = re.compile(r"^urn:ietf:params:whip:ext:[A-Za-z0-9\-._~]+(:[A-Za-z0-9\-._~:]+)*$")


@requirement(
    "W80",
    level=Level.MUST,
    section=SECTION,
    text="Extensions are advertised as Links of the 201, each by its URN or an absolute URI.",
)
async def extensions_are_links(target: Target) -> str:
    links = (await target.open()).created.expect_links()
    extensions: list[str] = []
    for link in links:
        require(bool(link.relations), "a Link has no relation type")
        for relation in link.relations:
            flaw = relation_flaw(relation)
            require(flaw is None, str(flaw))
            if relation.lower().startswith(URN):
                well_formed = EXTENSION.match(relation) is not None
                require(well_formed, f"{relation} is no URN of a WHIP extension")
            if relation != RELATION and ":" in relation:
                extensions.append(relation)
    return f"{len(extensions)} advertised" if extensions else "none advertised"


@requirement(
    "W81",
    level=Level.MUST_NOT,
    section=SECTION,
    text="No extension is required: a client that knows none has a whole call.",
)
async def no_extension_is_required(target: Target) -> str:
    call = await target.call()
    finding = await call.expect_media("without any extension")
    reply = await call.session.delete()
    require(reply.is_success, f"DELETE gave {reply.status}")
    return f"POST, media, DELETE; {finding}"
