"""Search: versions by words and by what is known of them."""

from typing import Annotated

from msgspec import Meta

from orchard.hub.access import Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Count, Input, Output, Paged, Part, QueryText, RepositoryName, SortText
from orchard.hub.http.api.versions import Version, shown
from orchard.hub.registry import Common, Hit, KnownField, Registry, Wish, parse


class SearchQuery(Paged, frozen=True):
    """What is looked for.

    Attributes:
        q: What the versions must be; all of them, if it is empty.
        sort: In which order they come.
        latest: Whether to give only the first version of each repository.
        facts: Keys of what else is to be told of each version, with commas between them.
    """

    q: QueryText = ""
    sort: SortText = ""
    latest: bool = False
    facts: Annotated[str, Meta(max_length=1000, examples=["metric.accuracy,param.lr"])] = ""


class FacetQuery(Input, frozen=True):
    """What is looked for.

    Attributes:
        q: What the versions must be.
    """

    q: QueryText = ""


class Passage(Output, frozen=True):
    """Part of a text in which words were found.

    Attributes:
        text: The part.
        is_match: Whether it is what was looked for.
    """

    text: str
    is_match: bool


class SearchHit(Output, frozen=True):
    """A version that was found.

    Attributes:
        repository: Where it is.
        version: The version.
        facts: What is known of it, by key: format, params, license and the like, what the query names, what it is
            sorted by, and what was asked for. Each has one value or several.
        passage: Where its description or its card holds the words, in parts; empty if they are elsewhere.
    """

    repository: RepositoryName
    version: Version
    facts: Annotated[dict[str, list[str | float]], Meta(examples=[{"format": ["gguf"], "params": [8030261248.0]}])]
    passage: list[Passage]


class FacetValue(Output, frozen=True):
    """A value that versions have in common.

    Attributes:
        value: The value.
        versions: How many have it.
    """

    value: str
    versions: Count


class Facets(Output, frozen=True):
    """What versions have in common.

    Attributes:
        versions: How many were counted.
        is_exact: Whether these are all that were found; else they are the newest 2,000.
        values: Of `kind`, `format`, `license`, `architecture`, `framework`, `dataset`, `namespace` and `tag`, the
            values that most have.
    """

    versions: Count
    is_exact: bool
    values: dict[str, list[FacetValue]]


class SearchField(Output, frozen=True):
    """A field that can be asked.

    Attributes:
        name: As it is written in queries; one that ends with a dot stands for all that begin so.
        kind: What its values are: `text`, `number`, `size` (bytes), `time` or `any` (texts or numbers).
        about: What it holds.
        example: A term that uses it.
        aliases: Other names of it.
        value: A value that it has in a version that you may see.
    """

    name: str
    kind: Annotated[str, Meta(examples=["number"])]
    about: str
    example: Annotated[str, Meta(examples=["params>7e9"])]
    aliases: list[str]
    value: str | float | None


class FieldList(Output, frozen=True):
    """What can be asked.

    Attributes:
        fields: All fields, then the parameters, metrics and datasets of versions that you may see.
    """

    fields: list[SearchField]


class Search:
    """Search: versions by words in names, descriptions and cards, and by what is known of them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation("GET", "/search")
    def search(self, who: Principal, *, query: SearchQuery) -> Part[SearchHit]:
        """Find versions in all repositories that you may see.

        A query that cannot be understood is refused; the answer says where, and what would be right.
        """
        wish = Wish(
            query=parse(query.q),
            sort=query.sort,
            after=query.after,
            limit=query.limit,
            latest=query.latest,
            facts=tuple(query.facts.split(",")),
        )
        found = self._registry.finder.find(who, wish)
        return Part([_hit(one) for one in found.hits], found.after)

    @operation("GET", "/search/facets")
    def search_facets(self, who: Principal, *, query: FacetQuery) -> Facets:
        """Count what the versions have in common that a search finds."""
        return _facets(self._registry.finder.common(who, parse(query.q)))

    @operation("GET", "/search/fields")
    def search_fields(self, who: Principal) -> FieldList:
        """List the fields that queries can name, each with an example, and with a value that a version has."""
        return FieldList([_field(one) for one in self._registry.finder.fields(who)])


def _hit(hit: Hit) -> SearchHit:
    return SearchHit(
        repository=hit.repository,
        version=shown(hit.version),
        facts={key: list(values) for key, values in hit.facts.items()},
        passage=[Passage(piece.text, piece.found) for piece in hit.passage],
    )


def _facets(common: Common) -> Facets:
    values = {key: [FacetValue(value, versions) for value, versions in found] for key, found in common.values.items()}
    return Facets(common.total, common.exact, values)


def _field(known: KnownField) -> SearchField:
    return SearchField(
        name=known.name,
        kind=known.field.kind.value,
        about=known.field.about,
        example=known.example,
        aliases=list(known.field.aliases),
        value=known.value,
    )
