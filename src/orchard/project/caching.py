"""What may be deleted at any time: caches, and what interrupted work left behind."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchard.errors import StorageError
from orchard.project.home import LAYOUT
from orchard.store import Layout

CACHE: Final = "cache"  # kit keeps its temporary files there too
_UNFINISHED: Final = "ingest"  # of the layout: what interrupted transfers would go on with


@dataclass(frozen=True, slots=True)
class Cached:
    """A directory that may go.

    Attributes:
        path: Where it is, relative to the home directory.
        size: Bytes of the files in it.
    """

    path: str
    size: int


def list_cache(home: Path) -> list[Cached]:
    """List what may go, sorted by path; what is empty is left out.

    Raises:
        StorageError: If a directory cannot be read.
    """
    try:
        found = [Cached(path.relative_to(home).as_posix(), _size(path)) for path in _places(home)]
    except OSError as error:
        raise StorageError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return [one for one in found if one.size]


def clear_cache(home: Path, layout: Layout) -> int:
    """Delete what may go: not while an import runs, whose files it takes away.

    Returns:
        How many bytes that freed; blobs that nothing needs any more included.

    Raises:
        StorageError: If something cannot be deleted.
        IntegrityError: If a version in the store is damaged, so that it is not known what may go.
    """
    freed = 0
    try:
        for path in _inside(home / CACHE):
            freed += _size(path)
            _delete(path)
    except OSError as error:
        raise StorageError(f"{error.filename}: cannot be deleted: {error.strerror}") from error
    return freed + layout.sweep(partials=True).bytes


def _places(home: Path) -> list[Path]:
    return [*_inside(home / CACHE), home / LAYOUT / _UNFINISHED]


def _inside(directory: Path) -> list[Path]:
    # A link in its place is somebody else's directory.
    if directory.is_symlink() or not directory.is_dir():
        return []
    return sorted(directory.iterdir())


def _size(path: Path) -> int:
    if path.is_symlink():
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(_size(inside) for inside in _inside(path))


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
