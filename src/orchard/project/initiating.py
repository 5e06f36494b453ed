"""A first Kitfile for a directory that has none."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchard.errors import ConflictError, NotFoundError, StorageError
from orchard.formats import KITFILE_NAMES, Kitfile, Listed, Package, detect_license, generate, license_files, to_yaml

_MAX_LICENSE: Final = 64 << 10  # bytes of a license that are looked at
_DEPTH: Final = 2  # levels of directories that the generator looks at


def propose_kitfile(
    directory: Path,
    *,
    name: str = "",
    description: str = "",
    author: str = "",
    sizes: Mapping[str, int] | None = None,
) -> Kitfile:
    """Look at a directory and propose what its Kitfile could say.

    Args:
        directory: The directory.
        name: Of the package.
        description: Of the package.
        author: Of the package.
        sizes: Of files whose content is still elsewhere, by path.

    Raises:
        NotFoundError: If there is no such directory.
        StorageError: If it cannot be read.
    """
    if not directory.is_dir():
        raise NotFoundError(f"{directory}: no such directory")
    try:
        listing = _list(directory, directory, _DEPTH)
    except OSError as error:
        raise StorageError(f"{error.filename}: cannot be read: {error.strerror}") from error
    listing = [listed._replace(size=(sizes or {}).get(listed.path, listed.size)) for listed in listing]
    package = Package(name=name, description=description, authors=(author,) if author else ())
    return generate(listing, package=package, license_id=_license(directory, listing))


def write_kitfile(directory: Path, kitfile: Kitfile, *, replace: bool = False) -> Path:
    """Write ``Kitfile`` into a directory.

    Raises:
        ConflictError: If there is a Kitfile, under any of its names, and ``replace`` is false.
        StorageError: If it cannot be written.
    """
    there = [directory / name for name in KITFILE_NAMES if (directory / name).exists()]
    if there and not replace:
        raise ConflictError(f"{there[0]} already exists; use --force to replace it")
    target = there[0] if there else directory / KITFILE_NAMES[0]
    temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        temporary.write_text(to_yaml(kitfile), encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"{target}: cannot be written: {error.strerror}") from error
    return target


def _list(root: Path, directory: Path, depth: int) -> list[Listed]:
    found: list[Listed] = []
    for path in sorted(directory.iterdir(), key=os.fsencode):
        is_directory = path.is_dir()
        name = path.relative_to(root).as_posix()
        found.append(Listed(name, 0 if is_directory else path.lstat().st_size, is_dir=is_directory))
        if is_directory and depth > 1:
            found += _list(root, path, depth - 1)
    return found


def _license(directory: Path, listing: list[Listed]) -> str:
    """Find out which license a project has: the one that its license file is, if it has one only."""
    for name in license_files(listing):
        with (directory / name).open("rb") as file:
            if found := detect_license(file.read(_MAX_LICENSE).decode("utf-8", "replace")):
                return found
    return ""
