"""Mirrors: a repository here kept like one of another registry, or the other way round, tag by tag.

What the other side has already is skipped, so a run that was cut off goes on where it was by running again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Protocol

from orchard.errors import ConflictError, NotFoundError, OrchardError, RemoteError
from orchard.hub.access import Kind as AccountKind
from orchard.hub.access import Principal
from orchard.hub.catalog import mirrors
from orchard.hub.catalog.mirrors import Mirror
from orchard.hub.catalog.outbox import News
from orchard.hub.catalog.patterns import TagPattern
from orchard.hub.db import Database, Transaction
from orchard.hub.egress import Gate, Vault
from orchard.hub.jobs.kind import HopelessError, Kind, Run, StoppedError
from orchard.hub.jobs.spreading import SCOPE
from orchard.hub.queue import Queue
from orchard.hub.registry import Registry, Shelf
from orchard.oci import Descriptor, Digest, dumps
from orchard.project import CopyTerms, Count, VersionCopy
from orchard.remote import ANONYMOUS, Credential, Given, RemoteRepository, Retry, Timeouts, Url
from orchard.remote import Registry as RemoteRegistry
from orchard.store import is_digest_tag

KIND: Final = "mirror"
EVERY: Final = 15.0  # seconds between two looks at the clock
PULL: Final = "pull"
PUSH: Final = "push"
SHOWN: Final = 100  # tags that a report names
_DELAY: Final = 2.0  # seconds after a push, in which the next one of the same release usually comes
_TELLING: Final = ("manifest.", "tag.")
_TIMEOUTS: Final = Timeouts(connect=10.0, read=60.0)
_RETRY: Final = Retry(attempts=4)
_WORKERS: Final = 4


class Resolving(Protocol):
    """Somebody who knows what tags name."""

    def resolve(self, target: str, /) -> Descriptor:
        """Find the document that a tag names."""
        ...


class Side(Resolving, Protocol):
    """What both sides of a mirror can do."""

    def tags(self) -> Iterable[str]:
        """Give all tags."""
        ...

    def delete(self, tag: str, /) -> None:
        """Forget a tag."""
        ...


@dataclass(kw_only=True)
class Report:
    """What came of a run, or would come of it.

    Attributes:
        tags: Tags that were set, at most 100 of them.
        set: How many.
        same: Tags that were right already.
        deleted: Tags that were taken away.
        blobs: Blobs and documents that were copied.
        size: Their bytes.
        failed: Why a tag could not be copied, by tag.
    """

    tags: list[str] = field(default_factory=list)
    set: int = 0
    same: int = 0
    deleted: list[str] = field(default_factory=list)
    blobs: int = 0
    size: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Outcome:
    """A run so far.

    Attributes:
        report: What it has done.
        known: Tags that this mirror has copied, now and before.
    """

    report: Report
    known: set[str]


class Mirroring:
    """Runs mirrors.

    Args:
        database: The catalog's.
        registry: What the hub keeps.
        vault: Knows the passwords.
        gate: Says where the hub may go.
        queue: Where runs are asked for.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        *,
        vault: Vault,
        gate: Gate,
        queue: Queue,
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._registry = registry
        self._vault = vault
        self._gate = gate
        self._queue = queue
        self._now = now

    def kinds(self) -> Sequence[Kind]:
        """Name what workers do."""
        return (
            Kind(name=KIND, handler=self.run, attempts=3, backoff=30.0, slow=True),
            Kind(name="schedule-mirrors", handler=self.schedule, every=EVERY),
        )

    def listen(self, connection: Transaction, events: Sequence[News]) -> None:
        """Ask for a run of each mirror whose repository has changed; a ``Listener``."""
        changed = {event.repository for event in events if event.action.startswith(_TELLING)}
        for mirror in mirrors.pushing(connection):
            if mirror.repository in changed:
                self.ask(connection, mirror.id, delay=_DELAY)

    def ask(self, connection: Transaction, mirror: int, *, delay: float = 0.0) -> str:
        """Ask for a run; give the id of its task."""
        name = f"{KIND} {mirror}"
        return self._queue.put(connection, KIND, {"mirror": mirror}, key=name, lock=name, delay=delay)

    def schedule(self, run: Run) -> None:
        """Ask for a run of every mirror whose time has come.

        Raises:
            StorageError: If the catalog fails.
        """
        now = round(self._now() * 1000)
        with self._database.write(SCOPE) as connection:
            due = mirrors.due(connection, now)
            for mirror in due:
                assert mirror.every is not None
                self.ask(connection, mirror.id)
                mirrors.change(connection, mirror.id, due_at=now + mirror.every * 1000)
        run.progress(len(due), len(due))

    def run(self, run: Run) -> None:
        """Run one mirror.

        Raises:
            HopelessError: If trying again would not help.
            StoppedError: If it has to stop; what is copied stays copied.
            OrchardError: If it may.
        """
        number = run.payload.get("mirror")
        mirror = self._find(number if isinstance(number, int) else 0)
        if mirror is None:
            return
        self._write(mirror, state=mirrors.RUNNING, began_at=round(self._now() * 1000))
        outcome = _Outcome(Report(), set(mirror.known))
        report = outcome.report
        failure: OrchardError | None = None
        try:
            self._copy(mirror, outcome, run)
        except StoppedError:
            raise
        except OrchardError as error:
            failure = error
            report.failed[""] = str(error)
        self._write(
            mirror,
            state=mirrors.FAILED if report.failed else mirrors.DONE,
            ended_at=round(self._now() * 1000),
            report=dumps(asdict(report)).decode(),
            known=" ".join(sorted(outcome.known)),
        )
        for tag, why in report.failed.items():
            run.log(f"{tag}: {why}" if tag else why)
        run.log(_sum(report))
        run.progress(report.set, report.set + report.same, _sum(report), unit="tags")
        if isinstance(failure, RemoteError):
            raise failure
        if report.failed:
            raise HopelessError(f"mirror {mirror.id}: {next(iter(report.failed.values()))}")

    def plan(self, mirror: Mirror) -> Report:
        """Tell what a run would do: compare the tags, and copy nothing.

        Raises:
            OrchardError: As the one side or the other raises it.
        """
        report = Report()
        with self._remote(mirror) as registry:
            here, there = self._sides(mirror, registry)
            wanted = _wanted(here, mirror)
            for tag in wanted:
                _note(report, tag, same=_digest(there, tag) == _digest(here, tag))
            report.deleted = _gone(mirror, set(mirror.known), wanted)
        return report

    def _copy(self, mirror: Mirror, outcome: _Outcome, run: Run) -> None:
        with self._remote(mirror) as registry:
            here, there = self._sides(mirror, registry)
            wanted = _wanted(here, mirror)
            watching = _Watching(run, len(wanted))
            count = Count(watching)
            copy = VersionCopy(here, there, CopyTerms(referrers=mirror.referrers, workers=_WORKERS), count)
            for number, tag in enumerate(wanted):
                watching.at(tag, number)
                self._copy_tag(copy, tag, outcome)
            for tag in _gone(mirror, outcome.known, wanted):
                self._delete(there, tag, outcome)
            outcome.report.blobs, outcome.report.size = count.contents, count.size

    def _copy_tag(self, copy: VersionCopy, tag: str, outcome: _Outcome) -> None:
        """Copy one tag; where only this one fails, go on with the others.

        Raises:
            RemoteError: If the other registry cannot be reached: then nothing can be.
            StoppedError: If the run has to stop.
        """
        try:
            root = copy.here.resolve(tag)
            same = _digest(copy.there, tag) == root.digest
            copy.run(root, () if same else (tag,))
        except (RemoteError, StoppedError):
            raise
        except OrchardError as error:
            outcome.report.failed[tag] = str(error)
            return
        _note(outcome.report, tag, same=same)
        outcome.known.add(tag)

    def _delete(self, there: Side, tag: str, outcome: _Outcome) -> None:
        try:
            there.delete(tag)
        except NotFoundError:
            outcome.known.discard(tag)
        except OrchardError as error:
            outcome.report.failed[tag] = str(error)
        else:
            outcome.known.discard(tag)
            outcome.report.deleted.append(tag)

    def _sides(
        self, mirror: Mirror, registry: RemoteRegistry
    ) -> tuple[Shelf | RemoteRepository, Shelf | RemoteRepository]:
        """Give from where and to where. Runs may do what whoever made the mirror may do."""
        kind = AccountKind.ROBOT if "+" in mirror.created_by else AccountKind.USER
        local = Shelf(self._registry, Principal(mirror.created_by, kind), mirror.repository)
        remote = registry.repository(Url.parse(mirror.remote).path.strip("/"))
        return (remote, local) if mirror.direction == PULL else (local, remote)

    def _remote(self, mirror: Mirror) -> RemoteRegistry:
        origin = Url.parse(mirror.remote).origin
        options = self._gate.options(scheme=origin.scheme, timeouts=_TIMEOUTS, retry=_RETRY)
        known = ANONYMOUS
        if mirror.username is not None and mirror.password is not None:
            known = Given(origin.authority, Credential(mirror.username, self._vault.unseal(mirror.password)))
        return RemoteRegistry(origin.authority, options=options, credentials=known)

    def _find(self, number: int) -> Mirror | None:
        with self._database.read() as connection:
            return mirrors.get(connection, number)

    def _write(self, mirror: Mirror, **values: object) -> None:
        with self._database.write(SCOPE) as connection:
            mirrors.change(connection, mirror.id, **values)


