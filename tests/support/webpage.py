"""Asking an ASGI application for a page without a server, and reading the page as a browser would."""

import asyncio
import gzip
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp

_INLINE = frozenset(("a", "bdi", "code", "i", "span"))
_VOID = frozenset(("br", "circle", "hr", "img", "input", "link", "meta", "path", "polyline", "rect", "use"))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()

    @property
    def page(self) -> "Webpage":
        page = Webpage()
        page.feed(self.text)
        page.close()
        assert not page.open, f"elements without an end: {page.open}"
        return page


@dataclass
class Webpage(HTMLParser):
    """The elements of a page, each with its attributes, and its text."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _INLINE:
            self.texts.append(" ")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _VOID, f"<{tag}/> would stay open"
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> ends nothing"
        assert self.open.pop() == tag, f"</{tag}> is in the wrong place"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    @property
    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        """What no artifact may change: which elements there are, and which attributes they have."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [found for name, found in self.elements if name == tag and wanted.items() <= found.items()]

    def links_here(self) -> list[str]:
        """Give where links within the hub lead, without the place on the page."""
        hrefs = [attributes.get("href", "").partition("#")[0] for attributes in self.all("a")]
        return [href for href in hrefs if href.startswith("/") and not href.startswith("//")]

    def links(self) -> list[str]:
        return [attributes["href"] for attributes in self.all("a")]


def visit(
    app: ASGIApp,
    target: str,
    *,
    method: str = "GET",
    host: str = "127.0.0.1:5000",
    headers: dict[str, str] | None = None,
    seen: list[Answer] | None = None,
) -> Answer:
    """Ask for a page; ``seen`` gets the answer even if the application fails after it."""
    parts = urlsplit(target)
    sent = {"host": host, **(headers or {})}
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
        "server": ("127.0.0.1", 5000),
        "client": ("127.0.0.1", 40000),
        "root_path": "",
    }
    messages: list[MutableMapping[str, Any]] = []

    try:
        asyncio.run(_call(app, scope, messages))
    finally:
        answer = _answer(messages)
        if seen is not None:
            seen.append(answer)
    return answer


def _answer(messages: list[MutableMapping[str, Any]]) -> Answer:
    start, *bodies = messages
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in bodies))


async def _call(app: ASGIApp, scope: MutableMapping[str, Any], messages: list[MutableMapping[str, Any]]) -> None:
    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    await app(scope, asyncio.Queue[MutableMapping[str, Any]]().get, send)
