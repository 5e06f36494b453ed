"""What the hub does by itself in its repositories: lets go of what no rule keeps, and of what was deleted long ago."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from orchard.errors import ConflictError, NotFoundError
from orchard.hub import catalog
from orchard.hub.access import Principal
from orchard.hub.catalog import Deletion, Journal, KeepRule, Retention
from orchard.hub.catalog.usage import EVERYWHERE
from orchard.hub.db import Transaction
from orchard.hub.registry.ports import Reach
from orchard.hub.registry.reading import Premises
from orchard.hub.registry.removing import Removal
from orchard.hub.registry.retaining import Decision, Plan, plan
from orchard.hub.registry.tagging import TagGuard

RETENTION: Final = Principal("retention")  # by whom versions are deleted that no rule keeps
_BATCH: Final = 100  # manifests deleted in one transaction: others wait for some 50 ms
_PAGE: Final = 1000
_NONE: Final = Reach(site_admin=False, role=None)

Told = Callable[[int, int | None, str], None]


def _nobody(done: int, total: int | None, note: str) -> None:
    """Tell nobody."""


class Upkeep:
    """Work on repositories that nobody asks for by name."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def plan(self, name: str, rules: Sequence[KeepRule] | None = None) -> Plan:
        """Say what retention would do to a repository now, and change nothing.

        Args:
            name: The repository.
            rules: What it would say itself; none of them leaves it to wider scopes. Absent, what it says.

        Raises:
            NotFoundError: If there is no such repository.
            StorageError: If the catalog fails.
        """
        self.write_pulls()
        with self._premises.database.read() as connection:
            if rules is None:
                return _plan(connection, self._premises, name)
            wider = catalog.rules.for_keeping(connection, name, itself=False)
            wanted = Retention(name, tuple(rules)) if rules else wider
            return _thought(connection, self._premises, name, retention=wanted)

    def retain(self, name: str, *, who: Principal = RETENTION, mark: str | None = None, tell: Told = _nobody) -> Plan:
        """Put into the trash what no rule keeps in a repository. Give what stayed, and what went.

        It is thought out anew whenever somebody else has changed the repository or its rules meanwhile.

        Args:
            name: The repository.
            who: Who asked for it.
            mark: Of the plan that was agreed to; absent, whatever has to go goes.
            tell: Is told how far it has come, and may stop it by an error; what is done stays done.

        Raises:
            NotFoundError: If there is no such repository.
            ConflictError: If another plan was agreed to.
            StorageError: If the catalog fails.
        """
        self.write_pulls()
        run = _Run(self._premises, name, who)
        while run.step(mark):
            mark = None  # what was agreed to has begun
            tell(len(run.gone), len(run.gone) + len(run.waiting), name)
        return run.outcome

    def retain_all(
        self, tell: Told = _nobody, say: Callable[[str], None] = lambda _: None, *, scope: str = EVERYWHERE
    ) -> int:
        """Apply retention to every repository that a rule speaks of; give the number of manifests that went.

        Args:
            scope: Only in this repository or namespace.
            tell: Is told how far it has come, and may stop it by an error.
            say: Is told of each repository that loses something.

        Raises:
            StorageError: If the catalog fails.
        """
        gone = 0
        spoken_of = (name for name in self._spoken_of() if scope in catalog.rules.scopes(name))
        for done, name in enumerate(spoken_of):
            tell(done, None, name)
            try:
                if self.plan(name).goes:  # looking holds nobody up
                    went = len(self.retain(name).goes)
                    say(f"{name}: {went} manifests went to the trash")
                    gone += went
            except NotFoundError:  # deleted meanwhile
                continue
        return gone

    def purge(self, lifetime: float, tell: Told = _nobody) -> int:
        """Forget what was deleted so many seconds ago, or earlier; give the number of entries.

        Raises:
            StorageError: If the catalog fails.
        """
        before = self._premises.at - round(lifetime * 1000)
        gone = 0
        while True:
            with self._premises.database.write() as connection:
                entries = catalog.trash.expired(connection, before, _BATCH)
                for number, name in entries:
                    catalog.trash.drop(connection, number)
                    journal = Journal(connection, name, account="trash", at=self._premises.at)
                    journal.record("trash.purge", detail={"entry": number})
            gone += len(entries)
            tell(gone, None, "")
            if len(entries) < _BATCH:
                return gone

    def write_pulls(self) -> int:
        """Write down who asked for what; give the number of versions.

        Raises:
            StorageError: If the catalog fails.
        """
        return self._premises.pulls.write(self._premises.database)

    def _spoken_of(self) -> Iterator[str]:
        """Name the repositories that are in a scope which says what is kept."""
        with self._premises.database.read() as connection:
            scopes = catalog.rules.keeping_scopes(connection)
        if not scopes:
            return
        after = ""
        while True:
            with self._premises.database.read() as connection:
                names = catalog.repositories.names(connection, after, _PAGE)
            yield from (name for name in names if not {*catalog.rules.scopes(name)}.isdisjoint(scopes))
            if len(names) < _PAGE:
                return
            after = names[-1]


