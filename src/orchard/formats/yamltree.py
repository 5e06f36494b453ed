"""A YAML document as a tree of texts with their places. No scalar has a meaning yet."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands.

    Attributes:
        line: Of its start, from 1.
        column: Of its start, from 0.
        start: Offset of its first character in the text.
        end: Offset behind its last one.
    """

    line: int
    column: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text.

    Attributes:
        place: Where it stands, tag and quotes included.
        text: What it says, quotes and escapes resolved.
        plain: Whether it has no quotes, so that it may mean something else than a text.
        tag: The type it was given: ``str``, ``int``, ``float``, ``bool``, ``null``, or nothing.
    """

    place: Place
    text: str
    plain: bool
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with what stands under them, in the order of the text. No key stands twice.

    Attributes:
        place: Where it stands.
        entries: Its keys and values.
        flow: Whether it is written in braces.
    """

    place: Place
    entries: tuple[tuple[Scalar, "Tree"], ...]
    flow: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """Items in a row.

    Attributes:
        place: Where it stands.
        items: Its items.
        flow: Whether it is written in brackets.
    """

    place: Place
    items: tuple["Tree", ...]
    flow: bool


Tree = Scalar | Mapping | Sequence


def problem(what: str, line: int, text: str) -> str:
    """Say that one thing is wrong, in the form in which a Kitfile's problems are listed."""
    return f"{what}: 1 problem\n  line {line}: {text}"
