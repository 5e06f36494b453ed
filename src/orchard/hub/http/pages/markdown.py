"""Markdown of strangers as HTML that nothing can run in, and source code with its words told apart."""

import re
from collections.abc import Callable
from functools import lru_cache
from posixpath import dirname, join, normpath
from typing import Final
from urllib.parse import unquote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound

from orchard.hub.http.pages.text import visible

MAX_SOURCE: Final = 256 << 10  # characters of a source text: 1,000 lines take 66 ms
MAX_MARKDOWN: Final = 64 << 10  # of a document: 22 KB of an honest one take 80 ms, 64 KB of a hostile one a second
_KEPT: Final = 32  # rendered documents in memory
_FRONT: Final = re.compile(r"\A---[ \t]*\n.*?\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_TAGS: Final = {
    *(
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "del",
        "details",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
    ),
    *("kbd", "li", "ol", "p", "pre", "s", "strong", "sub", "summary", "sup", "table", "tbody", "td", "th"),
    *("thead", "tr", "ul"),
}
_ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "img": {"src", "alt"},
    "ol": {"start"},
    "td": {"colspan"},
    "th": {"colspan"},
}
_SCHEMES: Final = {"http", "https", "mailto"}
_IMAGES: Final = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_FORMATTER: Final = HtmlFormatter(nowrap=True, classprefix="hl-")

# Gives the address of a file of the version, as a page or (for pictures) as bytes.
Place = Callable[[str, bool], str]


def parser() -> MarkdownIt:
    """Make a parser that many threads may use from the start.

    Left alone, it orders its rules when it is first used, and a second thread that comes meanwhile finds none: "none
    of the block rules matched", or a document without its links and code.
    """
    made = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
    for ruler in (made.core.ruler, made.block.ruler, made.inline.ruler, made.inline.ruler2):
        ruler.getRules("")
    return made


_PARSER: Final = parser()
# On a phone a table is wider than the page. Text of a document cannot be mistaken for one: its angles are escaped.
_SCROLLER: Final = '<div class="scroller" role="group" aria-label="Table, to scroll" tabindex="0">'


@lru_cache(_KEPT)
def render(text: str, path: str, place: Place) -> Markup:
    """Render a document at a path of a version; whatever it names beside it leads to the hub's page of that file.

    Nothing is loaded from anywhere but the version itself: other pictures leave their description.
    """
    body = _FRONT.sub("", str(visible(text[:MAX_MARKDOWN])), count=1)

    def address(tag: str, attribute: str, value: str) -> str | None:
        if attribute not in {"href", "src"}:
            return value
        return _address(value, path, place, picture=tag == "img")

    clean = nh3.clean(
        _PARSER.render(body),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=address,
        url_schemes=_SCHEMES,
        link_rel="nofollow noopener noreferrer",
    )
    clean = clean.replace("<img>", "")  # a picture of elsewhere that nobody described
    clean = clean.replace("<th></th>", "<td></td>")  # a head that says nothing is none: readers aloud stumble over it
    clean = clean.replace("<table>", _SCROLLER + "<table>").replace("</table>", "</table></div>")
    return Markup(clean)  # noqa: S704 -- nh3 made it


def source(text: str, path: str) -> Markup:
    """Tell the words of a source text apart, if its language is known by its name."""
    shown = str(visible(text[:MAX_SOURCE]))
    try:
        lexer = get_lexer_for_filename(path.rpartition("/")[2][-200:], stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(shown)
    return Markup(highlight(shown, lexer, _FORMATTER))  # noqa: S704 -- Pygments escapes what it is given


def _address(value: str, path: str, place: Place, *, picture: bool) -> str | None:
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return None
    if parts.scheme or parts.netloc or value.startswith(("//", "\\")):
        return None if picture or parts.scheme not in _SCHEMES else value
    if not parts.path:
        return None
    beside = normpath(join(dirname(path), unquote(parts.path).lstrip("/")))
    if beside.startswith("..") or (picture and not beside.lower().endswith(_IMAGES)):
        return None
    return place(beside, picture)
