"""What the address of a search asks for. Whoever is given it finds the same, as far as he may see it."""

from dataclasses import dataclass, replace
from typing import Final, Self

from starlette.requests import Request

from orchard.hub.http.pages.addresses import search_url

VERSIONS: Final = "version"
_MAX_TYPED: Final = 2000  # characters: more than a query may have, so that its end can be cut off by whoever typed it
_MAX_SORT: Final = 300
_MAX_MARK: Final = 2048


@dataclass(frozen=True, slots=True)
class Sought:
    """What is asked for.

    Attributes:
        text: In the query language.
        sort: By what it is sorted; empty for the usual order.
        each: ``version`` if every version is wanted; empty if one for each repository.
        after: Where the part before ended; empty for the first part.
    """

    text: str = ""
    sort: str = ""
    each: str = ""
    after: str = ""

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read it from an address."""
        given = request.query_params
        return cls(
            given.get("q", "").strip()[:_MAX_TYPED],
            given.get("sort", "")[:_MAX_SORT],
            VERSIONS if given.get("each") == VERSIONS else "",
            given.get("after", "")[:_MAX_MARK],
        )

    @property
    def url(self) -> str:
        """The address that asks for this."""
        return search_url(self.text, sort=self.sort, each=self.each, after=self.after)

    def asking(self, text: str) -> str:
        """Give the address of another query, in the same order."""
        return replace(self, text=text, after="").url

    def sorted_by(self, sort: str) -> str:
        """Give the address of another order."""
        return replace(self, sort=sort, after="").url

    def for_each(self, each: str) -> str:
        """Give the address of every version, or of one for each repository."""
        return replace(self, each=each, after="").url

    def further(self, after: str | None) -> str:
        """Give the address of the part that follows; empty if there is none."""
        return "" if after is None else replace(self, after=after).url
