"""Upload sessions: bytes that arrive in any number of requests, one request at a time."""

from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Final

from orchard.errors import ConflictError, IntegrityError, QuotaError, RateLimitedError, StorageError
from orchard.hub import catalog
from orchard.hub.catalog import Blob, Journal, Upload
from orchard.hub.registry import asking
from orchard.hub.registry.ports import Staged
from orchard.hub.registry.quotas import Room, within_quota
from orchard.hub.registry.reading import Premises
from orchard.oci import Digest

_MINUTE: Final = 60_000  # milliseconds


class Busy:
    """The sessions that a request is writing to."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sessions: set[str] = set()

    def take(self, session: str) -> None:
        """Take a session for one request.

        Raises:
            ConflictError: If another one has it.
        """
        with self._lock:
            if session in self._sessions:
                raise ConflictError(f"another request is writing to upload {session}; wait for it and try again")
            self._sessions.add(session)

    def give_back(self, session: str) -> None:
        """Let the next request have it."""
        with self._lock:
            self._sessions.discard(session)


class OpenUpload:
    """A session that one request has to itself until it closes it."""

    def __init__(self, premises: Premises, busy: Busy, *, upload: Upload, staged: Staged, lasting: bool) -> None:
        self._premises = premises
        self._busy = busy
        self._upload = upload
        self._staged = staged
        self._lasting = lasting
        self._active = upload.active_at
        self._room = Room(premises, upload)

    @property
    def id(self) -> str:
        """The session's name."""
        return self._upload.id

    @property
    def handle(self) -> str:
        """What its address ends with: its name, and a secret that whoever goes on with it must know."""
        return self._upload.handle

    @property
    def size(self) -> int:
        """Bytes received so far."""
        return self._staged.size

    def keep(self) -> None:
        """Let other requests go on with the session; until then it ends with this one.

        Raises:
            RateLimitedError: If the account has too many of them.
            StorageError: If the catalog fails.
        """
        upload, most = self._upload, self._premises.most_uploads
        with self._premises.database.write(upload.repository) as connection:
            if catalog.uploads.count(connection, upload.account) >= most:
                raise RateLimitedError(f"{upload.account} has {most} unfinished uploads; finish or cancel some of them")
            catalog.uploads.add(connection, upload)
        self._lasting = True

    def expect(self, more: int) -> None:
        """Keep room for bytes that are announced, so that what does not fit is refused before it is sent.

        Raises:
            QuotaError: If the namespace may not keep that much.
            StorageError: If the catalog fails.
        """
        self._room.reserve(self.size + more)

    def append(self, pieces: Sequence[bytes]) -> None:
        """Add bytes at the end: all of them, or none if that fails.

        Raises:
            QuotaError: If the namespace may not keep that much.
            StorageError: If the disk is full or fails.
        """
        self._room.grow(self.size + sum(map(len, pieces)))
        self._staged.append(pieces)
        at = self._premises.at
        if self._lasting and at - self._active > _MINUTE:
            self._active = at
            with suppress(StorageError), self._premises.database.write(self._upload.repository) as connection:
                catalog.uploads.touch(connection, self.id, at)

    def rewind(self, size: int) -> None:
        """Forget all bytes but the first ``size``.

        Raises:
            StorageError: If the disk fails.
        """
        self._staged.rewind(size)

    def commit(self, digest: Digest) -> Blob:
        """End the session: its bytes become a blob that the repository links. Durable when this returns.

        Raises:
            IntegrityError: If they are not the bytes of that digest; the session is over all the same.
            QuotaError: If the namespace may not keep that much; the session is over as well.
            StorageError: If the disk or the catalog fails.
        """
        blob = Blob(digest, self.size)
        with self._premises.holds.writing(digest):
            try:
                self._staged.publish(digest)
            except IntegrityError:
                self.cancel()
                raise
            try:
                self._link(blob)
            except QuotaError:
                self.cancel()
                raise
        self._room.leave()
        return blob

    def _link(self, blob: Blob) -> None:
        upload, at = self._upload, self._premises.at
        with (
            self._premises.database.write(upload.repository) as connection,
            within_quota(connection, upload.repository),
        ):
            repository = catalog.repositories.make(connection, upload.repository, at)
            catalog.repositories.link(connection, repository, blob, at=at)
            catalog.soundness.renew(connection, blob.digest, at)
            catalog.uploads.remove(connection, upload.id)
            Journal(connection, upload.repository, account=upload.account, at=at).record("blob.push", blob.digest)
            asking.ask_again(self._premises, connection, upload.repository, blob=blob.digest)

    def cancel(self) -> None:
        """End the session and forget its bytes.

        Raises:
            StorageError: If the disk or the catalog fails.
        """
        self._lasting = False
        with self._premises.database.write(self._upload.repository) as connection:
            catalog.uploads.remove(connection, self.id)
        self._room.leave()
        self._premises.files.discard(self.id)

    def close(self) -> None:
        """Let the next request have the session, if there may be one.

        Raises:
            StorageError: If the disk fails.
        """
        try:
            self._staged.close()
        finally:
            self._busy.give_back(self.id)
            if not self._lasting:
                self._room.give_back()
                self._premises.files.discard(self.id)


def sweep(premises: Premises, busy: Busy, before: int) -> None:
    """Forget the sessions that nothing came for since a time, and bytes that belong to none.

    Raises:
        StorageError: If the disk or the catalog fails.
    """
    orphans = set(premises.files.sessions())
    with premises.database.read() as connection:
        expired = catalog.uploads.expired(connection, before)
        orphans -= catalog.uploads.alive(connection)
    for session in (*expired, *orphans):
        if not _goes_on(premises, session, before):
            _forget(premises, busy, session, before=before)


def _goes_on(premises: Premises, session: str, before: int) -> bool:
    """Tell whether a session began, or went on, since it was listed: its bytes are there before its row is."""
    with premises.database.read() as connection:
        found = catalog.uploads.get(connection, session)
    return found is not None and found.active_at >= before


def _forget(premises: Premises, busy: Busy, session: str, *, before: int) -> None:
    try:
        busy.take(session)
    except ConflictError:  # somebody is still writing to it; the next sweep comes
        return
    try:
        if _goes_on(premises, session, before):  # whoever had it until now had only just begun
            return
        with premises.database.write() as connection:
            catalog.uploads.remove(connection, session)
        premises.files.discard(session)
    finally:
        busy.give_back(session)
