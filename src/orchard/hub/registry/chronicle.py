"""What happened to a version, for people: who pushed it, where tags went, what was attached, when it was understood."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from orchard.errors import DeniedError
from orchard.hub import catalog
from orchard.hub.access import Principal
from orchard.hub.catalog import Event, TagMove
from orchard.hub.db import moment
from orchard.hub.registry.deleting import DeletableRepository
from orchard.hub.registry.reading import Premises, ReadableRepository
from orchard.oci import Digest

MOST: Final = 500  # steps of each kind


class Happened(StrEnum):
    """What a step was."""

    PUSHED = "pushed"
    TAGGED = "tagged"
    MOVED = "moved"
    UNTAGGED = "untagged"
    OVERRIDDEN = "overridden"
    ATTACHED = "attached"
    UNDERSTOOD = "understood"
    DELETED = "deleted"
    RESTORED = "restored"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a version.

    Attributes:
        account: Who did it; none if the hub did.
        tag: Which tag it is about, if about one.
        other: Of a tag that came: where it pointed before; of one that left: where it went; else what was attached.
        kind: What was attached, if it says so.
    """

    what: Happened
    at: datetime
    account: str | None = None
    tag: str | None = None
    other: Digest | None = None
    kind: str | None = None


# Written down for those who look after a repository; what others may know is in the rows of what is there.
_TOLD: Final = {
    "manifest.push": Happened.PUSHED,
    "manifest.delete": Happened.DELETED,
    "manifest.restore": Happened.RESTORED,
    "tag.override": Happened.OVERRIDDEN,
    "version.understood": Happened.UNDERSTOOD,
    "blob.damage": Happened.DAMAGED,
}


class Chronicle:
    """Tells what happened to versions, to each as much as they may know.

    Args:
        premises: What the registry works with.
        readable: Opens a repository for reading, or refuses.
        deletable: Opens one for those who look after it, or refuses.
    """

    def __init__(
        self,
        premises: Premises,
        readable: Callable[[Principal, str], ReadableRepository],
        deletable: Callable[[Principal, str], DeletableRepository],
    ) -> None:
        self._premises = premises
        self._readable = readable
        self._deletable = deletable

    def of(self, who: Principal, name: str, digest: Digest) -> list[Step]:
        """List what happened to a version, newest first; at most 500 steps of each kind.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            NotFoundError: If there is no such version.
            DeniedError: If ``who`` may not see it.
            StorageError: If the catalog fails.
        """
        repository = self._readable(who, name)
        told = self._told(who, name, digest)
        stored = repository.manifest(digest)
        with self._premises.database.read() as connection:
            summary = catalog.listing.version(connection, repository.name, stored.digest)
            moves = catalog.tags.moves_about(connection, repository.name, digest, limit=MOST)
            attached = catalog.manifests.attached(connection, repository.name, digest, limit=MOST)
            speaker = catalog.understood.speaker(connection, repository.name, digest)
            known = None if speaker is None else catalog.understood.get(connection, speaker.id)
        found = [*reversed([*_steps(moves, digest)]), *told]
        found += [
            Step(Happened.ATTACHED, one.at, one.account, other=one.digest, kind=one.artifact_type) for one in attached
        ]
        if not any(step.what is Happened.PUSHED for step in told):
            found.append(Step(Happened.PUSHED, summary.pushed_at, summary.pushed_by))
        if known is not None and known.at and not any(step.what is Happened.UNDERSTOOD for step in told):
            found.append(Step(Happened.UNDERSTOOD, moment(known.at)))
        return sorted(found, key=lambda step: (step.at, _ORDER[step.what]), reverse=True)

    def _told(self, who: Principal, name: str, digest: Digest) -> list[Step]:
        """Give what was written down, if ``who`` looks after the repository."""
        try:
            repository = self._deletable(who, name)
        except DeniedError:
            return []
        with self._premises.database.read() as connection:
            found = catalog.events.about(connection, repository.name, digest, actions=_TOLD, limit=MOST)
        return [_step(event) for event in found]


# Of what happened in one transaction, what came first: a push brings a version, and then its tag.
_ORDER: Final = {what: place for place, what in enumerate((Happened.PUSHED, Happened.RESTORED))} | {
    what: 2 for what in Happened if what not in {Happened.PUSHED, Happened.RESTORED}
}


def _step(event: Event) -> Step:
    what = _TOLD[event.action]
    return Step(what, event.at, None if what is Happened.UNDERSTOOD else event.account, event.tag)


def _steps(moves: Sequence[tuple[str, TagMove]], digest: Digest) -> Iterator[Step]:
    """Tell where tags came from and went to, of all their moves, newest first."""
    before: dict[str, Digest | None] = {}
    for tag, move in reversed(moves):
        last = before.get(tag)
        before[tag] = move.digest
        if move.digest == digest:
            yield Step(Happened.TAGGED, move.at, move.account, tag, last)
        elif last == digest:
            what = Happened.UNTAGGED if move.digest is None else Happened.MOVED
            yield Step(what, move.at, move.account, tag, move.digest)
