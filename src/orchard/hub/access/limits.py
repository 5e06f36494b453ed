"""What a token narrows somebody's rights to. It never widens them."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from orchard.errors import InvalidError

MAX_PATTERN: Final = 255
_PART: Final = re.compile(r"[a-z0-9._-]*\*?[a-z0-9._-]*")
_ANY: Final = "[a-z0-9._-]*"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which repositories are meant, component by component.

    ``*`` stands for any part of one component, once in it; ``**`` at the end for everything below, and for the name
    before it: ``team/**`` means ``team``, ``team/a`` and ``team/a/b``, never ``teams``.

    Attributes:
        text: As people write it.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern.

        Raises:
            InvalidError: If it is none.
        """
        *parts, last = text.split("/")
        if not 0 < len(text) <= MAX_PATTERN or not all(map(_is_part, parts)) or not (last == "**" or _is_part(last)):
            raise InvalidError(
                f"{text[:80]!r} is not a pattern of repositories (examples: team/model, team/*, team/llm-*, team/**)"
            )
        return cls(text)

    def matches(self, repository: str) -> bool:
        """Tell whether a repository is meant."""
        text = self.text
        if text == repository or text == "**":  # noqa: PLR1714 -- each request asks, and a set would be made for it
            return True
        return _compiled(text).fullmatch(repository) is not None


@dataclass(frozen=True, slots=True)
class Limit:
    """What one token is good for.

    Attributes:
        rules: Patterns, each with the actions (their words) that are possible there.
        account: Whether its holder may act for the account: look after teams, namespaces, the site.
        catalog: Whether its holder may list repositories without naming them.
        token: Names the token.
    """

    rules: tuple[tuple[Pattern, frozenset[str]], ...]
    account: bool = False
    catalog: bool = True
    token: str = ""

    def allows(self, action: str, repository: str) -> bool:
        """Tell whether there is room for this."""
        for pattern, actions in self.rules:  # noqa: SIM110 -- each request asks, and a generator would be made for it
            if action in actions and pattern.matches(repository):
                return True
        return False

    def is_open_to(self, action: str) -> bool:
        """Tell whether there is room for this whatever the repository."""
        return any(action in actions and pattern.text == "**" for pattern, actions in self.rules)


def _is_part(text: str) -> bool:
    return bool(text) and text != "**" and _PART.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(text: str) -> re.Pattern[str]:
    """Make one linear expression: a component has one star at most, and none crosses a slash."""
    below = text.endswith("/**")
    parts = [re.escape(part).replace(r"\*", _ANY) for part in text.removesuffix("/**").split("/")]
    return re.compile("/".join(parts) + ("(?:/.+)?" if below else ""))
