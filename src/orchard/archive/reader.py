"""Other people's tar bytes: members one after the other, every claim checked before it is believed.

Ours rather than the standard library's ``tarfile``, which reads a PAX header of any length into memory, guesses where
headers are broken, and whose extraction has been led out of its directory (CVE-2025-4517). Read here: USTAR, PAX, GNU
long names and the first tar's headers; regular files and directories.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from orchard.archive.blocks import BLOCK, ZEROS, Block, parse_block, parse_records, parse_size
from orchard.archive.limits import DEFAULTS, Limits
from orchard.archive.names import safe_name, shown
from orchard.archive.stream import ChunkReader
from orchard.errors import InvalidError, LimitExceededError, UnsafeArchiveError, UsageError
from orchard.oci import CHUNK, Readable

_EXTENSIONS: Final = frozenset(b"xgLK"[place : place + 1] for place in range(4))
_MAX_EXTENSIONS: Final = 8  # before one member; nobody needs more than a global one, a local one and GNU's two
_REFUSED: Final = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a fifo",
    b"S": "a sparse file",
}
# A global header may describe all members, not rename or resize them: readers disagree about who wins.
_LOCAL: Final = ("path", "linkpath", "size")


class Content:
    """The content of one member: a ``Readable``, until the next member is asked for."""

    __slots__ = ("_left", "_name", "_stream", "_what")

    def __init__(self, stream: ChunkReader, size: int, *, name: str, what: str) -> None:
        self._stream: ChunkReader | None = stream
        self._left = size
        self._name = name
        self._what = what

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes.

        Raises:
            InvalidError: If the archive ends before the content does.
            UsageError: If the archive has been read on meanwhile.
        """
        if not size or not self._left:
            return b""
        chunk = self._source().read(min(size, self._left))
        self._left -= len(chunk)
        if not chunk:
            raise InvalidError(self._cut_off())
        return chunk

    def read_whole(self) -> bytes:
        """Read all that is left at once; for content whose size the caller has looked at.

        Raises:
            InvalidError: If the archive ends before the content does.
            UsageError: If the archive has been read on meanwhile.
        """
        data = self._source().read_exact(self._left)
        if len(data) < self._left:
            raise InvalidError(self._cut_off())
        self._left = 0
        return data

    def pieces(self) -> Iterator[memoryview]:
        """Give all that is left, uncopied.

        Raises:
            InvalidError: If the archive ends before the content does.
            UsageError: If the archive has been read on meanwhile.
        """
        for piece in self._source().pieces(self._left):
            self._left -= len(piece)
            yield piece
        if self._left:
            raise InvalidError(self._cut_off())

    def finish(self) -> None:
        """Pass over what is left; nothing can be read any more.

        Raises:
            InvalidError: If the archive ends before the content does.
        """
        stream = self._source()
        self._left -= stream.skip(self._left)
        if self._left:
            raise InvalidError(self._cut_off())
        self._stream = None

    def _source(self) -> ChunkReader:
        if self._stream is None:
            raise UsageError(f"{self._what}: {shown(self._name)} must be read before the next member is asked for")
        return self._stream

    def _cut_off(self) -> str:
        return f"{self._what}: ends within {shown(self._name)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file or directory of an archive.

    Attributes:
        name: A safe relative path, ``/`` between its parts; "" for a directory entry of the archive's root itself.
        size: Bytes of content.
        mode: Permission bits as the archive says them, setuid, setgid and sticky included.
        is_directory: Whether it is a directory; a regular file otherwise.
        offset: Where the content begins in the uncompressed archive.
        content: The content, for as long as no further member is asked for.
    """

    name: str
    size: int
    mode: int
    is_directory: bool
    offset: int
    content: Content = field(compare=False, repr=False)


def members(body: Readable, limits: Limits = DEFAULTS, *, what: str = "the archive") -> Iterator[Member]:
    """Give the members of an uncompressed tar in their order.

    Content that the caller leaves unread is passed over; through a ``SkippingReader`` it is not even read, and headers
    alone are. Any other stream is read to its very end, so a body that verifies itself has done so when the iteration
    ends.

    Raises:
        InvalidError: If the archive breaks the grammar of tar, ends too early or goes on after its end.
        LimitExceededError: If it passes one of the limits.
        UnsafeArchiveError: If a member is neither a regular file nor a directory, or has an unsafe name.
        UsageError: If the content of an earlier member is read.
    """
    return iter(_Archive(ChunkReader.over(body), limits, what))


class _Archive:
    def __init__(self, stream: ChunkReader, limits: Limits, what: str) -> None:
        self._stream = stream
        self._limits = limits
        self._what = what
        self._start = stream.offset
        self._members = 0

    def __iter__(self) -> Iterator[Member]:
        while (found := self._next()) is not None:
            self._members += 1
            if self._members > self._limits.members:
                raise LimitExceededError(f"{self._what}: more than {self._limits.members} members")
            member = self._member(*found)
            yield member
            member.content.finish()
            self._skip_padding(member.size)
        self._require_end()

    def _next(self) -> tuple[Block, dict[str, bytes]] | None:
        """Read the header of the next member and the extended headers before it; None at the end.

        Raises:
            InvalidError: If the archive ends between the two.
            LimitExceededError: If the extended headers have no end.
        """
        extended: dict[str, bytes] = {}
        for count in range(_MAX_EXTENSIONS + 1):
            block = self._block()
            if block is None and count:
                raise InvalidError(f"{self._what}: ends after an extended header")
            if block is None or block.kind not in _EXTENSIONS:
                return block and (block, extended)
            self._extend(extended, block)
        raise LimitExceededError(f"{self._what}: more than {_MAX_EXTENSIONS} extended headers for one member")

    def _block(self) -> Block | None:
        """Read the next header; None is the first block of the end.

        Raises:
            InvalidError: If the archive ends without saying so, or the block is no header.
        """
        raw = self._stream.read_exact(BLOCK)
        if len(raw) < BLOCK:
            raise InvalidError(f"{self._what}: ends without the two zero blocks that end a tar")
        if raw == ZEROS:
            return None
        return parse_block(raw, what=self._what)

    def _extend(self, extended: dict[str, bytes], block: Block) -> None:
        """Take in a header that describes what follows it.

        Raises:
            InvalidError: If it breaks the grammar.
            LimitExceededError: If it is too long.
            UnsafeArchiveError: If it says what another one has said.
        """
        if block.size > self._limits.header:
            raise LimitExceededError(
                f"{self._what}: an extended header of {block.size} bytes, at most {self._limits.header} are accepted"
            )
        data = self._stream.read_exact(block.size)
        if len(data) < block.size:
            raise InvalidError(f"{self._what}: ends within an extended header")
        self._skip_padding(block.size)
        for key, value in self._records(block.kind, data).items():
            if key in extended:
                raise UnsafeArchiveError(f"{self._what}: {key!r} is said twice for one member: {shown(value)}")
            extended[key] = value

    def _records(self, kind: bytes, data: bytes) -> dict[str, bytes]:
        if kind == b"L":
            return {"path": data.rstrip(b"\0")}
        if kind == b"K":
            return {}  # the target of a link, and links are refused when they come
        records = parse_records(data, what=self._what)
        local: dict[str, bytes] = {key: records[key] for key in _LOCAL if key in records}
        if kind == b"g":
            if local:
                raise UnsafeArchiveError(f"{self._what}: a global header sets {', '.join(local)}")
            return {}
        return local

    def _member(self, block: Block, extended: dict[str, bytes]) -> Member:
        """Believe a header, as far as the limits and the grammar allow.

        Raises:
            InvalidError: If it contradicts itself.
            LimitExceededError: If the archive gets too long with it.
            UnsafeArchiveError: If it is no regular file or directory, or has an unsafe name.
        """
        raw = extended.get("path") or block.name
        is_directory = self._is_directory(block.kind, raw)
        name = self._name(raw, is_directory=is_directory)
        size = parse_size(extended["size"], what=self._about(name)) if extended.get("size") else block.size
        offset = self._stream.offset - self._start
        if is_directory and size:
            raise InvalidError(f"{self._about(name)}: a directory with content")
        if offset + size > self._limits.total:
            raise LimitExceededError(
                f"{self._about(name)}: with its {size} bytes more than {self._limits.total} in all"
            )
        content = Content(self._stream, size, name=name, what=self._what)
        return Member(name=name, size=size, mode=block.mode, is_directory=is_directory, offset=offset, content=content)

    def _about(self, name: str | bytes) -> str:
        return f"{self._what}: {shown(name)}"

    def _is_directory(self, kind: bytes, raw: bytes) -> bool:
        """Read a type flag.

        Raises:
            UnsafeArchiveError: If it is neither that of a regular file nor that of a directory.
        """
        if kind in {b"0", b"5"}:
            return kind == b"5"
        if kind == b"\0":  # the first tar had no type for a directory
            return raw.endswith(b"/")
        reason = _REFUSED.get(kind, f"of the unknown type {shown(kind)}")
        raise UnsafeArchiveError(f"{self._about(raw)} is {reason}; only files and directories are unpacked")

    def _name(self, raw: bytes, *, is_directory: bool) -> str:
        """Read a name; ``./`` before it and, for a directory, ``/`` after it are how other tools write.

        Raises:
            LimitExceededError: If it is too long or too deep.
            UnsafeArchiveError: If it is no plain relative path.
        """
        if is_directory and raw in {b".", b"./"}:
            return ""
        bare = raw.removesuffix(b"/") if is_directory else raw
        return safe_name(bare.removeprefix(b"./"), self._limits, what=self._what)

    def _skip_padding(self, size: int) -> None:
        """Pass over what fills the last block.

        Raises:
            InvalidError: If the archive ends there.
        """
        padding = -size % BLOCK
        if len(self._stream.read_exact(padding)) < padding:
            raise InvalidError(f"{self._what}: ends within a block")

    def _require_end(self) -> None:
        """Read on to the end: a second block of zeros, then nothing but zeros, as GNU tar fills up its records.

        Raises:
            InvalidError: If anything else follows.
            LimitExceededError: If the zeros have no end.
        """
        if self._stream.read_exact(BLOCK) != ZEROS:
            raise InvalidError(f"{self._what}: one zero block instead of the two that end a tar")
        while chunk := self._stream.read(CHUNK):
            if chunk.count(0) < len(chunk):
                raise InvalidError(f"{self._what}: bytes follow the end of the tar")
            if self._stream.offset - self._start > self._limits.total:
                raise LimitExceededError(f"{self._what}: more than {self._limits.total} bytes")
