"""Our own tar bytes: the same tree gives the same bytes, on every machine and in KitOps' `kit` too.

The layout is that of Go's ``archive/tar`` as ``kit`` 1.7 drives it: owner 1000:0, no time, USTAR where it can say the
name and the size, PAX where it cannot. Which files go in, and in which order, is the business of the caller; how their
content is read that of ``body``.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from orchard.archive.names import is_plain, shown
from orchard.errors import InvalidError, UnsafePathError

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)  # no padding to 10 240 bytes after it

_NAME: Final = 100  # bytes of the name field
_PREFIX: Final = 155  # bytes of the prefix field
_OCTAL_SIZE: Final = 8 << 30  # the first size that eleven octal digits cannot say
_PERMISSIONS: Final = 0o7777

# uid 1000 and gid 0, then (after the size) the time 0; a user's name or clock would change the digest.
_OWNER: Final = b"0001750\0" + b"0000000\0"
_TIME: Final = b"00000000000\0"
_PAX_OWNER: Final = b"0000000\0" * 3


class _Back:
    """What stands behind the checksum of a block, and what it adds to it: type, link name, magic, owners, devices."""

    def __init__(self, kind: bytes, devices: bytes) -> None:
        self.text = kind + bytes(100) + b"ustar\0" + b"00" + bytes(64) + devices
        self.total = sum(self.text) + sum(b" " * 8)  # the checksum is taken as if its own field held spaces


_FILE: Final = _Back(b"0", b"0000000\0" * 2)
_DIRECTORY: Final = _Back(b"5", b"0000000\0" * 2)
_PAX: Final = _Back(b"x", bytes(16))


class FileStamp(NamedTuple):
    """What a file looked like when it was found.

    Attributes:
        size: Bytes.
        mtime_ns: When its content changed, as its owner says.
        inode: Its number on the device.
        device: The device.
        ctime_ns: When it was changed in any way, its number of names included, as the system says.
    """

    size: int
    mtime_ns: int
    inode: int
    device: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "FileStamp":
        """Take the stamp of a file."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev, status.st_ctime_ns)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file or directory of a tar of ours.

    Attributes:
        name: Path below the context root, ``/`` between its parts, neither ``./`` before nor ``/`` after it.
        mode: Permission bits, setuid, setgid and sticky included.
        size: Bytes of content; 0 for a directory.
        source: Where the content is read from; None for a directory.
        stamp: What the source looked like when ``size`` was taken from it, if known.
    """

    name: str
    mode: int
    size: int = 0
    is_directory: bool = False
    source: str | Path | None = None
    stamp: FileStamp | None = None


def header(entry: Entry) -> bytes:
    """Write the blocks that come before an entry's content, byte for byte as ``kit`` does.

    A name that is not UTF-8 is refused, although Go writes its bytes into a PAX record: PAX wants UTF-8, and neither a
    Kitfile nor a file index could name the file.

    Raises:
        InvalidError: If the name is not UTF-8.
        UnsafePathError: If the name is not a plain relative path.
    """
    name = _encode(entry.name)
    if len(name) > _NAME or len(name) != len(entry.name) or entry.size >= _OCTAL_SIZE:
        return _uncommon_header(entry, name)
    return _block(name, entry, entry.size)


def tar_size(entries: Iterable[Entry]) -> int:
    """Compute how long the tar of these entries is, without touching a file.

    Raises:
        InvalidError: As ``header`` does.
        UnsafePathError: As ``header`` does.
    """
    return sum(header_size(entry) + _padded(entry.size) for entry in entries) + len(END)


def _encode(name: str) -> bytes:
    """Give the bytes of a name that is fit for an archive.

    Raises:
        InvalidError: If the name is not UTF-8.
        UnsafePathError: If it is not a plain relative path.
    """
    if not is_plain(name) or "\0" in name:
        raise UnsafePathError(f"{shown(name)} is not a plain relative path")
    try:
        return name.encode()
    except UnicodeEncodeError as error:
        raise InvalidError(f"{shown(os.fsencode(name))}: the name is not UTF-8; rename the file") from error


def _padded(size: int) -> int:
    return size + -size % BLOCK


def header_size(entry: Entry) -> int:
    """Compute how long the header of an entry is.

    Raises:
        InvalidError: As ``header`` does.
        UnsafePathError: As ``header`` does.
    """
    # Every character has at least one byte, so a short ASCII name needs no encoding to be measured.
    if entry.name.isascii() and len(entry.name) <= _NAME and entry.size < _OCTAL_SIZE:
        return BLOCK
    return len(header(entry))


def _block(name: bytes, entry: Entry, size: int, *, prefix: bytes = b"") -> bytes:
    back = _DIRECTORY if entry.is_directory else _FILE
    front = b"%07o\0%b%011o\0%b" % (entry.mode & _PERMISSIONS, _OWNER, size, _TIME)
    return _sealed(name, front, back, prefix=prefix)


def _sealed(name: bytes, front: bytes, back: _Back, *, prefix: bytes = b"") -> bytes:
    """Make a block of its parts: name, numbers, checksum (six digits, NUL, space), the rest; and fill it with zeros."""
    total = sum(name) + sum(front) + back.total + sum(prefix)
    return (b"%b%b%06o\0 %b%b" % (name.ljust(_NAME, b"\0"), front, total, back.text, prefix)).ljust(BLOCK, b"\0")


def _uncommon_header(entry: Entry, name: bytes) -> bytes:
    records = {}
    if len(name) > _NAME or not name.isascii():
        split = _split(name)
        if split is not None and entry.size < _OCTAL_SIZE:
            return _block(split[1], entry, entry.size, prefix=split[0])
        records["path"] = name
    if entry.size >= _OCTAL_SIZE:
        records["size"] = b"%d" % entry.size
    size = 0 if "size" in records else entry.size
    return _pax_blocks(name, records) + _block(_cut(_ascii(name)), entry, size)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Split a long name at its last ``/`` that leaves prefix and name short enough, as USTAR can."""
    if not name.isascii():
        return None
    prefix, _, rest = name[: _PREFIX + 1].rpartition(b"/")
    rest += name[_PREFIX + 1 :]
    return (prefix, rest) if prefix and 0 < len(rest) <= _NAME else None


def _pax_blocks(name: bytes, records: dict[str, bytes]) -> bytes:
    data = b"".join(_record(key.encode(), records[key]) for key in sorted(records))
    directory, slash, base = name.rpartition(b"/")
    label = _ascii(directory + slash + b"PaxHeaders.0/" + base)[:_NAME].rstrip(b"/")
    front = b"%b%011o\0%b" % (_PAX_OWNER, len(data), _TIME)
    return _sealed(label, front, _PAX) + data.ljust(_padded(len(data)), b"\0")


def _record(key: bytes, value: bytes) -> bytes:
    """Write ``length key=value``, where the length counts its own digits too."""
    rest = b" %b=%b\n" % (key, value)
    length = len(rest) + len(str(len(rest)))
    length = len(rest) + len(str(length))
    return b"%d%b" % (length, rest)


def _ascii(name: bytes) -> bytes:
    return name.decode().encode("ascii", "ignore")


def _cut(name: bytes) -> bytes:
    """Fit a name into its field; one that would end in ``/`` there, as a directory does, loses that.

    Go writes a NUL over the first of the slashes at the end and leaves what follows it.
    """
    field = bytearray(name[:_NAME].ljust(_NAME, b"\0"))
    if len(name) > _NAME and field.endswith(b"/"):
        field[len(field[:-1].rstrip(b"/"))] = 0
    return bytes(field)
