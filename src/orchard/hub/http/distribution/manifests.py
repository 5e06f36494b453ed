"""Manifests: getting, pushing, deleting, by tag or by digest."""

from functools import lru_cache
from typing import Final

from orchard.errors import InvalidDigestError, NotFoundError
from orchard.hub.access import Principal
from orchard.hub.http.asgi import Headers
from orchard.hub.http.distribution.conditions import condition, etag, unchanged
from orchard.hub.http.distribution.errors import problem
from orchard.hub.http.distribution.service import Call, Service
from orchard.hub.http.distribution.warnings import warnings
from orchard.hub.http.replies import Reply, reply
from orchard.hub.registry import Registry, StoredManifest
from orchard.oci import MAX_MANIFEST, Digest, check_tag, wire

MAX_TAGS: Final = 64  # that one push may set
_DIGEST: Final = wire.DIGEST_HEADER.lower().encode()
_SUBJECT: Final = wire.SUBJECT_HEADER.lower().encode()


async def get(service: Service, call: Call) -> Reply:
    """Send a manifest as it was received, whatever types the client says it accepts: many say too little."""
    hot = service.registry.recall(call.who, call.name, call.tail)
    said: tuple[str, ...] = ()
    if hot is None:
        repository = await service.reading(call)
        reference = _reference(call.tail)
        hot = await service.ask(repository, lambda: repository.manifest(reference))
        said = tuple(repository.warnings)
    service.registry.asked(call.name, hot.digest, pulled=call.method == "GET")
    found = _found(call, hot)
    found.headers.extend(warnings(said))
    return found


def hot(registry: Registry, who: Principal, place: tuple[str, str], *, pulled: bool) -> tuple[Headers, bytes] | None:
    """Give headers and bytes of a manifest, if that takes no waiting: it is in memory, and ``who`` may read it."""
    name, reference = place
    found = registry.recall(who, name, reference)
    if found is None:
        return None
    registry.asked(name, found.digest, pulled=pulled)
    return [*_headers(found.digest, found.media_type), (b"content-length", b"%d" % len(found.raw))], found.raw


async def put(service: Service, call: Call) -> Reply:
    """Take a manifest and the tags that come with it."""
    repository = await service.writing(call)
    reference = _reference(call.tail)
    if call.fields > MAX_TAGS:
        return problem(414, wire.UNSUPPORTED, f"{call.fields} parameters; at most {MAX_TAGS} tags can be set at once")
    tags = [check_tag(tag) for tag in call.query.get("tag", ())]
    digest = reference if isinstance(reference, Digest) else None
    wanted = condition(call) if digest is None else None  # what a digest names never changes
    if isinstance(reference, str):
        tags = [reference, *tags]
    raw = await call.body.read(MAX_MANIFEST, "manifest")
    media_type = call.header(b"content-type") or ""
    try:
        pushed = await service.threads.run(
            lambda: repository.put_manifest(raw, media_type, digest=digest, tags=tags, condition=wanted)
        )
    except NotFoundError as error:  # it names what is not there
        return problem(404, wire.MANIFEST_BLOB_UNKNOWN, str(error))
    name = str(pushed.digest).encode()
    headers = [(b"location", b"/v2/%b/manifests/%b" % (call.name.encode(), name)), (_DIGEST, name), etag(name)]
    if pushed.subject is not None:
        headers.append((_SUBJECT, str(pushed.subject).encode()))
    if "tag" in call.query:
        headers.append((b"oci-tag", ", ".join(call.query["tag"]).encode()))
    return reply(201, [*headers, *warnings(pushed.warnings)])


async def delete(service: Service, call: Call) -> Reply:
    """Forget a tag; or a manifest with all its tags."""
    repository = await service.deleting(call)
    reference = _reference(call.tail)
    if isinstance(reference, Digest):
        await service.threads.run(lambda: repository.delete_manifest(reference))
    else:
        wanted = condition(call)
        await service.threads.run(lambda: repository.delete_tag(reference, wanted))
    return reply(202)


def _found(call: Call, manifest: StoredManifest) -> Reply:
    headers = list(_headers(manifest.digest, manifest.media_type))
    return unchanged(call, headers, str(manifest.digest)) or reply(200, headers, manifest.raw)


@lru_cache(maxsize=4096)
def _headers(digest: Digest, media_type: str) -> tuple[tuple[bytes, bytes], ...]:
    name = str(digest).encode()
    return (
        (b"content-type", media_type.encode()),
        (_DIGEST, name),
        etag(name),
        (b"x-content-type-options", b"nosniff"),
    )


def _reference(tail: str) -> str | Digest:
    """Read a tag or a digest.

    Raises:
        InvalidDigestError: If it looks like a digest and is none.
        InvalidReferenceError: If it can be neither.
    """
    if ":" not in tail:
        return check_tag(tail)
    try:
        return Digest.parse(tail)
    except InvalidDigestError as error:
        raise InvalidDigestError(f"manifest: {error}") from error
