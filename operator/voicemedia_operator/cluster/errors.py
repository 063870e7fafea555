"""What can go wrong between the operator and the API server."""

from __future__ import annotations

from http import HTTPStatus


class ApiFailed(Exception):
    """A request that did not do what was asked. `verb` and `kind` say which; `code` is the status
    of the answer, or a word for why there was none: the label of a metric."""

    def __init__(self, verb: str, kind: str, code: str, why: str) -> None:
        super().__init__(f"{verb} {kind}: {why}")
        self.verb = verb
        self.kind = kind
        self.code = code


class ApiUnreachable(ApiFailed):
    """No answer within the deadline, or no connection: `code` is `timeout` or `unreachable`."""


class ApiRefused(ApiFailed):
    """The API server said no. `retry_after_s` is its own wish, where it has one."""

    def __init__(
        self, verb: str, kind: str, status: int, why: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(verb, kind, str(status), f"{status} {why}")
        self.status = status
        self.retry_after_s = retry_after_s


class NotFound(ApiRefused):
    """404: there is no such object, or no such kind."""


class Conflict(ApiRefused):
    """409: it exists already, was changed meanwhile, or is another one under the same name."""


class Expired(ApiRefused):
    """410: the API server does not remember that far back; list anew."""


class Invalid(ApiRefused):
    """422: the API server would accept no object like this one, however often it is asked."""


_CLASSES: dict[int, type[ApiRefused]] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Expired,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
}


def refusal(
    verb: str, kind: str, status: int, why: str, retry_after_s: float | None = None
) -> ApiRefused:
    """The error for a status."""
    return _CLASSES.get(status, ApiRefused)(verb, kind, status, why, retry_after_s)
