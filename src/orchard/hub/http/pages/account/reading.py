"""What forms say, read with care."""

from orchard.errors import InvalidError
from orchard.hub.access import Role, Visibility


def role_of(text: str) -> Role:
    """Read a role.

    Raises:
        InvalidError: If it is none.
    """
    if text not in set(Role):
        raise InvalidError(f"{text[:32]!r} is no role; there are {', '.join(Role)}")
    return Role(text)


def visibility_of(text: str) -> Visibility | None:
    """Read a visibility; nothing for none.

    Raises:
        InvalidError: If it is neither.
    """
    if not text:
        return None
    if text not in set(Visibility):
        raise InvalidError(f"{text[:32]!r} is no visibility; there are {', '.join(Visibility)}")
    return Visibility(text)


def number_of(text: str, what: str) -> int | None:
    """Read a whole number; nothing for none.

    Raises:
        InvalidError: If it is neither.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):  # noqa: PLR2004 -- digits of a billion
        raise InvalidError(f"{what} is a whole number, not {text[:32]!r}")
    return int(text)


def days_of(text: str, what: str) -> float | None:
    """Read a number of days; nothing for none.

    Raises:
        InvalidError: If it is neither.
    """
    found = number_of(text, what)
    return None if found is None else float(found)


def names_of(text: str) -> tuple[str, ...]:
    """Read names with commas or blanks between them."""
    return tuple(text.replace(",", " ").split())
