"""Why we say no: every refusal that a client can see, with the HTTP status that it deserves.

A refusal is *their* error or our limit, expected and counted. Its sentence goes to the client,
so it never repeats a token, an address or SDP.
"""

from __future__ import annotations

from enum import StrEnum


class RefusalReason(StrEnum):
    """The label under which a refusal is counted, and the last part of its problem type."""

    OFFER_MALFORMED = "offer-malformed"
    OFFER_UNACCEPTABLE = "offer-unacceptable"
    FRAGMENT_MALFORMED = "fragment-malformed"
    FRAGMENT_UNACCEPTABLE = "fragment-unacceptable"
    NO_TRANSPORT = "no-transport"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    CONTENT_TOO_LARGE = "content-too-large"
    REQUEST_TOO_SLOW = "request-too-slow"
    BAD_REQUEST = "bad-request"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    UPGRADE_REQUIRED = "upgrade-required"
    WEBSOCKET_MESSAGE = "websocket-message"
    UNAUTHENTICATED = "unauthenticated"
    INVALID_TOKEN = "invalid-token"
    INVALID_SESSION_TOKEN = "invalid-session-token"
    INSUFFICIENT_SCOPE = "insufficient-scope"
    PRECONDITION_REQUIRED = "precondition-required"
    PRECONDITION_FAILED = "precondition-failed"
    RATE_LIMITED = "rate-limited"
    CAPACITY = "capacity"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    SERVER_UNREACHABLE = "server-unreachable"
    INTERNAL = "internal"


class Refusal(Exception):
    """A request that we do not serve.

    `status` is the HTTP status; `retry_after_s` is set where trying again later makes sense.
    """

    status: int = 400
    reason: RefusalReason = RefusalReason.BAD_REQUEST
    title: str = "Bad request"

    def __init__(self, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s


class OfferMalformed(Refusal):
    """The body is not SDP that can be read (RFC 9725 section 4.2)."""

    status = 400
    reason = RefusalReason.OFFER_MALFORMED
    title = "The SDP offer cannot be read"


class OfferUnacceptable(Refusal):
    """The SDP is well-formed, but asks for what is not served (RFC 9725 section 4.4)."""

    status = 422
    reason = RefusalReason.OFFER_UNACCEPTABLE
    title = "The SDP offer cannot be met"


class FragmentMalformed(Refusal):
    """The body of a PATCH is not an SDP fragment (RFC 8840)."""

    status = 400
    reason = RefusalReason.FRAGMENT_MALFORMED
    title = "The SDP fragment cannot be read"


class FragmentUnacceptable(Refusal):
    """Trickle or restart is switched off, or a restart cannot be met."""

    status = 422
    reason = RefusalReason.FRAGMENT_UNACCEPTABLE
    title = "The SDP fragment cannot be met"


class NoTransport(Refusal):
    """The client can do none of the transports that are served."""

    status = 422
    reason = RefusalReason.NO_TRANSPORT
    title = "No transport is left"


class UnsupportedMediaType(Refusal):
    """The content type is missing or another one than `accepted`."""

    status = 415
    reason = RefusalReason.UNSUPPORTED_MEDIA_TYPE
    title = "Unsupported media type"

    def __init__(self, detail: str, *, accepted: str, method: str) -> None:
        super().__init__(detail)
        self.accepted = accepted
        self.method = method


class ContentTooLarge(Refusal):
    """The body is over the limit."""

    status = 413
    reason = RefusalReason.CONTENT_TOO_LARGE
    title = "Content too large"


class RequestTooSlow(Refusal):
    """The body did not arrive within its deadline."""

    status = 408
    reason = RefusalReason.REQUEST_TOO_SLOW
    title = "Request timeout"


class SessionUnknown(Refusal):
    """No session has this id, or it has ended."""

    status = 404
    reason = RefusalReason.NOT_FOUND
    title = "No such session"

    def __init__(self, detail: str = "There is no session at this URL; it may have ended.") -> None:
        super().__init__(detail)


class Unauthenticated(Refusal):
    """No bearer token came with the request (RFC 6750 section 3)."""

    status = 401
    reason = RefusalReason.UNAUTHENTICATED
    title = "A bearer token is required"


class InvalidToken(Refusal):
    """The bearer token is unknown, expired or not valid here (RFC 6750 section 3.1)."""

    status = 401
    reason = RefusalReason.INVALID_TOKEN
    title = "The bearer token is not valid"


class InsufficientScope(Refusal):
    """The token is good, but not for this (RFC 6750 section 3.1)."""

    status = 403
    reason = RefusalReason.INSUFFICIENT_SCOPE
    title = "The bearer token does not allow this"


class InvalidSessionToken(Refusal):
    """The `session` that came with the request was not signed by this fleet, or is over."""

    status = 400
    reason = RefusalReason.INVALID_SESSION_TOKEN
    title = "The session token is not valid"


class PreconditionRequired(Refusal):
    """A PATCH came without `If-Match` (RFC 6585 section 3)."""

    status = 428
    reason = RefusalReason.PRECONDITION_REQUIRED
    title = "If-Match is required"


class PreconditionFailed(Refusal):
    """The entity-tag is not that of the current ICE session (RFC 9110 section 13.1.1)."""

    status = 412
    reason = RefusalReason.PRECONDITION_FAILED
    title = "The entity-tag does not match"


class RateLimited(Refusal):
    """This client asks too often; `retry_after_s` tells when it may ask again."""

    status = 429
    reason = RefusalReason.RATE_LIMITED
    title = "Too many requests"


class AtCapacity(Refusal):
    """Every place for a session is taken."""

    status = 503
    reason = RefusalReason.CAPACITY
    title = "The server is full"


class Overloaded(Refusal):
    """Too many sessions are being set up at this moment (avalanche control)."""

    status = 503
    reason = RefusalReason.OVERLOADED
    title = "Too many sessions are being set up"


class Draining(Refusal):
    """The server takes no new sessions because it is about to leave."""

    status = 503
    reason = RefusalReason.DRAINING
    title = "The server is draining"
