"""Repositories at a glance: the list that several pages show, stretch by stretch, and what was done lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlencode

from starlette.requests import Request

from orchard.hub.access import Principal
from orchard.hub.http.pages import cells, text
from orchard.hub.http.pages.addresses import repository_url, version_url
from orchard.hub.http.pages.ports import Windows
from orchard.hub.registry import Activity, Card, Deed, Stretch

REPOSITORIES: Final = 20  # on one page of the list
MAX_NAME: Final = 255
_KEYS: Final = ("format", "architecture", "family", "params", "precision", "quantization", "license")
_TAGS: Final = 3
_DID: Final[Mapping[Deed, tuple[str, str]]] = {
    Deed.PUSHED: ("pushed", "versions"),
    Deed.TAGGED: ("tagged", "tags"),
    Deed.MOVED: ("moved", "tags"),
    Deed.REMOVED: ("removed", "tags"),
}


@dataclass(frozen=True, slots=True)
class Glance:
    """A repository in the list.

    Attributes:
        params: How many parameters its newest model has; empty if that is not known.
        traits: Format, architecture and precision of that model, as far as they are known.
    """

    card: Card
    params: str
    traits: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of the list.

    Attributes:
        count: How many repositories there are in all; none if they are many.
        earlier: Address of the page before; empty at the beginning.
        later: Address of the page behind; empty at the end.
    """

    glances: Sequence[Glance]
    count: int | None
    earlier: str
    later: str

    @classmethod
    def of(cls, windows: Windows, request: Request, who: Principal, *, namespace: str = "") -> Self:
        """Read which page is wanted, and what is on it."""
        asked = request.query_params
        wanted = Stretch(
            namespace=namespace,
            after=asked.get("after", "")[:MAX_NAME],
            before=asked.get("before", "")[:MAX_NAME],
            limit=REPOSITORIES,
        )
        found = windows.showcase.names(who, wanted)
        cards = windows.tabling.cards(who, found.names, _KEYS)
        path = request.url.path
        first = not (wanted.after or wanted.before)
        return cls(
            [glance(card) for card in cards],
            found.count,
            _further(path, before=found.names[0]) if found.names and found.earlier and not first else "",
            _further(path, after=found.names[-1]) if found.names and found.later else "",
        )


def glance(card: Card) -> Glance:
    """Say what the newest version of a repository is."""
    params = _first(card.facts, "params")
    traits = [_first(card.facts, "format") or card.latest.model_format, _first(card.facts, "architecture")]
    traits += [_first(card.facts, "quantization") or _first(card.facts, "precision")]
    words = list(dict.fromkeys(text.clip(str(trait), 24) for trait in traits if trait))
    return Glance(card, text.parameters(params) if isinstance(params, float) else "", " · ".join(words))


def _first(known: Mapping[str, Sequence[cells.Fact]], key: str) -> cells.Fact | None:
    values = known.get(key)
    return values[0] if values else None


def _further(path: str, **where: str) -> str:
    return f"{path}?{urlencode(where)}"


@dataclass(frozen=True, slots=True)
class News:
    """Something that was done, for people.

    Attributes:
        url: Of the version that it is about, else of the repository.
        what: What was done, in a word.
        tags: To which tags.
        others: How many tags more.
        more: The like that was done right before, in words; empty if nothing was.
    """

    activity: Activity
    url: str
    what: str
    tags: Sequence[str]
    others: int
    more: str


def news(activity: Activity) -> News:
    """Put it into words."""
    name, tags = activity.repository, activity.tags
    url = repository_url(name)
    if activity.digest is not None:
        url = version_url(name, tags[0] if activity.deed is Deed.PUSHED and tags else activity.digest)
    what, things = _DID[activity.deed]
    more = f"and {activity.more} {things[:-1] if activity.more == 1 else things} more" if activity.more else ""
    return News(activity, url, what, tags[:_TAGS], max(0, len(tags) - _TAGS), more)
