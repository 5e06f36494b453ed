"""Errors of ours as answers of the API: one table."""

from typing import Final

from orchard.errors import (
    ConflictError,
    DeniedError,
    IntegrityError,
    InvalidDigestError,
    InvalidDocumentError,
    InvalidError,
    InvalidReferenceError,
    LimitExceededError,
    NotFoundError,
    OrchardError,
    PreconditionError,
    RateLimitedError,
    RemoteError,
    StorageError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from orchard.hub.http.asgi import Headers
from orchard.hub.http.replies import Reply, reply
from orchard.oci import dumps, wire

RETRY_AFTER: Final = {429: b"60", 503: b"5"}

# What is unknown depends on what was asked for, so the code of NotFoundError comes from the endpoint.
_TABLE: Final[dict[type[OrchardError], tuple[int, str]]] = {
    InvalidDigestError: (400, wire.DIGEST_INVALID),
    InvalidReferenceError: (400, wire.NAME_INVALID),
    InvalidDocumentError: (400, wire.MANIFEST_INVALID),
    LimitExceededError: (413, wire.SIZE_INVALID),
    InvalidError: (400, wire.UNSUPPORTED),
    IntegrityError: (400, wire.DIGEST_INVALID),
    NotFoundError: (404, ""),
    PreconditionError: (412, wire.DENIED),
    ConflictError: (409, wire.BLOB_UPLOAD_INVALID),
    UnauthenticatedError: (401, wire.UNAUTHORIZED),
    DeniedError: (403, wire.DENIED),
    UnsupportedError: (405, wire.UNSUPPORTED),
    RateLimitedError: (429, wire.TOOMANYREQUESTS),
    RemoteError: (408, wire.BLOB_UPLOAD_INVALID),
    UnavailableError: (503, wire.DENIED),
    StorageError: (507, wire.DENIED),
    OrchardError: (500, wire.UNSUPPORTED),
}


def error_reply(error: OrchardError, unknown: str, challenge: str | None = None) -> Reply:
    """Answer that something went wrong.

    Args:
        error: What went wrong.
        unknown: Code of what the endpoint looks for.
        challenge: How to log in, if that is possible.
    """
    status, code = next(_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE)
    headers: Headers = []
    if status == 401 and challenge is not None:  # noqa: PLR2004 -- Unauthorized
        headers.append((b"www-authenticate", challenge.encode()))
    if status in RETRY_AFTER:
        headers.append((b"retry-after", RETRY_AFTER[status]))
    return problem(status, code or unknown, str(error), headers=headers)


def problem(status: int, code: str, message: str, *, headers: Headers | None = None) -> Reply:
    """Answer with the error document of the specification."""
    document = dumps({"errors": [{"code": code, "message": message, "detail": None}]})
    return reply(status, [*(headers or ()), (b"content-type", b"application/json")], document)
