"""Reading stored bytes again, to see whether they are still what their digests say (ADR 60)."""

import logging
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final

from orchard.errors import IntegrityError, NotFoundError, StorageError, UnavailableError
from orchard.hub import catalog
from orchard.hub.catalog.soundness import Due
from orchard.hub.registry.collecting import ACCOUNT, Tell
from orchard.hub.registry.reading import Premises
from orchard.hub.storage.cold import read_cold
from orchard.oci import Digest, Hasher

_LOG: Final = logging.getLogger("orchard.hub.scrub")
_PAGE: Final = 100  # blobs of which it is written down together that they are sound
_MANY: Final = 20  # blobs of which none can be read: their disk is not there, rather than all of them rotted


@dataclass(slots=True)
class Scrubbed:
    """What was read, and found.

    Attributes:
        blobs: Blobs that were read.
        read_bytes: Their bytes.
        damaged: Those that are not, or no longer, what their digests say.
        healed: Those that were damaged when they were last looked at, and are sound.
    """

    blobs: int = 0
    read_bytes: int = 0
    damaged: int = 0
    healed: int = 0


class Scrubber:
    """Reads blobs again, those first that were not read for the longest time.

    Args:
        premises: Where.
        tell: Is told, between two pieces, how many bytes were read, how many are to be, and what is being done.
            Whatever it raises ends the work there, harmlessly.
        say: Is told of each blob that is damaged, or sound again.
        rate: Bytes to read in a second.
        pause: Waits for so many seconds.
        steady: A clock that does not jump, in seconds.

    Attributes:
        unfinished: Whether something was left, for want of time.
    """

    def __init__(
        self,
        premises: Premises,
        tell: Tell,
        *,
        say: Callable[[str], None] = lambda _: None,
        rate: int,
        pause: Callable[[float], object],
        steady: Callable[[], float],
    ) -> None:
        self._premises = premises
        self._tell = tell
        self._say = say
        self._rate = rate
        self._pause = pause
        self._steady = steady
        self._found = Scrubbed()
        self.unfinished = False

    def scrub(self, every: float, *, until: float | None = None) -> Scrubbed:
        """Read all blobs that were not read for ``every`` seconds, and all that are known to be damaged.

        Args:
            every: Seconds.
            until: Seconds after which to begin with no other blob.

        Raises:
            StorageError: If the catalog fails, or the storage as a whole seems not to be there.
        """
        began = self._premises.at
        before = began - round(every * 1000)
        self._began = self._steady()
        self._until = math.inf if until is None else self._began + until
        with self._premises.database.read() as connection:
            self._total = catalog.soundness.amount(connection, before=before, began=began)
        while True:
            with self._premises.database.read() as connection:
                page = catalog.soundness.due(connection, before=before, began=began, limit=_PAGE)
            if not page:
                return self._found
            self._check_page(page, began)
            if self.unfinished:
                return self._found

    def _check_page(self, page: list[Due], began: int) -> None:
        """Look at some blobs, and write down what was found even if that is ended under way.

        Raises:
            UnavailableError: If none of many can be read.
        """
        sound: list[Due] = []
        damaged: list[Due] = []
        unreadable: list[Due] = []
        try:
            for blob in page:
                if self._steady() >= self._until:
                    self.unfinished = True
                    break
                self._file(blob, sound=sound, damaged=damaged, unreadable=unreadable)
        finally:
            self._note(sound, damaged, began)
        if len(unreadable) == len(page) >= _MANY and self._known(unreadable):
            raise UnavailableError(f"{len(page)} blobs in a row cannot be read: is the storage where it should be?")
        self._note([], unreadable, began)

    def _file(self, blob: Due, *, sound: list[Due], damaged: list[Due], unreadable: list[Due]) -> None:
        """Look at a blob, and put it where it belongs.

        Raises:
            UnavailableError: If the storage does not answer.
        """
        try:
            (sound if self._read(blob) == blob.digest else damaged).append(blob)
        except IntegrityError as error:
            _LOG.warning("%s: %s", blob.digest, error)
            unreadable.append(blob)

    def _read(self, blob: Due) -> Digest:
        """Hash what is stored.

        Raises:
            IntegrityError: If it cannot be read.
            UnavailableError: If the storage does not answer.
        """
        self._found.blobs += 1
        hasher = Hasher(blob.digest.algorithm)
        for piece in self._pieces(blob):
            hasher.update(piece)
            self._found.read_bytes += len(piece)
            self._wait()
        return hasher.digest

    def _known(self, blobs: list[Due]) -> bool:
        """Tell whether some of these are blobs still; all may have been collected meanwhile."""
        with self._premises.database.read() as connection:
            return len(catalog.garbage.unknown(connection, [blob.digest for blob in blobs])) < len(blobs)

    def _pieces(self, blob: Due) -> Generator[memoryview | bytes]:
        """Give what is stored.

        Raises:
            IntegrityError: If that cannot be read.
            UnavailableError: If the storage does not answer.
        """
        content = self._premises.files.content(blob.digest)
        try:
            yield from read_cold(content.file) if content.file is not None else content.read(0, blob.size)
        except UnavailableError:
            raise
        except (NotFoundError, StorageError) as error:
            raise IntegrityError(str(error)) from error

    def _wait(self) -> None:
        """Tell how far it is, and keep to the rate."""
        self._tell(self._found.read_bytes, self._total, "reading blobs again")
        ahead = self._found.read_bytes / self._rate - (self._steady() - self._began)
        if ahead > 0:
            self._pause(ahead)

    def _note(self, sound: list[Due], damaged: list[Due], began: int) -> None:
        at = max(began, self._premises.at)
        if not sound and not damaged:
            return
        with self._premises.database.write() as connection:
            for blob in sound:
                catalog.soundness.note_sound(connection, blob, at)
            real = [one for one in damaged if catalog.soundness.note_damage(connection, one, account=ACCOUNT, at=at)]
        self._found.healed += sum(blob.damaged_at is not None for blob in sound)
        self._found.damaged += len(real)
        for blob in sound:
            if blob.damaged_at is not None:
                self._say(f"{blob.digest} is sound again")
        for blob in real:
            self._say(f"{blob.digest} is damaged: nobody gets it until it is pushed again")
            _LOG.error("%s is damaged: nobody gets it until it is pushed again", blob.digest)
