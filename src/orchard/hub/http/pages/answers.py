"""Pages as answers: headers that keep a browser safe, compression, and what is shown when something went wrong."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from orchard.errors import (
    DeniedError,
    InvalidError,
    NotFoundError,
    OrchardError,
    RateLimitedError,
    StorageError,
    UnauthenticatedError,
)
from orchard.hub.http.pages.assets import takes_gzip
from orchard.oci import Digest

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFE: Final = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no referrer at all, forms say no origin, and the guard refuses them
    "X-Content-Type-Options": "nosniff",
}
_WORTH_PACKING: Final = 1 << 10  # bytes
_LEVEL: Final = 3  # of gzip: less than half the time of level 4, and 2 % larger


def page(request: Request, text: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Send a page; to a browser that has the same already, say only that.

    There is no secret in it, so compressing what a reader typed next to it tells nobody anything. Its tag is made of
    all that this reader would be shown now: whoever was shown anything else, or is somebody else now, gets the page.
    """
    body = text.encode()
    all_headers = {**SAFE, "Vary": "Accept-Encoding, Authorization, Cookie", **(headers or {})}
    if len(body) > _WORTH_PACKING and takes_gzip(request.headers):
        body = gzip.compress(body, _LEVEL, mtime=0)
        all_headers["Content-Encoding"] = "gzip"
    if status == 200 and request.method in {"GET", "HEAD"}:  # noqa: PLR2004 -- OK
        tag = all_headers["ETag"] = f'"{Digest.of(body).hex}"'
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=all_headers)
    return Response(body, status, all_headers, "text/html")


def download(raw: bytes, name: str, media_type: str = "application/json") -> Response:
    """Send bytes to be saved and never shown: somebody else wrote them, or what is in them."""
    headers = {**SAFE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(raw, 200, headers, media_type)


@dataclass(frozen=True, slots=True)
class Step:
    """What a reader can do next.

    Attributes:
        text: In words.
        url: Where that is done; empty if not on this hub.
    """

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for the person who sees it.

    Attributes:
        status: HTTP status.
        title: In one line.
        what: What happened, to which thing.
        steps: What to do next, best first.
        headers: Sent along.
    """

    status: int
    title: str
    what: str
    steps: tuple[Step, ...]
    headers: Mapping[str, str] = field(default_factory=dict)


_HOME: Final = Step("See all repositories.", "/")
_RETRY: Final = Step("Wait a moment, then load the page again.")
_TELL: Final = Step("If it happens again, tell the people who run this hub; its log says more.")
_SPELLING: Final = Step("Check the address for a typing error.")


def missing(what: str, *steps: Step) -> Problem:
    """Say that there is no such thing."""
    return Problem(404, "There is nothing here", what, (*steps, _HOME, _SPELLING))


def hidden(name: str, login: str) -> Problem:
    """Say that there is no such repository, or none that this reader may see: the two look the same."""
    what = f"There is no repository {name} that you can see. It may be private, or have another name."
    if login:
        return missing(what, Step("Log in, if you have an account here.", login))
    return missing(what, Step("Ask whoever told you of it to give you access."))


ELSEWHERE: Final = missing("This hub has no page at this address.")
WRONG_METHOD: Final = Problem(
    405, "This page can only be read", "The request wanted to change it.", (_HOME,), {"Allow": "GET, HEAD"}
)
UNFORESEEN: Final = Problem(
    500, "Something went wrong here", "The hub met an error that it did not expect.", (_RETRY, _HOME, _TELL)
)

# What failed inside the hub is not spelled out, because it may name its files; other messages are for people.
_MEANINGS: Final[dict[type[OrchardError], Problem]] = {
    NotFoundError: missing(""),
    UnauthenticatedError: Problem(
        401,
        "Please log in",
        "",
        (Step("Load the page again, and give the name and the password of an account of this hub."),),
    ),
    DeniedError: Problem(403, "You may not see this", "", (Step("Ask the people who run this hub for access."), _HOME)),
    RateLimitedError: Problem(429, "Too many tries", "", (_RETRY,), {"Retry-After": "60"}),
    InvalidError: Problem(400, "This cannot be answered", "", (_HOME,)),
    StorageError: Problem(
        503, "The hub is in trouble", "It cannot read what it keeps.", (_RETRY, _TELL), {"Retry-After": "10"}
    ),
}


def problem_of(error: OrchardError) -> Problem:
    """Say to a person what an error means."""
    problem = next((_MEANINGS[kind] for kind in type(error).__mro__ if kind in _MEANINGS), UNFORESEEN)
    return problem if problem.what else replace(problem, what=sentence(error))


def sentence(error: OrchardError) -> str:
    """Write the message of an error as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
