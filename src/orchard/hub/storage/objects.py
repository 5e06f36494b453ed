"""The driver for object stores: blobs and uploads as objects with random names, and rows that say which is which.

    <prefix>/segments/<two hex digits>/<30 hex digits>     some bytes of one blob or upload; never changed
    <prefix>/orchard-hub                                   which catalog the rows are in

Nothing is copied or renamed when an upload ends: its objects become those of the blob by a change of rows.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from orchard.errors import NotFoundError, StorageError
from orchard.hub.storage.bucket import Bucket
from orchard.hub.storage.ledger import Draft, Ledger, Segment
from orchard.hub.storage.spreading import Allowance, SpreadContent
from orchard.hub.storage.staging import Sizes, StagedObjects
from orchard.oci import Digest, Hasher

LINKED: Final = 120  # seconds for which an address that is given to a client is good
IDLE: Final = 3600.0  # seconds without a change after which nobody is writing to an upload any more
_AT_ONCE: Final = 32  # requests to the store
_SIZES: Final = Sizes()
_SEGMENTS: Final = "segments"
_SESSION: Final = re.compile(r"[0-9a-f]{32}")


class ObjectStore:
    """Blobs and uploads in a part of a bucket, shared by any number of processes.

    Args:
        bucket: Where the objects are.
        ledger: The rows.
        now: The time, in seconds since 1970.
        linked: Whether clients are sent to the store for blobs that are one object.
        sizes: How uploads are cut, and how much memory they get.

    Attributes:
        allowance: For ``SpreadContent``: memory for reading ahead.
        pool: For ``SpreadContent`` and ``StagedObjects``: threads that wait for the store.
    """

    def __init__(
        self,
        bucket: Bucket,
        ledger: Ledger,
        now: Callable[[], float],
        *,
        linked: bool = False,
        sizes: Sizes = _SIZES,
    ) -> None:
        self._bucket = bucket
        self._ledger = ledger
        self._now = now
        self._linked = linked
        self.allowance = Allowance(sizes.memory)
        self.pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hub-store")
        self._yard = Yard(bucket, self.pool, Allowance(sizes.memory), sizes=sizes)

    def content(self, digest: Digest) -> SpreadContent:
        """Give the bytes of a blob, be they there or not; nobody is asked before they are read."""
        return SpreadContent(self, digest)

    def digests(self) -> Iterable[Digest]:
        """Name all blobs that have bytes here, be they known to the catalog or not; in no order.

        Raises:
            StorageError: If they cannot be listed.
        """
        return self._ledger.digests()

    def erase(self, digest: Digest, *, before: int | None = None) -> bool:
        """Forget the bytes of a blob, if they are there. Whoever calls it knows that nobody links the blob.

        Args:
            digest: The blob.
            before: A time in milliseconds since 1970; what was published since then stays.

        Gives whether there was something to forget. Objects that cannot be erased now are left to ``sweep``.

        Raises:
            StorageError: If rows cannot be written.
        """
        found = self._ledger.forget(digest, before=before)
        self._yard.drop(found or ())
        return found is not None

    def sweep(self, before: int) -> int:
        """Erase objects that no row names and that were written before a time; tell how many.

        Raises:
            StorageError: If it cannot be told what is there.
        """
        limit = datetime.fromtimestamp(before / 1000, UTC)
        erased = 0
        for page in self._bucket.list(_SEGMENTS):
            keys = [listed.key for listed in page if listed.written < limit]
            known = self._ledger.known(keys) if keys else set()
            lost = [key for key in keys if key not in known]
            if lost:
                self._bucket.erase(lost)
            erased += len(lost)
        return erased

    def create(self, session: str, algorithm: str) -> StagedObjects:
        """Begin an upload.

        Raises:
            InvalidDigestError: If the algorithm is not supported.
            ConflictError: If another store serves by now.
            StorageError: If rows cannot be written.
        """
        _require_session(session)
        Hasher(algorithm)
        self._ledger.begin(session, algorithm)
        return StagedObjects(self._yard, self._ledger, session, draft=Draft(algorithm=algorithm))

    def resume(self, session: str) -> StagedObjects:
        """Go on with an upload, whoever has begun it.

        Raises:
            NotFoundError: If there is none of this name.
            StorageError: If rows cannot be read.
        """
        _require_session(session)
        draft = self._ledger.draft(session)
        if draft is None:
            raise NotFoundError(f"upload {session} is unknown; it is finished, or has expired")
        return StagedObjects(self._yard, self._ledger, session, draft=draft)

    def discard(self, session: str) -> None:
        """Forget an upload and its bytes, if there is one. Objects that cannot be erased now are left to ``sweep``.

        Raises:
            NotFoundError: If this cannot be a session's id.
            StorageError: If rows cannot be written.
        """
        _require_session(session)
        self._yard.drop(self._ledger.forget(session) or ())

    def sessions(self) -> Iterable[str]:
        """Name the uploads that nobody has written to for a while.

        Raises:
            StorageError: If rows cannot be read.
        """
        return self._ledger.idle(round((self._now() - IDLE) * 1000))

    def find(self, digest: Digest) -> tuple[Segment, ...]:
        """Tell which objects make up a blob. For ``SpreadContent``.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If rows cannot be read.
        """
        found = self._ledger.segments(digest)
        if found is None:
            raise NotFoundError(f"the bytes of {digest} are not there")
        return found

    def get(self, key: str, start: int, stop: int) -> bytes:
        """Read some bytes of an object. For ``SpreadContent``.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If they cannot be read.
        """
        return self._bucket.get(key, start, stop)

    def link(self, digest: Digest) -> str | None:
        """Give an address of a blob for clients, if they shall have it. For ``SpreadContent``.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If there is no address.
        """
        if not self._linked:
            return None
        segments = self.find(digest)
        return self._bucket.sign(segments[0].key, LINKED) if len(segments) == 1 else None


class Yard:
    """Where uploads write to: the bucket, as far as they need it."""

    def __init__(self, bucket: Bucket, pool: ThreadPoolExecutor, allowance: Allowance, *, sizes: Sizes) -> None:
        self._bucket = bucket
        self.pool = pool
        self.allowance = allowance
        self.sizes = sizes

    def put(self, data: bytes) -> Segment:
        """Write an object under a new name.

        Raises:
            StorageError: If that fails.
        """
        name = secrets.token_hex(16)
        segment = Segment(f"{_SEGMENTS}/{name[:2]}/{name[2:]}", len(data))
        self._bucket.put(segment.key, data)
        return segment

    def get(self, key: str, start: int, stop: int) -> bytes:
        """Read some bytes of an object.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If they cannot be read.
        """
        return self._bucket.get(key, start, stop)

    def drop(self, segments: Sequence[Segment]) -> None:
        """Erase objects that no row names, soon; what that fails for is swept away later."""
        if segments:
            self.pool.submit(self._erase, [segment.key for segment in segments])

    def _erase(self, keys: Sequence[str]) -> None:
        with suppress(StorageError):
            self._bucket.erase(keys)


def _require_session(session: str) -> None:
    """Refuse what cannot be a session's id.

    Raises:
        NotFoundError: If it cannot.
    """
    if _SESSION.fullmatch(session) is None:
        raise NotFoundError("there is no such upload")
