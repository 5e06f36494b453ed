"""Many glob patterns, matched at once, in time that grows with the path and never with its luck.

All patterns together are one automaton whose states are the bits of two whole numbers, so a character costs a few
operations on them, whatever the patterns are: there is nothing that could backtrack. (Bit-parallel matching; the
patterns are those of Docker ignore files, as ``patternmatcher`` of the moby project reads them.)

    ``*``   any characters but ``/``       ``**/``  any directories, or none
    ``?``   one character but ``/``        ``**``   at the end: anything
    ``[a-z]``, ``[^a-z]``   one character; a backslash takes the next character as it is
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final

import msgspec

from orchard.errors import InvalidDocumentError, LimitExceededError

MAX_STATES: Final = 1 << 16
WILD: Final = frozenset("*?[]\\")  # a pattern without these names one path


class Glob(Enum):
    """What stands for other than one character of its own."""

    ONE = auto()  # one character, but no slash
    STAR = auto()  # any characters, but no slash
    DIRECTORIES = auto()  # nothing, or anything that ends in a slash
    REST = auto()  # anything


class Class(msgspec.Struct, frozen=True):
    """One character of some ranges, or of none of them."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def __contains__(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) != self.negated


Token = str | Class | Glob
State = tuple[int, int]  # the states that are reached, and those that a DIRECTORIES may come back to after a slash


class GlobSet:
    """Patterns, numbered in the order in which they are given.

    Raises:
        InvalidDocumentError: If one of them is not a pattern.
        LimitExceededError: If together they are longer than 65 536 characters.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._literals: dict[str, int] = {}
        self._classes: dict[Class, int] = {}
        self._flags = dict.fromkeys(Glob, 0)
        self._ends: list[int] = []
        start, bit = 0, 0
        for pattern in patterns:
            start |= 1 << bit
            for token in tokenize(pattern):
                bit = self._add(token, bit)
            self._ends.append(bit)
            bit += 1
            if bit > MAX_STATES:
                raise LimitExceededError(
                    f"the patterns with wildcards are longer than {MAX_STATES} characters together"
                )
        self.start: State = (start, 0)
        self._accepting = sum(1 << end for end in self._ends)
        self._stay = self._flags[Glob.REST]
        self._star = self._flags[Glob.REST] | self._flags[Glob.STAR]
        self._one, self._deep = self._flags[Glob.ONE], self._flags[Glob.DIRECTORIES]

    def _add(self, token: Token, bit: int) -> int:
        """Let a state go on by a token; give the state behind it."""
        match token:
            case str():
                self._literals[token] = self._literals.get(token, 0) | 1 << bit
            case Class():
                self._classes[token] = self._classes.get(token, 0) | 1 << bit
            case _:
                self._flags[token] |= 1 << bit
                return bit + 1 if token is Glob.ONE else bit
        return bit + 1

    def walk(self, state: State, text: str) -> State:
        """Go on from a state by some characters."""
        reached, returns = state
        if not reached | returns:  # nothing can match any more, as always where there is no pattern
            return state
        stay, star, one, deep = self._stay, self._star, self._one, self._deep
        for character in text:
            returns |= reached & deep
            matching = self._literals.get(character, 0)
            for members, bits in self._classes.items():
                if character in members:
                    matching |= bits
            if character == "/":
                reached = (reached & matching) << 1 | (reached & stay) | returns
            else:
                reached = (reached & (matching | one)) << 1 | (reached & star)
        return reached, returns

    def last_match(self, state: State) -> int:
        """Give the number of the last pattern that matches what led to a state; -1 if there is none."""
        top = (state[0] & self._accepting).bit_length() - 1
        return bisect_left(self._ends, top) if top >= 0 else -1

    def alive(self, state: State) -> Iterator[int]:
        """Give the numbers of the patterns that may still match something longer than what led to a state."""
        left = state[0] | state[1]
        first = 0
        for number, end in enumerate(self._ends):
            if left >> first & (1 << end + 1 - first) - 1:
                yield number
            first = end + 1


def tokenize(pattern: str) -> Iterator[Token]:
    """Split a pattern into tokens.

    Raises:
        InvalidDocumentError: If it is not a pattern.
    """
    at = 0
    while at < len(pattern):
        token, at = _token(pattern, at)
        yield token


def _token(pattern: str, at: int) -> tuple[Token, int]:
    match pattern[at]:
        case "*":
            return _stars(pattern, at)
        case "?":
            return Glob.ONE, at + 1
        case "[":
            return _class(pattern, at + 1)
        case _:
            return _character(pattern, at)


def _stars(pattern: str, at: int) -> tuple[Token, int]:
    if not pattern.startswith("**", at):
        return Glob.STAR, at + 1
    end = at + 3 if pattern.startswith("/", at + 2) else at + 2
    # moby compares "**name" with the end of the path, whatever is before it, if nothing else in it is special
    suffix = at == 0 and pattern[2:3] != "/" and not WILD.intersection(pattern[2:])
    return (Glob.REST if suffix or end >= len(pattern) else Glob.DIRECTORIES), end


def _class(pattern: str, at: int) -> tuple[Class, int]:
    """Read a class from behind its bracket on.

    Raises:
        InvalidDocumentError: If it is empty, or is not closed, or has a range that ends before it begins.
    """
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[str, str]] = []
    while not (ranges and pattern.startswith("]", at)):
        if pattern[at : at + 1] in {"", "-", "]"}:
            raise InvalidDocumentError("a '[' is not closed by a ']', or holds nothing, or '-' in a wrong place")
        low, at = _character(pattern, at)
        high = low
        if pattern.startswith("-", at):
            if pattern[at + 1 : at + 2] in {"", "-", "]"}:
                raise InvalidDocumentError("a range in '[...]' has no end")
            high, at = _character(pattern, at + 1)
        if high < low:
            raise InvalidDocumentError(f"the range {low}-{high} ends before it begins")
        ranges.append((low, high))
    return Class(tuple(sorted(set(ranges))), negated), at + 1


def _character(pattern: str, at: int) -> tuple[str, int]:
    """Read one character, or the one behind a backslash.

    Raises:
        InvalidDocumentError: If nothing is behind the backslash.
    """
    if pattern[at] != "\\":
        return pattern[at], at + 1
    if at + 1 == len(pattern):
        raise InvalidDocumentError("there is nothing behind the last backslash")
    return pattern[at + 1], at + 2
