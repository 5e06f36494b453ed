"""Errors of ours as HTTP statuses: one table for everything that answers programs."""

from typing import Final

from orchard.errors import (
    ConflictError,
    DeniedError,
    IntegrityError,
    InvalidError,
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
    UpstreamError,
)

UNAUTHORIZED: Final = 401
RETRY_AFTER: Final = {429: b"60", 503: b"5"}  # seconds

_STATUS: Final[dict[type[OrchardError], int]] = {
    LimitExceededError: 413,
    InvalidError: 400,
    IntegrityError: 400,
    NotFoundError: 404,
    PreconditionError: 412,
    ConflictError: 409,
    UnauthenticatedError: UNAUTHORIZED,
    DeniedError: 403,
    UnsupportedError: 405,
    RateLimitedError: 429,
    UpstreamError: 502,
    RemoteError: 408,
    UnavailableError: 503,
    StorageError: 507,
    OrchardError: 500,
}


def status_of(error: type[OrchardError]) -> int:
    """Look a kind of error up in the table, along its ancestors."""
    return next(_STATUS[kind] for kind in error.__mro__ if kind in _STATUS)
