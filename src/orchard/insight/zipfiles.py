"""The directory of a zip archive, and single entries of it, by ranged reads (PKWARE APPNOTE 6.3, with zip64).

Two readers that see different archives in the same bytes are an attack, so what could be read in two ways is refused:
a name that stands twice, entries over one another, a local header that contradicts the directory.
"""

from collections.abc import Iterator, Mapping
from struct import Struct
from typing import Final, NamedTuple

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import Cursor, RandomAccess
from orchard.insight.forward import Forward, Inflated, Section

MAX_ENTRIES: Final = 200_000
MAX_DIRECTORY: Final = 32 << 20  # bytes
_TAIL: Final = 22 + 0xFFFF  # bytes: the end record with its longest comment
_END: Final = Struct("<4s4H2LH")
_END64: Final = Struct("<4sQ2H2L4Q")
_LOCATOR: Final = Struct("<4sLQL")
_ENTRY: Final = Struct("<4s6H3L5H2L")
_LOCAL: Final = Struct("<4s5H3L2H")
_STORED: Final = 0
_DEFLATED: Final = 8
_WIDE: Final = 0xFFFF_FFFF
_EXTRA64: Final = 1


class Entry(NamedTuple):
    """One file of an archive.

    Attributes:
        name: As the directory has it.
        method: How it is compressed: 0 not at all, 8 by deflate.
        packed: Bytes of it in the archive.
        size: Bytes of its content.
        header: Where its local header is.
        encrypted: Whether it is.
    """

    name: str
    method: int
    packed: int
    size: int
    header: int
    encrypted: bool


def read_directory(source: RandomAccess, *, what: str) -> Mapping[str, Entry]:
    """Read which files an archive holds.

    Raises:
        InvalidDocumentError: If it is none, or could be read in two ways.
        LimitExceededError: If it holds more than anybody's.
        OrchardError: If the source cannot be read.
    """
    count, offset, size = _end(source, what)
    if count > MAX_ENTRIES or size > MAX_DIRECTORY:
        raise LimitExceededError(f"{what}: a directory of {count} entries in {size} bytes, more than anybody's")
    raw = source.read_at(offset, size) if size else b""
    found: dict[str, Entry] = {}
    for entry in _entries(raw, count, what):
        if entry.name in found:
            raise InvalidDocumentError(f"{what}: {entry.name[:200]!r} is in the archive twice")
        found[entry.name] = entry
    _require_apart(sorted(found.values(), key=lambda entry: entry.header), offset, what)
    return found


def open_entry(source: RandomAccess, entry: Entry, *, what: str) -> Forward:
    """Open a file of an archive for reading forward.

    Raises:
        InvalidDocumentError: If its local header contradicts the directory.
        LimitExceededError: If it is compressed in a way that is not read.
        OrchardError: If the source cannot be read.
    """
    name = f"{what}: {entry.name[:200]}"
    if entry.encrypted or entry.method not in {_STORED, _DEFLATED}:
        raise InvalidDocumentError(f"{name}: is encrypted, or compressed by method {entry.method}")
    header = _LOCAL.unpack(source.read_at(entry.header, _LOCAL.size))
    start = entry.header + _LOCAL.size + header[9] + header[10]
    if start + entry.packed > source.size:
        raise InvalidDocumentError(f"{name}: ends after the archive")
    local = source.read_at(entry.header + _LOCAL.size, header[9])
    if header[0] != b"PK\3\4" or _decoded(local, header[2]) != entry.name or header[3] != entry.method:
        raise InvalidDocumentError(f"{name}: its own header contradicts the directory")
    section = Section(source, start, entry.packed)
    return Cursor(section, what=name) if entry.method == _STORED else Inflated(section, "deflate", what=name)


