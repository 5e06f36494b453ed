"""A first Kitfile for a directory that has none."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchard.errors import ConflictError, NotFoundError, StorageError, UsageError
from orchard.formats import (
    KITFILE_NAMES,
    MAX_SKILL,
    Kitfile,
    Listed,
    Package,
    Skill,
    detect_license,
    generate,
    license_files,
    read_skill,
    skill_files,
    to_yaml,
)

_MAX_LICENSE: Final = 64 << 10  # bytes of a license that are looked at
_LEVELS: Final = 2  # of directories, which the generator looks at beyond those that it sorts file by file
MAX_DEPTH: Final = 32


def propose_kitfile(
    directory: Path, *, package: Package | None = None, depth: int = 0, sizes: Mapping[str, int] | None = None
) -> Kitfile:
    """Look at a directory and propose what its Kitfile could say.

    Args:
        directory: The directory.
        package: What is known of it already.
        depth: How many levels of sub-directories are sorted file by file.
        sizes: Of files whose content is still elsewhere, by path.

    Raises:
        NotFoundError: If there is no such directory.
        StorageError: If it cannot be read.
        UsageError: If the depth is negative or over ``MAX_DEPTH``.
    """
    if not 0 <= depth <= MAX_DEPTH:
        raise UsageError(f"--depth {depth}: must be from 0 to {MAX_DEPTH}")
    if not directory.is_dir():
        raise NotFoundError(f"{directory}: no such directory")
    try:
        listing = _list(directory, directory, depth + _LEVELS)
        listing = [listed._replace(size=(sizes or {}).get(listed.path, listed.size)) for listed in listing]
        skills = {name: _skill(directory / name) for name in skill_files(listing)}
        license_id = _license(directory, listing)
    except OSError as error:
        raise StorageError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return generate(listing, package=package, license_id=license_id, depth=depth, skills=skills)


def write_kitfile(directory: Path, kitfile: Kitfile, *, replace: bool = False) -> Path:
    """Write ``Kitfile`` into a directory.

    Raises:
        ConflictError: If there is a Kitfile, under any of its names, and ``replace`` is false.
        StorageError: If it cannot be written.
    """
    there = [directory / name for name in KITFILE_NAMES if (directory / name).exists()]
    if there and not replace:
        raise ConflictError(f"{there[0]} already exists; use --force to replace it")
    return write_kitfile_to(there[0] if there else directory / KITFILE_NAMES[0], kitfile, replace=True)


def write_kitfile_to(target: Path, kitfile: Kitfile, *, replace: bool = False) -> Path:
    """Write a Kitfile under any name.

    Raises:
        ConflictError: If there is such a file and ``replace`` is false.
        StorageError: If it cannot be written.
    """
    if target.exists() and not replace:
        raise ConflictError(f"{target} already exists; use --force to replace it")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        temporary.write_text(to_yaml(kitfile), encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"{target}: cannot be written: {error.strerror}") from error
    return target


def _list(root: Path, directory: Path, depth: int, *, above: frozenset[str] = frozenset()) -> list[Listed]:
    found: list[Listed] = []
    real = os.path.realpath(directory)
    if real in above:  # a link that leads back
        return found
    for path in sorted(directory.iterdir(), key=os.fsencode):
        is_directory = path.is_dir()
        name = path.relative_to(root).as_posix()
        found.append(Listed(name, 0 if is_directory else path.lstat().st_size, is_dir=is_directory))
        if is_directory and depth > 1:
            found += _list(root, path, depth - 1, above=above | {real})
    return found


def _skill(path: Path) -> Skill:
    if not path.is_file():
        return Skill()
    with path.open("rb") as file:
        return read_skill(file.read(MAX_SKILL).decode("utf-8", "replace"))


def _license(directory: Path, listing: list[Listed]) -> str:
    """Find out which license a project has: the one that its license file is, if it has one only."""
    for name in license_files(listing):
        if not (directory / name).is_file():
            continue
        with (directory / name).open("rb") as file:
            if found := detect_license(file.read(_MAX_LICENSE).decode("utf-8", "replace")):
                return found
    return ""