class _Run:
    """Retention of one repository: some manifests in each transaction, thought out anew if others write meanwhile."""

    def __init__(self, premises: Premises, name: str, who: Principal) -> None:
        self._premises = premises
        self._name = name
        self._who = who
        self._thought: Plan | None = None
        self._seen = 0
        self.gone: list[Decision] = []
        self.waiting: tuple[Decision, ...] = ()

    @property
    def outcome(self) -> Plan:
        """What stayed, and what went."""
        assert self._thought is not None
        return replace(self._thought, goes=tuple(self.gone))

    def step(self, mark: str | None) -> bool:
        """Delete some of what goes; tell whether more is waiting.

        Raises:
            NotFoundError: If there is no such repository.
            ConflictError: If another plan was agreed to.
            StorageError: If the catalog fails.
        """
        try:
            with self._premises.database.write(self._name) as connection:
                if self._thought is None or self._stamp(connection) != self._seen:
                    self._thought = _plan(connection, self._premises, self._name)
                    self.waiting = self._thought.goes
                    self._require(mark, self._thought)
                batch = self.waiting[:_BATCH]
                self._remove(connection, batch, self._thought.scope)
                self._seen = self._stamp(connection)
        finally:
            self._premises.recall.forget(self._name)
        self.gone.extend(batch)
        self.waiting = self.waiting[_BATCH:]
        return bool(self.waiting)

    def _stamp(self, connection: Transaction) -> int:
        return catalog.census.stamp(connection, catalog.rules.scopes(self._name))

    def _require(self, mark: str | None, thought: Plan) -> None:
        """Refuse what was not agreed to.

        Raises:
            ConflictError: If other versions would go.
        """
        if mark is not None and thought.mark != mark:
            raise ConflictError(f"{self._name} has changed since the dry run: others would go now; look at it again")

    def _remove(self, connection: Transaction, batch: tuple[Decision, ...], scope: str | None) -> None:
        repository = catalog.repositories.find(connection, self._name)
        assert repository is not None  # the plan says so, and nothing has happened since
        guard = TagGuard(catalog.rules.for_tags(connection, self._name), self._who, _NONE)
        why = f"retention: no rule of {scope} keeps it"
        for decision in batch:
            kind = "referrer" if decision.about and not decision.tags else "manifest"
            deletion = Deletion(self._name, kind, str(decision.digest), why, self._who.name, self._premises.at)
            Removal(connection, repository, deletion=deletion, guard=guard).manifest(decision.digest)


def _plan(connection: Transaction, premises: Premises, name: str) -> Plan:
    """Think out what goes.

    Raises:
        NotFoundError: If there is no such repository.
    """
    return _thought(connection, premises, name, retention=catalog.rules.for_keeping(connection, name))


def _thought(connection: Transaction, premises: Premises, name: str, *, retention: Retention | None) -> Plan:
    """Think out what would go if these rules held.

    Raises:
        NotFoundError: If there is no such repository.
    """
    repository = catalog.repositories.find(connection, name)
    if repository is None:
        raise NotFoundError(f"there is no repository {name}")
    return plan(
        name,
        catalog.census.residents(connection, repository),
        retention,
        lasting=TagGuard(catalog.rules.for_tags(connection, name), RETENTION, _NONE).lasting,
        now=premises.at,
        grace=round(premises.keep * 1000),
    )