def _end(source: RandomAccess, what: str) -> tuple[int, int, int]:
    """Find the end record: how many entries there are, where their directory begins, and how many bytes it has.

    Raises:
        InvalidDocumentError: If there is none, or more than one disk.
    """
    base = max(source.size - _TAIL, 0)
    tail = source.read_at(base, source.size - base) if source.size else b""
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END.size:
        raise InvalidDocumentError(f"{what}: not a zip archive, or cut off: it has no directory")
    _, disk, first, here, count, size, offset, comment = _END.unpack_from(tail, at)
    if disk or first or here != count or base + at + _END.size + comment != source.size:
        raise InvalidDocumentError(f"{what}: the end of the archive is not what it must be")
    end = base + at
    # PyTorch writes the record of a large archive in every one, so it counts wherever there is one.
    end, count, size, offset = _end64(source, end, what) or (end, count, size, offset)
    if offset + size != end:
        raise InvalidDocumentError(f"{what}: the directory of the archive does not end where it must")
    return count, offset, size


def _end64(source: RandomAccess, end: int, what: str) -> tuple[int, int, int, int] | None:
    """Read the end record of a large archive; ``None`` if there is none.

    Raises:
        InvalidDocumentError: If it is not what it must be.
    """
    if end < _LOCATOR.size + _END64.size:
        return None
    magic, disk, where, disks = _LOCATOR.unpack(source.read_at(end - _LOCATOR.size, _LOCATOR.size))
    if magic != b"PK\6\7":
        return None
    if disk or disks > 1 or where != end - _LOCATOR.size - _END64.size:
        raise InvalidDocumentError(f"{what}: the end of the archive is not what it must be")
    record = _END64.unpack(source.read_at(where, _END64.size))
    if record[0] != b"PK\6\6" or record[1] != _END64.size - 12 or record[6] != record[7]:
        raise InvalidDocumentError(f"{what}: the end of the archive is not what it must be")
    return where, record[7], record[8], record[9]


def _entries(raw: bytes, count: int, what: str) -> Iterator[Entry]:
    """Read the entries of a directory.

    Raises:
        InvalidDocumentError: If they do not fill it.
    """
    at = 0
    for _ in range(count):
        if at + _ENTRY.size > len(raw):
            raise InvalidDocumentError(f"{what}: the directory of the archive ends within an entry")
        fields = _ENTRY.unpack_from(raw, at)
        name_at = at + _ENTRY.size
        extra_at = name_at + fields[10]
        at = extra_at + fields[11] + fields[12]
        if fields[0] != b"PK\1\2" or at > len(raw) or fields[13]:
            raise InvalidDocumentError(f"{what}: the directory of the archive is broken")
        size, packed, header = _wide((fields[9], fields[8], fields[16]), raw[extra_at : extra_at + fields[11]], what)
        name = _decoded(raw[name_at:extra_at], fields[3])
        yield Entry(name, fields[4], packed, size, header, bool(fields[3] & 1))
    if at != len(raw):
        raise InvalidDocumentError(f"{what}: the directory of the archive holds something after its entries")


def _decoded(raw: bytes, flags: int) -> str:
    return raw.decode("utf-8", "replace") if flags & 0x800 else raw.decode("cp437")


def _wide(values: tuple[int, int, int], extra: bytes, what: str) -> tuple[int, int, int]:
    """Replace numbers that did not fit by those of the extra field, which has only these, in this order.

    Raises:
        InvalidDocumentError: If it does not have them.
    """
    if _WIDE not in values:
        return values
    at = 0
    while at + 4 <= len(extra):
        kind, length = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        if kind == _EXTRA64:
            wide = extra[at + 4 : at + 4 + length]
            numbers = iter([int.from_bytes(wide[n : n + 8], "little") for n in range(0, len(wide) - 7, 8)])
            size, packed, header = (next(numbers, -1) if value == _WIDE else value for value in values)
            if min(size, packed, header) >= 0:
                return size, packed, header
            break
        at += 4 + length
    raise InvalidDocumentError(f"{what}: an entry of the archive does not say how large it is")


def _require_apart(entries: list[Entry], end: int, what: str) -> None:
    """Refuse entries that lie over one another or over the directory.

    Raises:
        InvalidDocumentError: Naming the first.
    """
    free = 0
    for entry in entries:
        if entry.header < free:
            raise InvalidDocumentError(f"{what}: {entry.name[:200]!r} lies over another entry of the archive")
        free = entry.header + _LOCAL.size + len(entry.name) + entry.packed
        if free > end:
            raise InvalidDocumentError(f"{what}: {entry.name[:200]!r} ends after the archive")
