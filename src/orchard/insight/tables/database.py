"""DuckDB, which sees one file and nothing else. Only ``worker`` uses this, in a process of its own.

An in-memory database without access to files, networks, extensions or its own settings. Its only file is what a
caller puts behind ``TABLE``; no name or text of a dataset ever becomes part of a statement.
"""

import io
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

import duckdb
from fsspec import AbstractFileSystem

from orchard.errors import InvalidDocumentError, LimitExceededError, OrchardError

TABLE: Final = "orchard://table"  # the name of the one file, in statements
START: Final = "orchard://start"  # the name of the start of it
MEMORY: Final = 256 << 20  # bytes for all that the database holds
_NOW: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KIND: Final = re.compile(r"^(?:[A-Z][A-Za-z/ ]* Error|TProtocolException): ")
_QUOTED: Final = "Original Line:"
_LONGEST: Final = 300  # characters of what the database says of an error

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 1,
    "async_threads": 1,
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_file_cache": False,
    "memory_limit": f"{MEMORY >> 20}MiB",
}
# In this order: a file system cannot be added, nor a path allowed, once access is off.
_CLOSING: Final = (
    "SET TimeZone = 'UTC'",
    "SET enable_progress_bar = false",
    f"SET allowed_paths = ['{TABLE}', '{START}']",
    "SET enable_external_access = false",
    "SET disabled_filesystems = 'LocalFileSystem'",
    "SET lock_configuration = true",
)


class Database:
    """A database that will hold one file. Close it."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:", config=_CONFIG)
        self._file: _OneFile | None = None
        # What is loaded late is loaded now: afterwards nothing may be opened.
        self.rows("SELECT 1, 1.5, CAST(1 AS DECIMAL(4, 1)), 'x', [1.5], true WHERE ? = 1", 1)

    def hold(self, opener: Callable[[], BinaryIO], size: int, *, start: bytes = b"") -> None:
        """Take the file, and close the database to everything else, for good.

        Args:
            opener: Opens the file; asked as often as the database wants.
            size: Bytes of the file.
            start: Its first lines, for a quick look.
        """
        self._file = _OneFile(opener, size, start)
        self._connection.register_filesystem(self._file)
        for statement in _CLOSING:
            self._connection.execute(statement)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement of ours.

        Raises:
            InvalidDocumentError: If the file is not what the statement takes it for.
            LimitExceededError: If it takes too much memory or too long.
            OrchardError: As the file raises it.
        """
        try:
            return self._connection.execute(statement, [*values]).fetchall()
        except duckdb.OutOfMemoryException as error:
            raise LimitExceededError("it takes more memory than a preview is given") from error
        except (duckdb.Error, RuntimeError, UnicodeError, OverflowError) as error:
            raise (self._file and self._file.failure) or _translated(error) from error

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()


class _OneFile(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system of one file and its start, as DuckDB asks for it."""

    protocol = "orchard"
    cachable = False  # codespell:ignore cachable -- fsspec's word

    def __init__(self, opener: Callable[[], BinaryIO], size: int, start: bytes) -> None:
        super().__init__()
        self._files = {_name(TABLE): (opener, size), _name(START): (lambda: io.BytesIO(start), len(start))}
        self.failure: OrchardError | None = None

    def _open(self, path: str, mode: str = "rb", **_: object) -> "_Watched":
        if not self.exists(path) or mode != "rb":
            raise FileNotFoundError(path)
        opener, _size = self._files[_name(path)]
        return _Watched(self, opener())

    def info(self, path: str, **_: object) -> dict[str, object]:
        """Describe the file."""
        return {"name": path, "size": self._files[_name(path)][1], "type": "file"}

    def glob(self, path: str, **_: object) -> Sequence[str]:
        """Find the file; a pattern finds nothing else."""
        return [path]

    def exists(self, path: str, **_: object) -> bool:
        """Tell whether it is the file."""
        return _name(path) in self._files

    def modified(self, path: str) -> datetime:  # noqa: ARG002 -- fsspec's
        """Give the time of the file: it never changes."""
        return _NOW


def _name(path: str) -> str:
    return path.rpartition("/")[2]  # fsspec gives paths with and without the protocol


class _Watched:
    """A file whose failures are remembered: of an error in a callback, DuckDB keeps only a text."""

    def __init__(self, files: _OneFile, file: BinaryIO) -> None:
        self._files = files
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.close = file.close

    def read(self, size: int = -1) -> bytes:
        """Read on.

        Raises:
            OrchardError: As the file raises it.
        """
        try:
            return self._file.read(size)
        except OrchardError as error:
            self._files.failure = error
            raise


def _translated(error: Exception) -> OrchardError:
    """Say what the database says, in a line, without where in a statement of ours it was."""
    said = str(error)
    if isinstance(error, (RuntimeError, duckdb.InterruptException)) and "nterrupted" in said:
        return LimitExceededError("it takes longer than a preview may")
    if isinstance(error, duckdb.InternalException) or said.startswith("Traceback"):
        return InvalidDocumentError("the reader of tables gave up on it")
    lines = [line.strip() for line in said.replace(TABLE, "the file").splitlines() if line.strip()]
    if len(lines) > 2 and lines[1].startswith(_QUOTED):  # noqa: PLR2004 -- what, where, why
        lines[0] = f"{lines[0]}: {lines[2]}"
    return InvalidDocumentError(_KIND.sub("", lines[0])[:_LONGEST] if lines else type(error).__name__)
