"""Reading ``WWW-Authenticate``: strict about what a challenge is, tolerant of how its values are quoted."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MAX_HEADER: Final = 8192  # characters of one header that are looked at

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME: Final = re.compile(rf"[\s,]*({_WORD})(?=[\s,]|$)")
_PARAMETER: Final = re.compile(rf'[\s,]*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",=][^\s",]*))\s*(?=,|$|\s)')
_TOKEN68: Final = re.compile(r"\s+[A-Za-z0-9._~+/-]+=*\s*(?=,|$)")
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way of authenticating that a server offers.

    Attributes:
        scheme: Lower-case, such as ``basic`` or ``bearer``.
        parameters: By lower-case name.
    """

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Read all challenges of all header lines (RFC 9110, section 11.6.1).

    A line is read up to what is not a challenge; a challenge that names a parameter twice is left out, since two
    readers could take it for two things.
    """
    return [challenge for header in headers for challenge in _line(header[:MAX_HEADER])]


def _line(text: str) -> list[Challenge]:
    found: list[Challenge] = []
    at = 0
    while match := _SCHEME.match(text, at):
        at = match.end()
        pairs, at = _parameters(text, at)
        parameters = dict(pairs)
        if len(parameters) == len(pairs):
            found.append(Challenge(match[1].lower(), parameters))
    return found


def _parameters(text: str, at: int) -> tuple[list[tuple[str, str]], int]:
    pairs: list[tuple[str, str]] = []
    while match := _PARAMETER.match(text, at):
        name, quoted, bare = match.groups()
        pairs.append((name.lower(), _ESCAPED.sub(r"\1", quoted) if bare is None else bare))
        at = match.end()
    blob = None if pairs else _TOKEN68.match(text, at)
    return pairs, blob.end() if blob else at
