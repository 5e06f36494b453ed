"""Blobs: getting, asking, deleting."""

from contextlib import suppress
from typing import Final

from orchard.errors import DeniedError
from orchard.hub.http.asgi import Headers
from orchard.hub.http.distribution.conditions import etag, unchanged
from orchard.hub.http.distribution.errors import problem
from orchard.hub.http.distribution.service import Call, Service
from orchard.hub.http.ranges import parse_range
from orchard.hub.http.replies import Reply, reply
from orchard.hub.registry import Blob, Content
from orchard.oci import Digest, wire

# Content that somebody else made must never run in the origin of the hub's pages: no sniffing, no scripts.
_SAFE: Final = (
    (b"content-type", b"application/octet-stream"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"accept-ranges", b"bytes"),
    (b"cache-control", b"private, max-age=31536000, immutable"),
)


async def get(service: Service, call: Call) -> Reply:
    """Send a blob, or a part of it, or say where it can be had."""
    digest = Digest.parse(call.tail)
    repository = await service.reading(call)
    blob, content = await service.ask(repository, lambda: repository.held(digest))
    answer = _found(call, blob, content)
    if answer.content is None or content.file is not None:
        return answer
    url = await service.threads.run(content.url)
    if url is None:
        return answer
    # The address opens the blob for whoever has it, so nobody may keep it; it is another host, so no login goes along.
    name = (wire.DIGEST_HEADER.lower().encode(), str(digest).encode())
    return reply(307, [(b"location", url.encode()), (b"cache-control", b"no-store"), name])


async def ask(service: Service, call: Call) -> Reply:
    """Tell whether a blob is there. Whoever may push it can leave that out then, and rely on the blob for a while."""
    digest = Digest.parse(call.tail)
    repository = await service.reading(call)

    def look() -> tuple[Blob, Content]:
        with suppress(DeniedError):  # who may only read relies on nothing
            service.registry.writable(call.who, call.name).promise(digest)
        return repository.held(digest)

    return _found(call, *await service.ask(repository, look))


def _found(call: Call, blob: Blob, content: Content) -> Reply:
    digest = blob.digest
    known = unchanged(call, _headers(blob), str(digest))
    if known is not None:
        return known
    wanted = parse_range(_range(call, digest), blob.size)
    if wanted == "unsatisfiable":
        headers = [(b"content-range", b"bytes */%d" % blob.size)]
        return problem(416, wire.SIZE_INVALID, f"{digest} has {blob.size} bytes", headers=headers)
    if wanted == "whole":
        length = (b"content-length", b"%d" % blob.size)
        part = range(blob.size) if content.file is None else None
        return Reply(200, [*_headers(blob), length], content=content if blob.size else None, part=part)
    span = b"bytes %d-%d/%d" % (wanted.start, wanted.stop - 1, blob.size)
    headers = [*_headers(blob), (b"content-range", span), (b"content-length", b"%d" % len(wanted))]
    return Reply(206, headers, content=content, part=wanted)


async def delete(service: Service, call: Call) -> Reply:
    """Take a blob out of a repository."""
    digest = Digest.parse(call.tail)
    repository = await service.deleting(call)
    await service.threads.run(lambda: repository.delete_blob(digest))
    return reply(202)


def _headers(blob: Blob) -> Headers:
    digest = str(blob.digest).encode()
    return [*_SAFE, (wire.DIGEST_HEADER.lower().encode(), digest), etag(digest)]


def _range(call: Call, digest: Digest) -> str | None:
    """Give the wanted range, unless the client wants it of other bytes only (If-Range)."""
    condition = call.header(b"if-range")
    return call.header(b"range") if condition in {None, f'"{digest}"'} else None
