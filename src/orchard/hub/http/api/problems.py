"""Errors of ours as problem documents (RFC 9457): one shape for everything that can go wrong."""

from typing import Annotated, Final

from msgspec import Meta, json

from orchard.errors import InvalidDocumentError, OrchardError, RateLimitedError, RemoteError, UnsupportedError
from orchard.hub.http.api.shapes import Output
from orchard.hub.http.asgi import Headers
from orchard.hub.http.replies import Reply, reply
from orchard.hub.http.statuses import RETRY_AFTER, UNAUTHORIZED, status_of

MEDIA_TYPE: Final = "application/problem+json"

TITLES: Final = {
    400: "The request cannot be understood",
    401: "Login required",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    408: "The request did not come to its end",
    409: "Conflict",
    412: "Something else is there",
    413: "Too large",
    415: "Not JSON",
    416: "There are no such bytes",
    422: "The body has another shape",
    429: "Too many requests",
    500: "The hub made a mistake",
    502: "Another server failed",
    503: "The hub cannot do it at the moment",
    507: "The hub's storage failed",
}


class MismatchError(InvalidDocumentError):
    """A JSON document that is sound, and not of the shape that is wanted."""


class MediaTypeError(InvalidDocumentError):
    """The body is not said to be JSON."""


class TruncatedError(RemoteError):
    """The client went away, or stopped sending, in the middle of its request."""


# Where the registry's protocol has a word of its own for it, and this API need not use that.
_OWN: Final[dict[type[OrchardError], int]] = {
    MismatchError: 422,
    MediaTypeError: 415,
    UnsupportedError: 409,
    TruncatedError: 408,
    RateLimitedError: 429,
    RemoteError: 502,
}


class Problem(Output, frozen=True):
    """What went wrong (RFC 9457).

    Attributes:
        type: What kind of problem it is; always about:blank, the status says all.
        title: The kind in words.
        status: The HTTP status.
        detail: What happened, to which thing, and what to do next.
    """

    type: Annotated[str, Meta(examples=["about:blank"])]
    title: Annotated[str, Meta(examples=["Not found"])]
    status: Annotated[int, Meta(ge=400, le=599, examples=[404])]
    detail: Annotated[str, Meta(examples=["there is no repository team/model"])]


def problem_status(error: type[OrchardError]) -> int:
    """Give the status that this API answers a kind of error with."""
    return next((_OWN[kind] for kind in error.__mro__ if kind in _OWN), None) or status_of(error)


def error_problem(error: OrchardError, challenge: str | None = None) -> Reply:
    """Answer that something went wrong.

    Args:
        error: What went wrong.
        challenge: How to log in, if that is possible.
    """
    status = problem_status(type(error))
    headers: Headers = []
    if status == UNAUTHORIZED and challenge is not None:
        headers.append((b"www-authenticate", challenge.encode()))
    if status in RETRY_AFTER:
        headers.append((b"retry-after", RETRY_AFTER[status]))
    return problem(status, str(error), headers=headers)


def problem(status: int, detail: str, *, headers: Headers | None = None) -> Reply:
    """Answer with a problem document."""
    document = json.encode(Problem(type="about:blank", title=TITLES[status], status=status, detail=detail))
    common = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
    return reply(status, [*(headers or ()), *common], document)
