"""What a Kitfile names and its kit does not hold, and the lock that says what was meant.

That is a model in another kit, datasets in other kits, and datasets that stay in S3. The lock stands beside the
Kitfile, and goes into the manifest, so that it is wherever the kit is. ``locating`` finds what is meant.
"""

import os
from contextlib import suppress
from enum import Enum
from pathlib import Path

import msgspec

from orchard.errors import StorageError
from orchard.formats import (
    LOCK_ANNOTATION,
    LOCK_SUFFIX,
    MAX_LOCK,
    Entry,
    Kitfile,
    Lock,
    Model,
    is_elsewhere,
    parse_lock,
)
from orchard.oci import Reference


class Locking(Enum):
    """What to do with a lock that is there, and with what it does not pin."""

    USE = "use"  # take what it pins, find the rest, and write it anew
    REQUIRE = "require"  # it must pin all there is
    RENEW = "renew"  # find everything again


class Elsewhere(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        paths: What no layer of the kit may swallow: it comes with the parents, or is the lock itself.
        lock: What everything meant.
        file: The lock file, if it has to be written anew.
    """

    paths: tuple[str, ...] = ()
    lock: Lock = msgspec.field(default_factory=Lock)
    file: Path | None = None

    @property
    def annotations(self) -> dict[str, str]:
        """What the manifest has to say about it."""
        return {LOCK_ANNOTATION: self.lock.to_annotation()} if self.lock else {}

    def save(self) -> None:
        """Write the lock file, if it has to be; after the kit, which does not count as changed by it.

        Raises:
            StorageError: If it cannot be written; the old one stays.
        """
        if self.file is not None:
            write_lock(self.file, self.lock)


def has_no_layer(entry: Entry, directory: Path) -> bool:
    """Tell whether an entry's content is elsewhere; a file that is there wins over a name that looks like a reference.

    Raises:
        StorageError: If the file system refuses to say.
    """
    if not is_elsewhere(entry):
        return False
    try:
        return not isinstance(entry, Model) or not os.path.lexists(directory / entry.path)
    except (OSError, ValueError) as error:
        raise StorageError(f"{entry.path}: {error}") from error


def is_complete(kitfile: Kitfile) -> bool:
    """Tell whether a kit with this Kitfile holds all of it for sure."""
    return not any(is_elsewhere(entry) for _, _, entry in kitfile.entries())


def refers(kitfile: Kitfile, directory: Path) -> bool:
    """Tell whether a Kitfile names anything that its kit will not hold."""
    return any(has_no_layer(entry, directory) for _, _, entry in kitfile.entries())


def read_lock(path: Path) -> Lock | None:
    """Read a lock file, if there is one.

    Raises:
        InvalidDocumentError: If it is not valid.
        LimitExceededError: If it is over 1 MiB.
        StorageError: If it cannot be read.
    """
    if path.is_fifo():
        raise StorageError(f"{path}: cannot be read: is a pipe, which may never end")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_LOCK + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_lock(raw, what=str(path))


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock file.

    Raises:
        StorageError: If it cannot be written; the old one stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        temporary.write_bytes(lock.to_file())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from error


def lock_file_of(directory: Path, kitfile: str | None) -> Path:
    """Say where the lock of a Kitfile stands: beside it; beside the project's if it came through a pipe."""
    beside = Path(kitfile) if kitfile is not None else directory / "Kitfile"
    return beside.with_name(f"{beside.name}{LOCK_SUFFIX}")


def pinned_reference(text: str, directory: Path, kitfile: str | None) -> Reference:
    """Read a reference in a Kitfile, at the digest that the lock beside it pins, if it does.

    Raises:
        InvalidReferenceError: If it breaks the grammar.
        OrchardError: As ``read_lock`` raises it.
    """
    reference, _ = Reference.parse_tags(text)
    lock = read_lock(lock_file_of(directory, kitfile))
    pin = lock.kits.get(text) if lock is not None and reference.digest is None else None
    return reference if pin is None else reference.at(pin)
