"""Errors of ours as answers of the API; their statuses are in ``http.statuses``."""

from typing import Final

from orchard.errors import (
    ConflictError,
    DeniedError,
    IntegrityError,
    InvalidDigestError,
    InvalidDocumentError,
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
    UpstreamError,
)
from orchard.hub.http.asgi import Headers
from orchard.hub.http.replies import Reply, reply
from orchard.hub.http.statuses import RETRY_AFTER, UNAUTHORIZED, status_of
from orchard.oci import dumps, wire

# What is unknown depends on what was asked for, so the code of NotFoundError comes from the endpoint.
_CODES: Final[dict[type[OrchardError], str]] = {
    InvalidDigestError: wire.DIGEST_INVALID,
    InvalidReferenceError: wire.NAME_INVALID,
    InvalidDocumentError: wire.MANIFEST_INVALID,
    LimitExceededError: wire.SIZE_INVALID,
    IntegrityError: wire.DIGEST_INVALID,
    NotFoundError: "",
    PreconditionError: wire.DENIED,
    ConflictError: wire.BLOB_UPLOAD_INVALID,
    UnauthenticatedError: wire.UNAUTHORIZED,
    DeniedError: wire.DENIED,
    RateLimitedError: wire.TOOMANYREQUESTS,
    UpstreamError: wire.DENIED,
    RemoteError: wire.BLOB_UPLOAD_INVALID,
    UnavailableError: wire.DENIED,
    StorageError: wire.DENIED,
    OrchardError: wire.UNSUPPORTED,
}


def error_reply(error: OrchardError, unknown: str, challenge: str | None = None) -> Reply:
    """Answer that something went wrong.

    Args:
        error: What went wrong.
        unknown: Code of what the endpoint looks for.
        challenge: How to log in, if that is possible.
    """
    status = status_of(type(error))
    code = next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
    headers: Headers = []
    if status == UNAUTHORIZED and challenge is not None:
        headers.append((b"www-authenticate", challenge.encode()))
    if status in RETRY_AFTER:
        headers.append((b"retry-after", RETRY_AFTER[status]))
    return problem(status, code or unknown, str(error), headers=headers)


def problem(status: int, code: str, message: str, *, headers: Headers | None = None) -> Reply:
    """Answer with the error document of the specification."""
    document = dumps({"errors": [{"code": code, "message": message, "detail": None}]})
    return reply(status, [*(headers or ()), (b"content-type", b"application/json")], document)
