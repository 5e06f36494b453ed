"""Lists: tags, referrers, repositories, page by page."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlencode

from orchard.errors import DeniedError
from orchard.hub.http.asgi import Headers
from orchard.hub.http.distribution.service import Call, Service, number
from orchard.hub.http.distribution.warnings import warnings
from orchard.hub.http.replies import Reply, reply
from orchard.hub.registry import Page, TagMove
from orchard.oci import JSON, MAX_MANIFEST, Digest, check_tag, dumps, loads, mediatype, wire

DISCOVER: Final = "_oci/ext/discover"
TAG_HISTORY: Final = "_orchard/tags/history"

_JSON: Final = [(b"content-type", b"application/json")]
_EXTENSIONS: Final[JSON] = [
    {
        "name": "_oci",
        "description": "which extensions there are",
        "url": "https://github.com/opencontainers/distribution-spec/blob/main/extensions/_oci.md",
        "endpoints": [DISCOVER],
    },
    {
        "name": "_orchard",
        "description": "where a tag has pointed: ?tag=<tag>, newest first, pages by n and last",
        "url": "docs/hub-protocol.md",
        "endpoints": [TAG_HISTORY],
    },
]


async def ping(service: Service, call: Call) -> Reply:  # noqa: ARG001 -- the shape of all endpoints
    """Say that this is a registry."""
    return reply(200, _JSON, b"{}")


async def tags(service: Service, call: Call) -> Reply:
    """List the tags of a repository."""
    page = call.page
    repository = await service.reading(call)
    found = await service.ask(repository, lambda: repository.tags(_one_more(page)))
    shown = found[: page.limit]
    link = _next(f"/v2/{call.name}/tags/list", page, shown, more=len(found) > page.limit)
    headers = [*_JSON, *warnings(repository.warnings), *link]
    return reply(200, headers, dumps({"name": call.name, "tags": shown}))


async def catalog(service: Service, call: Call) -> Reply:
    """List the repositories that whoever asks may see.

    Raises:
        DeniedError: If the token that was shown is not for this.
    """
    page = call.page
    who = call.who.for_lists
    if who.ticket is not None:
        raise DeniedError("the token is not for the list of repositories")
    found = await service.threads.run(lambda: service.registry.names(who, _one_more(page)))
    shown = found[: page.limit]
    headers = [*_JSON, *_next("/v2/_catalog", page, shown, more=len(found) > page.limit)]
    return reply(200, headers, dumps({"repositories": shown}))


async def referrers(service: Service, call: Call) -> Reply:
    """List the manifests that are about another one, as an index."""
    subject = Digest.parse(call.tail)
    page = call.page
    repository = await service.reading(call)
    kind = call.parameter("artifactType") or None
    shown, more = await service.ask(repository, lambda: repository.referrers(subject, page, kind))
    # Content-Type without a charset: clients compare the whole string.
    headers: Headers = [(b"content-type", mediatype.OCI_INDEX.encode()), *warnings(repository.warnings)]
    if kind is not None:
        headers.append((wire.FILTERS_HEADER.lower().encode(), b"artifactType"))
    if more and shown:
        last = loads(shown[-1].encode(), what="referrer", limit=2 * MAX_MANIFEST)
        assert isinstance(last, dict)
        query = {"n": page.limit, "last": last["digest"], **({} if kind is None else {"artifactType": kind})}
        headers.append(_link(f"/v2/{call.name}/referrers/{subject}", query))
    opening = b'{"schemaVersion":2,"mediaType":"%b","manifests":[' % mediatype.OCI_INDEX.encode()
    return reply(200, headers, opening + ",".join(shown).encode() + b"]}")


async def tag_history(service: Service, call: Call) -> Reply:
    """List where a tag has pointed, newest first, be it there still or not."""
    tag = check_tag(call.parameter("tag") or "")
    page = call.page
    before = None if page.after == "" else number(page.after, "last")
    repository = await service.reading(call)
    found = await service.threads.run(lambda: repository.tag_moves(tag, before=before, limit=_one_more(page).limit))
    shown = found[: page.limit]
    headers: Headers = [*_JSON]
    if shown and len(found) > page.limit:
        query = {"tag": tag, "n": page.limit, "last": shown[-1].number}
        headers.append(_link(f"/v2/{call.name}/{TAG_HISTORY}", query))
    return reply(200, headers, dumps({"name": call.name, "tag": tag, "history": [_move(move) for move in shown]}))


async def extensions(service: Service, call: Call) -> Reply:
    """List what this registry offers beyond the specification (extension ``_oci``)."""
    if call.name:
        await service.reading(call)
    return reply(200, _JSON, dumps({"extensions": _EXTENSIONS}))


def _move(move: TagMove) -> JSON:
    digest = None if move.digest is None else str(move.digest)
    at = move.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"number": move.number, "digest": digest, "at": at, "account": move.account}


def _one_more(page: Page) -> Page:
    return Page(page.after, page.limit + 1 if page.limit else 0)


def _next(path: str, page: Page, shown: Sequence[str], *, more: bool) -> Headers:
    return [_link(path, {"n": page.limit, "last": shown[-1]})] if more and shown else []


def _link(path: str, parameters: Mapping[str, object]) -> tuple[bytes, bytes]:
    return b"link", f'<{quote(path, safe="/:")}?{urlencode(parameters)}>; rel="next"'.encode()
