"""What is left out of a kit: ``.kitignore``, in the syntax of Docker's ignore files.

# a comment           patterns are anchored at the directory of the Kitfile; the last one that matches decides
data/raw              a directory takes everything beneath it along
**/__pycache__
!data/raw/README.md   an exception
"""

import posixpath
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Self

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.formats.globset import WILD, GlobSet, State, tokenize
from orchard.formats.kitfile import IGNORE_NAME, KITFILE_NAMES

MAX_IGNORE_FILE: Final = 1 << 20  # characters
MAX_PATTERNS: Final = 10_000

# A kit carries its Kitfile as its config, so the file is never content. Nobody can take these back (KitOps).
ALWAYS_IGNORED: Final = (*KITFILE_NAMES, IGNORE_NAME)


class IgnoreRules:
    """Patterns in order.

    Args:
        patterns: Each cleaned, with ``!`` before an exception.

    Raises:
        InvalidDocumentError: Naming the pattern that is not one.
        LimitExceededError: If there are more than 10 000.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        if len(patterns) > MAX_PATTERNS:
            raise LimitExceededError(f"{IGNORE_NAME}: {len(patterns)} patterns, at most {MAX_PATTERNS} are accepted")
        rules = [(pattern.removeprefix("!"), pattern.startswith("!")) for pattern in patterns]
        rules += [(name, False) for name in ALWAYS_IGNORED]
        self._excepts = [negated for _, negated in rules]
        plain = [(pattern, number) for number, (pattern, _) in enumerate(rules) if not WILD.intersection(pattern)]
        self._plain = dict(plain)
        self._beneath = {up: number for path, number in plain if self._excepts[number] for up in _ancestors(path)}
        self._numbers = [number for number, (pattern, _) in enumerate(rules) if WILD.intersection(pattern)]
        self._globs = GlobSet(rules[number][0] for number in self._numbers)
        self._entered = lru_cache(maxsize=256)(self._enter)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a ``.kitignore``.

        Raises:
            LimitExceededError: If it is over 1 MiB, or holds more than 10 000 patterns.
            InvalidDocumentError: Naming the line that is not a pattern.
        """
        if len(text) > MAX_IGNORE_FILE:
            raise LimitExceededError(f"{IGNORE_NAME}: over {MAX_IGNORE_FILE} characters")
        patterns: list[str] = []
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            pattern = _cleaned(line)
            if pattern is None:
                continue
            try:
                _check(pattern)
            except InvalidDocumentError as error:
                raise InvalidDocumentError(f"{IGNORE_NAME}: line {number}: {line.strip()[:128]!r}: {error}") from error
            patterns.append(pattern)
        return cls(tuple(patterns))

    def matches(self, path: str) -> bool:
        """Tell whether a path is left out.

        Args:
            path: Relative to the directory of the Kitfile, with ``/``, in its shortest form; ``.`` is never left out.
        """
        last = self._last(path)
        return last >= 0 and not self._excepts[last]

    def may_descend(self, path: str) -> bool:
        """Tell whether something beneath a directory may be kept; where not, nobody needs to look."""
        last = self._last(path)
        if last < 0 or self._excepts[last] or self._beneath.get(path, -1) > last:
            return True
        state, _ = self._entered(path)
        alive = (self._numbers[number] for number in self._globs.alive(state))
        return any(number > last and self._excepts[number] for number in alive)

    def _last(self, path: str) -> int:
        """Find the last pattern that matches a path or a directory above it; -1 if there is none."""
        if path == ".":
            return -1
        parent, slash, name = path.rpartition("/")
        state, last = self._entered(parent) if slash else (self._globs.start, -1)
        return max(last, self._number(self._globs.walk(state, name)), self._plain.get(path, -1))

    def _number(self, state: State) -> int:
        glob = self._globs.last_match(state)
        return self._numbers[glob] if glob >= 0 else -1

    def _enter(self, directory: str) -> tuple[State, int]:
        """Go through a directory: the state behind its slash, and the last pattern that matches it or one above."""
        state, last, at = self._globs.start, -1, 0
        for part in directory.split("/"):
            state = self._globs.walk(state, part)
            at += len(part)
            last = max(last, self._number(state), self._plain.get(directory[:at], -1))
            state = self._globs.walk(state, "/")
            at += 1
        return state, last


def _check(pattern: str) -> None:
    """Refuse what is not a pattern.

    Raises:
        InvalidDocumentError: If it is not.
    """
    if pattern == "!":
        raise InvalidDocumentError("an exception needs a pattern")
    for _ in tokenize(pattern.removeprefix("!")):
        pass


def _ancestors(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _cleaned(line: str) -> str | None:
    """Read a line: the pattern in its shortest form, or nothing."""
    if line.startswith("#"):
        return None
    pattern = line.strip()
    mark = "!" if pattern.startswith("!") else ""
    pattern = pattern.removeprefix("!").strip()
    cleaned = posixpath.normpath(pattern).lstrip("/").strip() if pattern else ""
    return mark + posixpath.normpath(cleaned) if cleaned else mark or None
