"""Lists that a registry gives in pages (OCI distribution spec, "Listing Tags"): bounded, and never from elsewhere."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from orchard.errors import InvalidDocumentError, RemoteError
from orchard.oci import JSON, loads
from orchard.remote.client import Answer, Client, Request
from orchard.remote.origin import Url

PAGE: Final = 1000  # entries to ask for; distribution refuses more (CVE-2023-2253)
MAX_PAGES: Final = 1000
MAX_LINK: Final = 16384  # characters
MAX_BODY: Final = 4 << 20  # bytes of one page

_NEXT: Final = re.compile(r'<([^<>]*)>\s*((?:;\s*[a-z*]+\s*=\s*(?:"[^"]*"|[^\s",;]*)\s*)*)', re.IGNORECASE)
_REL: Final = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next)\s*(?:;|$)', re.IGNORECASE)


def pages(client: Client, first: Request) -> Iterator[Answer]:
    """Give one answer after another, following ``Link: <…>; rel="next"``.

    Raises:
        RemoteError: If the list leads to another origin, in a circle, or beyond ``MAX_PAGES``.
        LimitExceededError: If a page is over 4 MiB.
        OrchardError: As ``Client.send``.
    """
    return linked(client.host, first.url, lambda url: client.ask(replace(first, url=url, limit=MAX_BODY)))


def linked(host: str, first: Url, ask: Callable[[Url], Answer]) -> Iterator[Answer]:
    """Give one answer after another, following ``Link: <…>; rel="next"`` within the origin of the first.

    Raises:
        RemoteError: If the list leads to another origin, in a circle, or beyond ``MAX_PAGES``.
        OrchardError: As ``ask`` does.
    """
    seen: set[Url] = set()
    url: Url | None = first
    while url is not None:
        if url in seen or len(seen) >= MAX_PAGES:
            raise RemoteError(f"{host}: the list at {first.path} does not end")
        seen.add(url)
        answer = ask(url)
        yield answer
        url = _next(host, first, answer)


def names(client: Client, first: Request, key: str) -> Iterator[str]:
    """Give the strings of a paged list, such as ``{"tags": ["a", "b"]}``; ``null`` is an empty list.

    Raises:
        InvalidDocumentError: If an answer is not such a list.
        OrchardError: As ``pages``.
    """
    for answer in pages(client, first):
        what = f"{client.host}: list of {key}"
        value = loads(answer.body, what=what, limit=MAX_BODY)
        listed: JSON = value.get(key) if isinstance(value, dict) else 0
        if not isinstance(listed, list | None) or not all(isinstance(name, str) for name in listed or ()):
            raise InvalidDocumentError(f"{what}: {key!r} is not a list of strings")
        yield from (str(name) for name in listed or ())


def _next(host: str, first: Url, answer: Answer) -> Url | None:
    for link in _NEXT.finditer(answer.headers.get("Link", "")[:MAX_LINK]):
        if _REL.search(link[2]):
            url = answer.url.join(link[1])
            if url.origin != first.origin:
                raise RemoteError(f"{host}: its list goes on at {url.origin}; refused")
            return url
    return None
