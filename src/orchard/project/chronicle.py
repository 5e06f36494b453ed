"""The history of a repository: its versions in the order in which they came, and what each brought.

The local store knows when a version came and which tags it had; a registry knows tags alone, so there the order is that
of the times that manifests claim.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from orchard.errors import NotFoundError, OrchardError
from orchard.formats import lock_of, model_reference
from orchard.oci import JSON, Digest, Reference
from orchard.project.cataloging import Tagged
from orchard.project.provenance import read_origin
from orchard.project.versions import Version, read_version
from orchard.store import Entry, Layout

CREATED: Final = "org.opencontainers.image.created"

_DIGITS: Final = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Step:
    """One version of a history.

    Attributes:
        version: The version.
        tags: Its tags, sorted.
        former_tags: Tags that it had, the oldest first.
        added: When it came into the local store, in seconds since 1970, if that is known.
        created: When it was made, as its manifest claims; seconds since 1970.
        new: Bytes of its layers that the version before it did not have.
        parent: What its ``model.path`` names, and the digest that its lock pins.
    """

    version: Version
    tags: tuple[str, ...]
    former_tags: tuple[str, ...] = ()
    added: float | None = None
    created: float | None = None
    new: int = 0
    parent: tuple[str, Digest | None] | None = None

    @property
    def origin(self) -> dict[str, JSON]:
        """What the manifest says of the Git commit: ``source``, ``revision``, ``branch``, ``dirty``."""
        return read_origin(self.version.manifest.annotations)


def local_history(layout: Layout, reference: Reference) -> list[Step]:
    """Give the versions of a repository in the local store, the newest first.

    With a tag or a digest, that version is the newest one.

    Raises:
        NotFoundError: If there is none.
        StorageError: If the index is damaged.
    """
    rows: dict[Digest, list[Entry]] = {}
    for entry in layout.entries():
        if entry.repository == reference.name:
            rows.setdefault(entry.digest, []).append(entry)
    found = [step for entries in rows.values() if (step := _local_step(layout, entries)) is not None]
    if not found:
        raise NotFoundError(f"{reference}: not in the local store; see: orchard list")
    return _until(_measured(sorted(found, key=_when)), reference)


def remote_history(tagged: Iterable[Tagged], reference: Reference) -> list[Step]:
    """Give the versions of a repository in a registry, the newest first, as far as manifests say when they were made.

    Raises:
        NotFoundError: If there is none.
    """
    tags: dict[Digest, list[str]] = {}
    versions: dict[Digest, Version] = {}
    for one in tagged:
        if one.version is not None:
            tags.setdefault(one.descriptor.digest, []).append(one.tag)
            versions[one.descriptor.digest] = one.version
    if not versions:
        raise NotFoundError(f"{reference}: no ModelKit with a tag is there")
    steps = [_step(version, tuple(sorted(tags[digest], key=natural))) for digest, version in versions.items()]
    return _until(_measured(sorted(steps, key=_when)), reference)


def natural(text: str) -> list[tuple[int, str]]:
    """Give a key by which ``v9`` comes before ``v10``."""
    return [(int(part) if part.isdigit() else -1, part) for part in _DIGITS.split(text)]


def read_time(text: str | None) -> float | None:
    """Read a time that a stranger wrote (RFC 3339), in seconds since 1970; None if it is none."""
    try:
        time = datetime.fromisoformat(text) if text else None
        return None if time is None else (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _local_step(layout: Layout, entries: Sequence[Entry]) -> Step | None:
    """Read a version; what is no project, or is damaged, has no place in the history."""
    first = entries[0]
    try:
        version = read_version(layout.repository(first.repository), first.descriptor)
    except OrchardError:
        return None
    tags = tuple(sorted((entry.tag for entry in entries if entry.tag is not None), key=natural))
    former = tuple(dict.fromkeys(tag for entry in entries for tag in entry.former_tags if tag not in tags))
    times = [entry.added for entry in entries if entry.added is not None]
    added = min([*times, *_written(layout, first)], default=None)  # an entry is as old as its tag, not as its version
    return replace(_step(version, tags), former_tags=former, added=added)


def _written(layout: Layout, entry: Entry) -> list[float]:
    """Tell when the manifest was written into the store, if that can be told."""
    path = layout.path_of(entry.descriptor)
    try:
        return [] if path is None else [path.stat().st_mtime]
    except OSError:
        return []


def _step(version: Version, tags: tuple[str, ...]) -> Step:
    created = read_time(version.manifest.annotations.get(CREATED))
    return Step(version, tags, created=created, parent=_parent(version))


def _parent(version: Version) -> tuple[str, Digest | None] | None:
    text = model_reference(version.kit.kitfile)
    if text is None:
        return None
    try:
        return text, lock_of(version.manifest, what=str(version.digest)).kits.get(text)
    except OrchardError:
        return text, None


def _when(step: Step) -> tuple[float, list[tuple[int, str]]]:
    """Give the place of a version: when it came here, else when it was made; then by its tags."""
    time = step.added if step.added is not None else step.created
    return time or 0.0, natural(step.tags[0] if step.tags else "")


def _measured(steps: Iterable[Step]) -> Iterator[Step]:
    """Count what each version has that the one before it had not."""
    before: frozenset[Digest] = frozenset()
    for step in steps:
        layers = {layer.digest: layer.size for layer in step.version.manifest.layers}
        yield replace(step, new=sum(size for digest, size in layers.items() if digest not in before))
        before = frozenset(layers)


def _until(steps: Iterable[Step], reference: Reference) -> list[Step]:
    """Give the newest first, from the one on that was asked for.

    Raises:
        NotFoundError: If that one is not there.
    """
    newest_first = list(steps)[::-1]
    if reference.tag is None and reference.digest is None:
        return newest_first
    for number, step in enumerate(newest_first):
        if step.version.digest == reference.digest or reference.tag in step.tags:
            return newest_first[number:]
    raise NotFoundError(f"{reference}: not there; see: orchard history {reference.name.removeprefix('localhost/')}")
