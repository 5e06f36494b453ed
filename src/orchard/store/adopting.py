"""Content that another program keeps on this machine: taken over without copying it, where the file system can.

A clone (``FICLONE``) shares the bytes until one side changes them. Where there is none, a hard link does: blobs are
never written to, by us or by ``kit``, only replaced and deleted. What is taken over is read and verified all the same.
"""

import errno
import fcntl
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from orchard.oci import CHUNK, Descriptor, Verifying, chunks
from orchard.store.disk import MODE, guarded, make_directory, sync_directory

_FICLONE: Final = 0x40049409  # linux/fs.h
_CANNOT: Final = frozenset(
    (
        *(
            errno.EOPNOTSUPP,
            errno.EXDEV,
            errno.EINVAL,
            errno.ENOTTY,
            errno.EPERM,
            errno.EMLINK,
            errno.EACCES,
            errno.ENOSYS,
        ),
    )
)


def adopt(content: Descriptor, source: Path, target: Path) -> bool:
    """Let a blob share the bytes of a file, and tell whether that could be done; if not, they have to be copied.

    Args:
        content: What the file should hold.
        source: The file; a symbolic link is none.
        target: Where the blob belongs: ``blobs/<algorithm>/<hex>`` in a layout.

    Raises:
        IntegrityError: If the file holds something else; nothing is kept then.
        StorageError: If it cannot be read, or the store cannot be written.
    """
    ingest = target.parents[2] / "ingest"
    make_directory(ingest)
    temporary = ingest / secrets.token_hex(16)
    try:
        with guarded(source):
            there = source.lstat()
            if not stat.S_ISREG(there.st_mode):
                return False
            # Somebody else's file can be changed by them, however many links it has.
            mine = there.st_uid == os.geteuid()
            if not (_clone(source, temporary) or (mine and _link(source, temporary))):
                return False
        _verify(content, temporary)
        make_directory(target.parent)
        with guarded(target):
            temporary.replace(target)
        sync_directory(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()
    return True


def _clone(source: Path, temporary: Path) -> bool:
    try:
        with source.open("rb") as theirs, temporary.open("xb") as ours:
            fcntl.ioctl(ours.fileno(), _FICLONE, theirs.fileno())
            os.fchmod(ours.fileno(), MODE)
            os.fsync(ours.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno not in _CANNOT:
            raise
        return False
    return True


def _link(source: Path, temporary: Path) -> bool:
    try:
        os.link(source, temporary, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return False
    return True


def _verify(content: Descriptor, path: Path) -> None:
    with guarded(path):
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb", buffering=0) as body:
            for _ in chunks(Verifying(body, content), CHUNK):
                pass
