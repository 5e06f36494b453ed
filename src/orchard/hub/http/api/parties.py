"""Accounts and teams as they stand in requests."""

from orchard.errors import InvalidError
from orchard.hub.access import Party


def party_of(text: str) -> Party:
    """Read ``user:ana`` or ``team:research``; programs say which of them they mean.

    Raises:
        InvalidError: If it is neither.
    """
    if ":" not in text:
        raise InvalidError(f"{text[:80]!r} is neither user:NAME nor team:NAME")
    return Party.parse(text)
