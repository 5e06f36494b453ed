"""The page of a search: what was found, how to narrow it, and what can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from orchard.hub.access import Principal
from orchard.hub.http.pages.addresses import search_url
from orchard.hub.http.pages.answers import sentence
from orchard.hub.http.pages.finding.facets import facets
from orchard.hub.http.pages.finding.ports import Keeping
from orchard.hub.http.pages.finding.results import results
from orchard.hub.http.pages.finding.sought import VERSIONS, Sought
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.registry import Findings, KnownField, Query, QueryError, Wish, parse

RESULTS: Final = 20  # on one page
_NARROWED: Final = 2  # terms from which on leaving one out may help
_LIVE: Final = ("size", "pulls")
_EXAMPLES: Final = (
    ("llama", "a word: in names, descriptions, licences, authors, datasets and cards"),
    ('"intended use"', "words in a row, as they are"),
    ("format:gguf,safetensors", "one of several values of a field"),
    ("params:7B..13B", "numbers: also >, >=, <, <=; 7B, 32k, 4GiB"),
    ("metric.accuracy>=0.95", "a metric, or a parameter as in param.lr<=2e-5"),
    ("repo:team/*", "the beginning of a name; namespace:team is all of a namespace"),
    ("pushed<7d", "an age, or a date as in pushed:2026-11"),
    ("-license:mit", "what must not hold, also -draft"),
)


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a query cannot be understood, and where.

    Attributes:
        before: What was typed before the place.
        place: What stands there; empty at the end.
        behind: What was typed behind it.
    """

    what: str
    before: str
    place: str
    behind: str

    @classmethod
    def of(cls, error: QueryError, typed: str) -> "Complaint":
        """Mark the word at which reading stopped."""
        at = min(error.position, len(typed))
        stop = next((place for place in range(at + 1, len(typed)) if typed[place].isspace()), len(typed))
        return cls(sentence(error), typed[:at], typed[at:stop], typed[stop:])


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to show what was found."""

    title: str
    url: str
    current: bool


class SearchPages:
    """Makes the pages of searches."""

    def __init__(self, keeping: Keeping, renderer: Renderer) -> None:
        self._keeping = keeping
        self._renderer = renderer

    def search(self, request: Request, who: Principal) -> Response:
        """Show what a query finds, else why it cannot be understood."""
        sought = Sought.of(request)
        try:
            query = parse(sought.text)
        except QueryError as error:
            return self._page(request, sought, 400, complaint=Complaint.of(error, sought.text))
        wish = Wish(query=query, sort=sought.sort, after=sought.after, limit=RESULTS, latest=not sought.each)
        found = self._keeping.finder.look(who, wish)
        exact = found.common is not None and found.common.exact
        return self._page(
            request,
            sought,
            query=query,
            filters=query.describe(),
            found=found,
            total=_total(found),
            results=results(found.hits, query, sort=sought.sort, exact=exact),
            facets=[] if found.common is None else facets(found.common, query, sought.asking),
            orders=_orders(sought, query),
            groups=_groups(sought),
            following=sought.further(found.after),
            without=query.describe() if len(query.terms) >= _NARROWED and not found.hits else [],
        )

    def fields(self, request: Request, who: Principal) -> Response:
        """List what can be asked of this hub's versions."""
        known = self._keeping.finder.fields(who)
        own = [one for one in known if not one.field.is_family and one.name == one.field.name]
        return self._renderer.page(
            request,
            "search-fields.html",
            usual=own,
            others=[one for one in known if _is_of_family(one) and _can_be_asked(one)],
        )

    def _page(self, request: Request, sought: Sought, status: int = 200, /, **values: object) -> Response:
        return self._renderer.page(
            request,
            "search.html",
            status,
            **{
                "sought": sought,
                "complaint": None,
                "filters": [],
                "found": None,
                "facets": [],
                "orders": [],
                "groups": [],
                "examples": [(text, about, search_url(text)) for text, about in _EXAMPLES],
                **values,
            },
        )


def _is_of_family(known: KnownField) -> bool:
    return known.field.is_family and known.name != known.field.name


def _can_be_asked(known: KnownField) -> bool:
    """Tell whether the language has words for it: people make up parameters with names that are none in it."""
    try:
        return bool(parse(known.example).tests)
    except QueryError:
        return False


def _total(found: Findings) -> str:
    """Say how many versions were found; nothing where they were not counted."""
    if found.common is None:
        return ""
    many = "" if found.common.exact else "more than "
    return f"{many}{found.common.total:,} version{'' if found.common.total == 1 else 's'}"


def _orders(sought: Sought, query: Query) -> Sequence[Choice]:
    """Offer the orders that make sense for a query: by the numbers that it names, too."""
    offered = {"": "relevance", "newest": "newest"} if query.words else {"": "newest"}
    offered["oldest"] = "oldest"
    for test in query.tests:
        if test.field.kind.value not in {"text", "time"} and (test.field.place.value == "fact" or test.key in _LIVE):
            offered |= {f"-{test.key}": f"{test.key}, largest", test.key: f"{test.key}, smallest"}
    offered.setdefault(sought.sort, sought.sort)
    return [Choice(title, sought.sorted_by(sort), sort == sought.sort) for sort, title in offered.items()]


def _groups(sought: Sought) -> Sequence[Choice]:
    return [
        Choice("repositories", sought.for_each(""), not sought.each),
        Choice("versions", sought.for_each(VERSIONS), bool(sought.each)),
    ]
