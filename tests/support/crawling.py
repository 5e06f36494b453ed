"""Every page of a hub, found by its links, and whether anything of a stranger could run there."""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Final
from urllib.parse import urlencode, urlsplit

from support.hubs import Client
from support.webpage import Answer, Webpage

MOST: Final = 500  # pages
_EACH: Final = 3  # of a kind
# What a browser loads, sends or runs; the hub's own pages have no use for the rest of them.
_NEVER: Final = frozenset(
    ("applet", "audio", "base", "embed", "foreignobject", "frame", "iframe", "math", "object", "style", "video")
)
_ADDRESSES: Final = frozenset(("action", "data", "data-live", "formaction", "href", "poster", "src", "xlink:href"))
_SAVED: Final = re.compile(r"^/(api/|logout|r/[^?]*/raw/|r/[^?]*/-/versions\.|r/[^?]*/manifest\.json)")
_DIGEST: Final = re.compile(r"sha256(:|%3A)[0-9a-f]{64}", re.IGNORECASE)


def session(hub: Client, name: str, password: str) -> str:
    """Log in as a browser does, and give the cookie."""
    body = urlencode({"name": name, "password": password}).encode()
    answer = hub.request("POST", "/login", body, {"content-type": "application/x-www-form-urlencoded"})
    assert answer.status == 303, answer
    return answer.headers["set-cookie"].partition(";")[0]


def crawl(hub: Client, *starts: str, **headers: str) -> Iterator[tuple[str, Answer]]:
    """Give every page that links lead to, a few of each kind."""
    waiting, seen, kinds = list(starts), set(starts), dict[str, int]()
    given = 0
    while waiting and given < MOST:
        path = waiting.pop(0)
        found = hub.get(path, **headers)
        answer = Answer(found.status, dict(found.headers), found.body)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        given += 1
        yield path, answer
        for link in answer.page.links_here():
            kind = _kind(link)
            if link in seen or _SAVED.match(link) or kinds.get(kind, 0) >= _EACH:
                continue
            kinds[kind] = kinds.get(kind, 0) + 1
            seen.add(link)
            waiting.append(link)


def _kind(link: str) -> str:
    """Tell pages apart by what they show, not by which repository of a namespace, version, tag or file."""
    path, _, query = _DIGEST.sub("DIGEST", link).partition("?")
    if path.startswith("/docs/"):
        return "/docs/"
    repository, colon, rest = path.partition("@" if "@" in path else ":")
    parts = rest.split("/")
    leaf = f"{bool(colon)}/{parts[1] if len(parts) > 1 else ''}/{len(parts)}"
    name, dash, inner = repository.partition("/-/")
    stem = "/".join(name.split("/")[:3]) + dash + inner.partition("/")[0]
    keys = sorted(part.partition("=")[0] for part in query.split("&"))
    return f"{stem}{leaf}?{bool(query) if path.startswith('/r/') else keys}"


def dangers(page: Webpage) -> list[str]:
    """Tell what on a page could run, load or send something that the hub did not mean."""
    return [danger for tag, attributes in page.elements for danger in _dangers_of(tag, attributes)]


def _dangers_of(tag: str, attributes: Mapping[str, str]) -> Iterator[str]:
    said = f"<{tag} {dict(attributes)}>"[:300]
    if tag in _NEVER:
        yield said
    if tag == "script" and not attributes.get("src", "").startswith("/static/"):
        yield said
    if tag == "meta" and "http-equiv" in attributes:
        yield said
    for name, value in attributes.items():
        if name.startswith("on") or name in {"style", "srcdoc", "srcset", "ping"}:
            yield said
        if name in _ADDRESSES and not _harmless(tag, name, unescape(value)):
            yield said


def _harmless(tag: str, name: str, value: str) -> bool:
    if re.search(r"[\x00-\x20\\]", value):  # browsers leave them out of an address, and it is another one
        return False
    parts = urlsplit(value)
    own = not parts.scheme and not parts.netloc
    return own or (tag == "a" and name == "href" and parts.scheme in {"http", "https", "mailto"})