class _Watching:
    """An observer that lets a copy stop where its run has to."""

    def __init__(self, run: Run, total: int) -> None:
        self._run = run
        self._total = total
        self._done = 0

    def at(self, tag: str, number: int) -> None:
        """Learn which tag's turn it is.

        Raises:
            StoppedError: If the run has to stop.
        """
        self._done = number
        self._run.log(f"looking at the tag {tag}")
        self._run.progress(number, self._total, tag, unit="tags")

    def started(self, label: str, size: int | None = None) -> None:
        """Ignore it."""

    def advanced(self, label: str, count: int) -> None:
        """Ignore it."""

    def finished(self, label: str, *, skipped: bool = False) -> None:  # noqa: ARG002 -- as observers have it
        """Stop here if need be.

        Raises:
            StoppedError: If the run has to stop.
        """
        self._run.progress(self._done, self._total, label, unit="tags")


def _wanted(here: Side, mirror: Mirror) -> list[str]:
    """List the tags that are to be there.

    Raises:
        ConflictError: If there are none where there were some, and those copied are to be taken away.
    """
    pattern = TagPattern.parse(mirror.tags)
    found = sorted(tag for tag in here.tags() if pattern.matches(tag) and not is_digest_tag(tag))
    if mirror.deletions and mirror.known and not found:
        raise ConflictError(
            "the source has none of these tags any more; if that is right, delete them at the destination yourself"
        )
    return found


def _gone(mirror: Mirror, known: set[str], wanted: Sequence[str]) -> list[str]:
    return sorted(known.difference(wanted)) if mirror.deletions else []


def _digest(side: Resolving, tag: str) -> Digest | None:
    try:
        return side.resolve(tag).digest
    except NotFoundError:
        return None


def _note(report: Report, tag: str, *, same: bool) -> None:
    report.same += same
    report.set += not same
    if not same and len(report.tags) < SHOWN:
        report.tags.append(tag)


def _sum(report: Report) -> str:
    parts = [f"{report.set} tags set", f"{report.same} were right", f"{report.blobs} blobs copied"]
    parts += [f"{len(report.deleted)} tags taken away"] if report.deleted else []
    parts += [f"{len(report.failed)} failed"] if report.failed else []
    return ", ".join(parts)
