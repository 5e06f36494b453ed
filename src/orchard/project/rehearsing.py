"""Trying an unpack out: which files it would write, and what is in the way.

Nothing is made, and headers are all that is read where layers allow it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from orchard.archive import DEFAULTS
from orchard.errors import ConflictError, UnsafeArchiveError
from orchard.formats import Filters, LayerFiles
from orchard.project.indexcache import IndexCache
from orchard.project.indexing import Indexer
from orchard.project.placing import Existing, look
from orchard.project.unpacking import Loose, Portion, Terms, Unpacked, at_its_place, beneath, documents
from orchard.project.versions import Version


def rehearse(  # noqa: PLR0913 -- those of ``unpack``
    version: Version,
    portions: Iterable[Portion],
    destination: Path,
    *,
    filters: Filters,
    terms: Terms,
    files: Iterable[Loose],
    home: Path,
) -> Unpacked:
    """Say what ``unpack`` would do.

    Args:
        version: What would be unpacked.
        portions: Its selected layers, after what other versions bring.
        destination: Where it would go.
        filters: What was selected.
        terms: On what terms.
        files: What comes from neither.
        home: Where it is remembered what layers hold.

    Raises:
        InvalidError: If a layer is not sound.
        UnsafePathError: If files would be written through a symbolic link.
        OrchardError: As the sources raise it.
    """
    destination = destination.absolute()
    portions = tuple(portions)
    ours = documents(version, filters, portions[-1].layers)
    wanted: dict[str, bool] = {}
    for name in ours:
        _add(wanted, name, is_directory=False)
    for portion in portions:
        for path, is_directory in _paths(portion, terms, home):
            _add(wanted, path, is_directory=is_directory)
    files = tuple(files)
    for one in files:
        _add(wanted, one.path, is_directory=False)
    same = {name for name, content in ours.items() if _holds(destination / name, content)}
    there, clashing = _met(destination, {path: kind for path, kind in wanted.items() if path not in same})
    placed = [path for path, is_directory in wanted.items() if not is_directory and path not in same]
    keep = terms.existing is Existing.KEEP
    if terms.existing is Existing.REFUSE:
        clashing += there
    elif keep:
        clashing += [name for name in ours if name in there]  # a Kitfile is replaced or refused, never kept
    return Unpacked(
        destination,
        tuple(at_its_place(layer, portion.beneath) for portion in portions for layer in portion.layers),
        tuple(path for path in placed if not (keep and path in there)),
        kitfile=bool(ours),
        referred=tuple(portion.text for portion in portions if portion.text and portion.layers),
        fetched=tuple(one.url for one in files),
        in_the_way=tuple(clashing),
    )


def _paths(portion: Portion, terms: Terms, home: Path) -> Iterator[tuple[str, bool]]:
    limits = replace(DEFAULTS, members=terms.members)
    indexer = Indexer(portion.source, cache=IndexCache.beside(home, portion.source), limits=limits)
    for layer in portion.layers:
        found: LayerFiles = indexer.index(layer)
        for directory in found.directories:
            yield beneath(directory, portion.beneath), True
        for file in found.files:
            yield beneath(file.path, portion.beneath), False


def _add(wanted: dict[str, bool], path: str, *, is_directory: bool) -> None:
    """Take a path, and the directories that it lies in.

    Raises:
        UnsafeArchiveError: If another layer brings it too.
    """
    if not path:
        return
    known = wanted.get(path)
    if known is not None and not (known and is_directory):
        raise UnsafeArchiveError(f"{path} stands twice; the second would replace the first")
    parent = path.rpartition("/")[0]
    if parent and parent not in wanted:
        _add(wanted, parent, is_directory=True)
    wanted[path] = is_directory


def _met(destination: Path, wanted: dict[str, bool]) -> tuple[dict[str, None], list[str]]:
    """Look at what is there: files that are there already, and what is of another kind than it has to be.

    Raises:
        UnsafePathError: If files would be written through a symbolic link.
    """
    there: dict[str, None] = {}
    clashing: list[str] = []
    missing: set[str] = set()
    for path, is_directory in wanted.items():
        if path.rpartition("/")[0] in missing:
            missing.add(path)
            continue
        try:
            found = look(str(destination), path, is_directory=is_directory)
        except ConflictError:
            clashing.append(path)
            missing.add(path)
            continue
        if found == "nothing":
            missing.add(path)
        elif not is_directory:
            there[path] = None
    return there, clashing


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.is_file() and Path(path).stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False
