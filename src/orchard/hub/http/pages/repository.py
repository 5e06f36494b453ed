"""The pages about a repository: the table of its versions, and its tags."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from orchard.errors import NotFoundError
from orchard.hub.http.pages import answers, rows, sheets
from orchard.hub.http.pages.above import card_of, frame
from orchard.hub.http.pages.addresses import leaf_url
from orchard.hub.http.pages.answers import sentence
from orchard.hub.http.pages.asked import Asked
from orchard.hub.http.pages.columns import VERSION, Column
from orchard.hub.http.pages.ports import Registry, Visit
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.http.pages.tree import Beside
from orchard.hub.registry import Line, QueryError, SheetQuery

TAGS: Final = 200  # on one page
MOVES: Final = 200


class RepositoryPages:
    """Makes the pages about one repository."""

    def __init__(self, registry: Registry, renderer: Renderer) -> None:
        self._registry = registry
        self._renderer = renderer
        self._leaves = {
            "": self.table,
            "card": self.card,
            "tags": self.tags,
            "compare": self.compare,
            "versions.csv": self.csv,
            "versions.json": self.json,
        }

    def answer(self, visit: Visit) -> Response:
        """Show what an address names.

        Raises:
            NotFoundError: If there is no such page.
        """
        view = self._leaves.get(visit.target.leaf)
        if view is None or (visit.target.rest and visit.target.leaf != "tags"):
            raise NotFoundError("there is no such page")
        return view(visit)

    def table(self, visit: Visit) -> Response:
        """Show the versions, or go to the address of the table with the columns that were ticked."""
        asked = Asked.of(visit.request, visit.name)
        ticked = visit.request.query_params.getlist("column")
        if ticked:
            return RedirectResponse(asked.with_columns(ticked).url(), 303, answers.SAFE)
        known = self._registry.tabling.keys(visit.who, visit.name)
        columns = sheets.columns_of(asked, known)
        lines, complaint = self._lines_or_why(visit, asked, sheets.needs(columns, known))
        card = card_of(self._registry, visit)
        made = sheets.table(asked, lines, columns, known=known)
        return self._renderer.page(
            visit.request,
            "repository.html",
            asked=asked,
            table=made,
            body=rows.body(made.rows, self._renderer.now()),
            standard=VERSION,
            complaint=complaint,
            **frame(self._registry, visit, card),
        )

    def csv(self, visit: Visit) -> Response:
        """Give the table that is shown to a spreadsheet."""
        asked, columns, lines = self._exported(visit)
        return answers.download(sheets.as_csv(lines, columns), f"{_stem(asked)}.csv", "text/csv; charset=utf-8")

    def json(self, visit: Visit) -> Response:
        """Give the table that is shown to a program."""
        asked, columns, lines = self._exported(visit)
        return answers.download(sheets.as_json(lines, columns), f"{_stem(asked)}.json")

    def compare(self, visit: Visit) -> Response:
        """Show how two versions differ."""
        from orchard.hub.http.pages.comparing import ComparePage  # noqa: PLC0415 -- a hub's start needs no formats

        return ComparePage(self._registry, self._renderer).answer(visit, self._frame(visit))

    def card(self, visit: Visit) -> Response:
        """Show the model card of the newest version, which is how people introduce a repository."""
        found = card_of(self._registry, visit)
        newest = found.latest.digest
        inside = self._registry.readable(visit.who, visit.name).contents(newest)
        state = inside.understanding()
        body = ""
        if state.card:
            from orchard.hub.http.pages import markdown  # noqa: PLC0415 -- a hub's start needs no parsers of languages

            body = markdown.render(state.card, inside.readme(), Beside(visit.name, newest))
        above = frame(self._registry, visit, found)
        return self._renderer.page(visit.request, "card.html", state=state, body=body, **above)

    def tags(self, visit: Visit) -> Response:
        """Show the tags and what protects them, or where one of them has pointed."""
        if visit.target.rest:
            return self._history(visit)
        after = visit.request.query_params.get("after", "")
        found = self._registry.tagboard.tags(visit.who, visit.name, after=after, limit=TAGS + 1)
        return self._renderer.page(
            visit.request,
            "tags.html",
            tags=found[:TAGS],
            following=_tags_after(visit.name, found[TAGS - 1].summary.name) if len(found) > TAGS else "",
            **self._frame(visit),
        )

    def _history(self, visit: Visit) -> Response:
        tag = visit.target.rest
        moves = self._registry.tagboard.moves(visit.who, visit.name, tag, limit=MOVES)
        return self._renderer.page(visit.request, "tag.html", tag=tag, moves=moves, **self._frame(visit))

    def _exported(self, visit: Visit) -> tuple[Asked, list[Column], Sequence[Line]]:
        asked = Asked.of(visit.request, visit.name)
        known = self._registry.tabling.keys(visit.who, visit.name)
        columns = sheets.columns_of(asked, known)
        card_of(self._registry, visit)
        return asked, columns, self._lines(visit, asked, sheets.needs(columns, known))

    def _lines_or_why(self, visit: Visit, asked: Asked, keys: Sequence[str]) -> tuple[Sequence[Line], str]:
        """Give the rows, else why the filter cannot be understood: whoever typed it is told beside the box."""
        try:
            return self._lines(visit, asked, keys, beyond=1), ""
        except QueryError as error:
            return [], sentence(error)

    def _lines(self, visit: Visit, asked: Asked, keys: Sequence[str], *, beyond: int = 0) -> Sequence[Line]:
        query = SheetQuery(
            order=asked.order, filter=asked.filter, after=asked.after, limit=asked.rows + beyond, keys=keys
        )
        return self._registry.tabling.lines(visit.who, visit.name, query)

    def _frame(self, visit: Visit) -> dict[str, object]:
        return frame(self._registry, visit, card_of(self._registry, visit))


def _tags_after(name: str, tag: str) -> str:
    return f"{leaf_url(name, None, 'tags')}?{urlencode({'after': tag})}"


def _stem(asked: Asked) -> str:
    return f"{asked.repository.rpartition('/')[2]}-versions"
