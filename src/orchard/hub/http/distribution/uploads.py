"""Uploads: sessions, chunks, streams, mounts (distribution spec, "Pushing blobs")."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from orchard.errors import InvalidDigestError, NotFoundError, RemoteError, StorageError
from orchard.hub.http.asgi import Headers
from orchard.hub.http.body import BATCH
from orchard.hub.http.distribution.errors import problem
from orchard.hub.http.distribution.service import Call, Service
from orchard.hub.http.ranges import parse_chunk
from orchard.hub.http.replies import Reply, reply
from orchard.hub.registry import Blob, OpenUpload
from orchard.oci import ALGORITHMS, Digest, wire

_DIGEST: Final = wire.DIGEST_HEADER.lower().encode()
_MIN_CHUNK: Final = wire.MIN_CHUNK_HEADER.lower().encode()
_UUID: Final = wire.UPLOAD_UUID_HEADER.lower().encode()


async def start(service: Service, call: Call) -> Reply:
    """Begin an upload; or take a blob that comes along, or one that another repository has."""
    if call.parameter("mount") is not None:
        mounted = await _mount(service, call)
        if mounted is not None:
            return _created(call, mounted)
    elif call.parameter("digest") is not None:
        return await _take_whole(service, call)
    algorithm = call.parameter("digest-algorithm") or ALGORITHMS[0]
    repository = await service.writing(call)
    async with service.holding(lambda: repository.start_upload(algorithm)) as upload:
        advice = [(_MIN_CHUNK, b"%d" % service.min_chunk)] if service.min_chunk else []
        return reply(202, [*_progress(call, upload), *advice])


async def status(service: Service, call: Call) -> Reply:
    """Tell how far an upload has come."""
    async with _session(service, call, call.tail) as upload:
        return reply(204, _progress(call, upload))


async def patch(service: Service, call: Call) -> Reply:
    """Take the next bytes of an upload. If the client goes away, what came is kept: it can ask and go on."""
    async with _session(service, call, call.tail) as upload:
        refusal = await _receive(service, call, upload)
        return refusal or reply(202, _progress(call, upload))


async def finish(service: Service, call: Call) -> Reply:
    """End an upload, with its last bytes or with none.

    Raises:
        NotFoundError: If there is none.
        RemoteError: If the client went away or stopped sending.
        StorageError: If the place of blobs or the catalog fails.
    """
    digest = _wanted(call)
    try:
        async with _session(service, call, call.tail) as upload:
            before = upload.size
            try:
                refusal = await _receive(service, call, upload)
                return refusal or _created(call, await service.threads.run(lambda: upload.commit(digest)))
            except (RemoteError, StorageError):  # whoever comes back sends all of it again
                await service.threads.run(lambda: upload.rewind(before))
                raise
    except NotFoundError:
        if call.refusal is not None:
            raise
        return await _finished_before(service, call, digest)


async def cancel(service: Service, call: Call) -> Reply:
    """Forget an upload."""
    async with _session(service, call, call.tail) as upload:
        await service.threads.run(upload.cancel)
    return reply(204)


@asynccontextmanager
async def _session(service: Service, call: Call, session: str) -> AsyncIterator[OpenUpload]:
    repository = await service.writing(call)
    async with service.holding(lambda: repository.upload(session)) as upload:
        yield upload


async def _mount(service: Service, call: Call) -> Blob | None:
    """Link a blob that is somewhere else; a source that cannot exist has none."""
    digest = Digest.parse(call.parameter("mount") or "")
    source = call.parameter("from")
    repository = await service.writing(call)
    return await service.threads.run(lambda: repository.mount(digest, source))


async def _take_whole(service: Service, call: Call) -> Reply:
    digest = _wanted(call)
    repository = await service.writing(call)
    async with service.holding(lambda: repository.start_upload(digest.algorithm, lasting=False)) as upload:
        await _pour(service, call, upload)
        return _created(call, await service.threads.run(lambda: upload.commit(digest)))


async def _pour(service: Service, call: Call, upload: OpenUpload) -> int:
    """Add the body to an upload; if its size is known, what a quota has no room for is refused before it comes."""
    length = call.body.length
    if length is not None and length > BATCH:  # less is asked about when it is there
        await service.threads.run(lambda: upload.expect(length))
    return await call.body.pour(upload.append, service.threads)


async def _finished_before(service: Service, call: Call, digest: Digest) -> Reply:
    """Answer a client that did not hear our answer and asks again: the session is over and the blob is there.

    Raises:
        NotFoundError: If it is not.
    """
    repository = await service.reading(call)
    try:
        return _created(call, await service.threads.run(lambda: repository.blob(digest)))
    except NotFoundError:
        raise NotFoundError(f"{call.name} has no such upload; it is finished, or has expired") from None


def _wanted(call: Call) -> Digest:
    """Read the digest that a finished upload is to have.

    Raises:
        InvalidDigestError: If there is none.
    """
    digest = call.parameter("digest")
    if digest is None:
        raise InvalidDigestError("the parameter digest is missing")
    return Digest.parse(digest)


async def _receive(service: Service, call: Call, upload: OpenUpload) -> Reply | None:
    """Add the body to an upload; refuse a chunk that is out of place or contradicts its own length."""
    header = call.header(b"content-range")
    if header is None:
        await _pour(service, call, upload)
        return None
    chunk = parse_chunk(header)
    if chunk is None:
        return problem(400, wire.BLOB_UPLOAD_INVALID, f"Content-Range {header[:64]!r} is not <first>-<last>")
    start, length = chunk
    if start != upload.size:
        message = f"the chunk begins at byte {start}, the upload continues at {upload.size}"
        return problem(416, wire.BLOB_UPLOAD_INVALID, message, headers=_progress(call, upload))
    received = call.body.length
    if received in {None, length}:
        received = await _pour(service, call, upload)
    if received == length:
        return None
    await service.threads.run(lambda: upload.rewind(start))
    return problem(400, wire.SIZE_INVALID, f"the body has {received} bytes, Content-Range {header} says {length}")


def _progress(call: Call, upload: OpenUpload) -> Headers:
    return [
        (b"location", f"/v2/{call.name}/blobs/uploads/{upload.handle}".encode()),
        (b"range", b"0-%d" % max(0, upload.size - 1)),
        (_UUID, upload.id.encode()),
    ]


def _created(call: Call, blob: Blob) -> Reply:
    location = f"/v2/{call.name}/blobs/{blob.digest}".encode()
    return reply(201, [(b"location", location), (_DIGEST, str(blob.digest).encode())])
