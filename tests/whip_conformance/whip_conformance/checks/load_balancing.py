"""Section 4.5: redirects, overload and draining."""

from __future__ import annotations

from whip_conformance.offers import baseline
from whip_conformance.reply import Reply
from whip_conformance.requirement import Level, requirement
from whip_conformance.target import SDP, Target
from whip_conformance.verdict import Failed, NotApplicable, require

SECTION = "4.5"


async def _unfollowed_post(target: Target) -> Reply:
    offer = baseline().with_identity(target.identity())
    return await target.request("POST", body=offer.text, headers={"Content-Type": SDP})


@requirement(
    "W66", level=Level.MUST_NOT, section=SECTION, text="A POST is not redirected by 301 or 302."
)
async def no_get_redirect(target: Target) -> str:
    reply = await _unfollowed_post(target)
    require(reply.status not in (301, 302, 303), f"the POST gave {reply.status}")
    return f"the POST gave {reply.status}"


@requirement(
    "W67",
    level=Level.SHOULD,
    section=SECTION,
    text="A server that redirects does so by 307 (308 is tolerable), and it leads to a 201.",
)
async def redirect_is_307(target: Target) -> str:
    reply = await _unfollowed_post(target)
    if not 300 <= reply.status < 400:
        reply.expect(201)
        return "it answers itself"
    reply.expect(307, 308)
    require(reply.header("Location") is not None, "the redirect has no Location")
    await target.open()
    return f"{reply.status}, and it leads to a 201"


@requirement(
    "W69",
    level=Level.DERIVED,
    section=SECTION,
    text="PATCH and DELETE work on the session URL itself, without a redirect.",
)
async def session_is_not_redirected(target: Target) -> str:
    session = await target.open()
    for reply in (await session.trickle(), await session.delete()):
        require(not 300 <= reply.status < 400, f"{reply.what} was redirected")
    return "no redirect"


@requirement(
    "W70",
    level=Level.MAY,
    section=SECTION,
    text="A draining server: 503 with Retry-After, and sessions live on (--admin-url).",
)
async def draining_is_503(target: Target) -> str:
    admin_url = target.options.admin_url
    if admin_url is None:
        raise NotApplicable("it needs --admin-url to drain the server")
    call = await target.call()
    drained = await target.request("POST", admin_url.rstrip("/") + "/drain", is_anonymous=True)
    require(drained.is_success, f"POST on the admin URL's /drain gave {drained.status}")
    try:
        offer = baseline().with_identity(target.identity())
        reply = (await target.post(offer, is_patient=False)).expect(503)
        wait_s = reply.expect_retry_after_s()
        require(not await call.session.is_gone(), "draining ended a session at once")
        await call.expect_media("while draining")
    finally:
        undrained = await target.request(
            "POST", admin_url.rstrip("/") + "/undrain", is_anonymous=True
        )
    require(undrained.is_success, f"POST on the admin URL's /undrain gave {undrained.status}")
    (await target.post(baseline().with_identity(target.identity()))).expect(201)
    return f"503, Retry-After {wait_s} s; sessions live on; taken back by /undrain"


@requirement(
    "W70-capacity",
    level=Level.MAY,
    section=SECTION,
    text="A full server: 503 with Retry-After, and room again after a DELETE (--capacity).",
)
async def full_is_503(target: Target) -> str:
    capacity = target.options.capacity
    if capacity is None:
        raise NotApplicable("it needs --capacity to know when the server is full")
    sessions = [await target.open() for _ in range(capacity)]
    offer = baseline().with_identity(target.identity())
    reply = (await target.post(offer, is_patient=False)).expect(503)
    wait_s = reply.expect_retry_after_s()
    await sessions[0].delete()
    again = await target.post(offer)
    if again.status != 201:
        raise Failed(f"a session ended, and the next POST still gave {again.status}")
    return f"503 after {capacity} sessions, Retry-After {wait_s} s, 201 after a DELETE"
