"""Templates, and what every one of them may use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from orchard.hub.access import Principal
from orchard.hub.http.pages import addresses, answers, text
from orchard.hub.http.pages.addresses import Place
from orchard.hub.http.pages.answers import Problem
from orchard.hub.http.pages.assets import Assets

_HERE: Final = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Link:
    """What leads to a page.

    Attributes:
        url: Its path.
        foot: Whether it stands in the foot of pages and not in their head.
    """

    title: str
    url: str
    foot: bool = False


class Renderer:
    """Makes pages of templates. Each is compiled when it is first needed: all of them took a fifth of the hub's start.

    Attributes:
        now: The time.
    """

    def __init__(
        self,
        assets: Assets,
        now: Callable[[], datetime],
        *,
        login: Callable[[str], str] | None = None,
        links: Callable[[Principal], Sequence[Link]] = lambda _: (),
    ) -> None:
        self.now = now
        self._login = login
        self._links = links
        self._environment = environment(assets)

    def login_url(self, request: Request) -> str:
        """Give the address to log in at for this page; empty if nobody logs in here, or somebody has."""
        if self._login is None or _account(request):
            return ""
        query: bytes = request.scope["query_string"]
        return self._login(quote(request.url.path) + (f"?{query.decode('latin-1')}" if query else ""))

    def page(self, request: Request, template: str, status: int = 200, /, **values: object) -> Response:
        """Fill a template and send it.

        An answer that has been made keeps its status: it may be that the browser has the page already (304).
        """
        return answers.page(request, self._fill(request, template, values), status=status)

    def fragment(self, template: str, **values: object) -> Markup:
        """Fill a piece that is the same on a page for everybody."""
        return Markup(self._environment.get_template(template).render(**values))  # noqa: S704 -- templates escape

    def problem(self, request: Request, problem: Problem) -> Response:
        """Tell a person what went wrong."""
        filled = self._fill(request, "problem.html", {"problem": problem})
        return answers.page(request, filled, status=problem.status, headers=problem.headers)

    def _fill(self, request: Request, template: str, values: dict[str, object]) -> str:
        moment = self.now()
        ages = partial(text.ago, now=moment)
        return self._environment.get_template(template).render(
            place=Place.of(request),
            ago=ages,
            account=_account(request),
            login_url=self.login_url(request),
            links=self._links_for(request),
            here=request.url.path,
            **values,
        )

    def _links_for(self, request: Request) -> Sequence[Link]:
        who = getattr(request.state, "who", None)
        return () if who is None else self._links(who)


def _account(request: Request) -> str:
    """Name the account whose session a page is shown in; empty if it is shown in none."""
    return str(request.state.who.name) if getattr(request.state, "session", False) else ""


@lru_cache(maxsize=1)
def environment(assets: Assets) -> Environment:
    """Set Jinja up: everything escaped, everything visible, nothing missing without a word.

    Compiling all templates takes 0.4 s, so the last one is kept: it depends on nothing but the files.
    """
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=text.visible,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(
        asset=assets.url,
        repository_url=addresses.repository_url,
        version_url=addresses.version_url,
        manifest_url=addresses.manifest_url,
        leaf_url=addresses.leaf_url,
        namespace_url=addresses.namespace_url,
        search_url=addresses.search_url,
    )
    made.filters.update(
        size=text.size,
        exact_size=text.exact_size,
        number_of=text.count,
        exact_time=text.exact_time,
        machine_time=text.machine_time,
        clip=text.clip,
        number=text.number,
        parameters=text.parameters,
        plain=text.plain,
    )
    return made
