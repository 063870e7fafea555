"""Section 5: HTTPS, rates, guessable URLs, offers that nobody follows up."""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from whip_conformance.checks.http_usage import unknown_session_url
from whip_conformance.checks.patch import STALE_TAG
from whip_conformance.offers import baseline
from whip_conformance.reply import Reply
from whip_conformance.requirement import Level, requirement
from whip_conformance.syntax.fragment import MEDIA_TYPE
from whip_conformance.target import Target
from whip_conformance.verdict import Failed, Inconclusive, NotApplicable, require

SECTION = "5"
SAMPLES = 64
ENOUGH_BITS = 122
FLOOD = 600
ABREAST = 20
ALPHABETS = (2, 4, 8, 10, 16, 32, 64)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@requirement(
    "W82", level=Level.SHALL, section=SECTION, text="HTTPS, but for a server on this machine."
)
async def https_is_used(target: Target) -> str:
    session = await target.open()
    for url in (target.url, session.url):
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or _is_local(parts.hostname or "")
        require(is_safe, f"{parts.scheme} to a host that is not this one")
    return "https" if target.url.startswith("https:") else "http on loopback"


def estimated_bits(identifiers: Sequence[str]) -> float:
    """How many random bits identifiers of one server seem to hold: an upper bound.

    Each position counts with the smallest usual alphabet that holds what was seen there, or in
    all positions that vary much; a counter or a clock varies in few positions.
    """
    if len({len(identifier) for identifier in identifiers}) != 1:
        shortest = min(map(len, identifiers))
        identifiers = [identifier[-shortest:] for identifier in identifiers]
    distinct = [len(set(position)) for position in zip(*identifiers, strict=True)]
    varied = [count for count in distinct if count > 8]
    usual = max(varied, default=1)
    size = next((size for size in ALPHABETS if size >= usual), 64)
    return sum(math.log2(size if count > 8 else count) for count in distinct)


@requirement(
    "W84",
    level=Level.SHOULD,
    section=SECTION,
    text="Session URLs cannot be guessed: 122 random bits or more.",
)
async def urls_cannot_be_guessed(target: Target) -> str:
    urls: list[str] = []
    for _ in range(SAMPLES):
        session = await target.open()
        urls.append(session.url)
        await session.delete()
    require(len(set(urls)) == SAMPLES, "two sessions had the same URL")
    bits = estimated_bits(urls)
    require(bits >= ENOUGH_BITS, f"they seem to hold {bits:.0f} random bits")
    return f"about {bits:.0f} bits in {SAMPLES} of them"


async def flood(send: Callable[[], Awaitable[Reply]]) -> list[Reply]:
    """Sends until a part of the replies are 429, and returns these. Raises `Failed`."""
    refused: list[Reply] = []
    for _ in range(FLOOD // ABREAST):
        replies = await asyncio.gather(*(send() for _ in range(ABREAST)))
        refused += [reply for reply in replies if reply.status == 429]
        if len(refused) >= 2 * ABREAST:
            break
    require(bool(refused), f"{FLOOD} requests at once met no limit")
    return refused


async def _expect_limit(target: Target, send: Callable[[], Awaitable[Reply]]) -> str:
    if not target.options.is_rate_limited:
        raise NotApplicable("it floods the server: needs --rate-limited")
    waits_s = [reply.expect_retry_after_s() for reply in await flood(send)]
    if max(waits_s) > 60:
        raise Inconclusive(f"429, Retry-After {max(waits_s)} s: too long to try again")
    await asyncio.sleep(min(waits_s))
    for _ in range(10):
        reply = await send()
        if reply.status != 429:
            return f"429, Retry-After {min(waits_s)} to {max(waits_s)} s, then {reply.status}"
        await asyncio.sleep(reply.expect_retry_after_s())
    raise Failed("the limit is not lifted after the Retry-After that it gave")


@requirement(
    "W83",
    level=Level.SHOULD,
    section=SECTION,
    text="POSTs are limited in rate: 429 with Retry-After (--rate-limited).",
)
async def posts_are_limited(target: Target) -> str:
    offer = baseline().with_identity(target.identity())
    return await _expect_limit(target, lambda: target.post(offer, is_patient=False))


@requirement(
    "W83-spread",
    level=Level.PROFILE,
    section=SECTION,
    text="Avalanche control: those turned away are told different times to come back.",
)
async def refused_are_spread(target: Target) -> str:
    if not target.options.is_rate_limited:
        raise NotApplicable("it floods the server: needs --rate-limited")
    offer = baseline().with_identity(target.identity())
    refused = await flood(lambda: target.post(offer, is_patient=False))
    waits_s = {reply.expect_retry_after_s() for reply in refused}
    require(len(waits_s) > 1, f"all {len(refused)} were told {waits_s.pop()} s")
    return f"{len(refused)} were told {min(waits_s)} to {max(waits_s)} s"


async def _strange_session_url(target: Target) -> str:
    if not target.options.is_rate_limited:
        raise NotApplicable("it floods the server: needs --rate-limited")
    return unknown_session_url((await target.open()).url)


@requirement(
    "W85",
    level=Level.SHOULD,
    section=SECTION,
    text="DELETEs are limited in rate: session URLs cannot be tried out (--rate-limited).",
)
async def deletes_are_limited(target: Target) -> str:
    url = await _strange_session_url(target)
    return await _expect_limit(target, lambda: target.request("DELETE", url, is_patient=False))


@requirement(
    "W86",
    level=Level.SHOULD,
    section=SECTION,
    text="PATCHes are limited in rate (--rate-limited).",
)
async def patches_are_limited(target: Target) -> str:
    if not target.options.is_rate_limited:
        raise NotApplicable("it floods the server: needs --rate-limited")
    session = await target.open()
    fragment = session.fragment(session.offered_credentials()).text
    fields = {"Content-Type": MEDIA_TYPE, "If-Match": STALE_TAG}
    return await _expect_limit(
        target,
        lambda: target.request(
            "PATCH", session.url, body=fragment, headers=fields, is_patient=False
        ),
    )


@requirement(
    "W86-reuse",
    level=Level.MAY,
    section=SECTION,
    text="A restart may reuse the candidates, so that it costs the server nothing.",
)
async def restarts_reuse_candidates(target: Target) -> str:
    session = await target.open()
    first = {(c.host, c.port) for c in session.ice.candidates}
    restarted = await session.restart(target.identity().credentials)
    again = {(c.host, c.port) for c in restarted.ice.candidates}
    if not again <= first:
        raise NotApplicable("a restart gathers anew")
    return "the candidates are the same"


@requirement(
    "W87",
    level=Level.DERIVED,
    section=SECTION,
    text="A session whose ICE never starts is freed (--setup-timeout).",
)
async def unused_offer_is_freed(target: Target) -> str:
    if target.options.setup_timeout_s is None:
        raise NotApplicable("it needs --setup-timeout")
    limit_s = target.options.setup_timeout_s + target.options.grace_s
    session = await target.open()
    took_s = await session.until_gone(limit_s)
    if took_s is None:
        raise Failed(f"it was still there after {limit_s:g} s")
    return f"gone after {took_s:.1f} s"
