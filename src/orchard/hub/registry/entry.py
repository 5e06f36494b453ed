"""The way in: whoever wants something of a repository gets an object that can do it, or nothing."""

from functools import cached_property
from typing import TYPE_CHECKING, Final

from orchard.errors import DeniedError, NotFoundError
from orchard.hub import catalog
from orchard.hub.access import Action, Mandate, Principal
from orchard.hub.catalog import RepositorySummary, StoredManifest, VersionSummary
from orchard.hub.catalog.usage import EVERYWHERE
from orchard.hub.registry import browsing
from orchard.hub.registry.browsing import VersionDetail
from orchard.hub.registry.caching import WHO, CachedRepository
from orchard.hub.registry.chronicle import Chronicle
from orchard.hub.registry.deleting import DeletableRepository
from orchard.hub.registry.governing import Allotment, GovernedScope
from orchard.hub.registry.overview import Overview
from orchard.hub.registry.pairing import Chosen, parse_wanted
from orchard.hub.registry.reading import Page, Premises, ReadableRepository
from orchard.hub.registry.searching import Finder
from orchard.hub.registry.showcase import Showcase
from orchard.hub.registry.surveying import Survey
from orchard.hub.registry.tabling import Tabling
from orchard.hub.registry.tagboard import TagBoard
from orchard.hub.registry.upkeep import Upkeep
from orchard.hub.registry.uploading import Busy, sweep
from orchard.hub.registry.upstreams import Upstreams
from orchard.hub.registry.writing import WritableRepository
from orchard.oci import Digest, check_repository

if TYPE_CHECKING:
    from orchard.hub.registry.comparing import Comparer

_DOING: Final = {
    Action.PULL: "pull from",
    Action.PUSH: "push to",
    Action.DELETE: "delete from",
    Action.GOVERN: "change the rules of",
    Action.OWN: "administer",
}


class Registry:  # noqa: PLR0904 -- the one way in, for every surface
    """Everything that a hub keeps.

    Attributes:
        overview: Lists of what is in a repository, part by part.
        finder: Search.
        showcase: What there is, for whoever looks around.
        tabling: Tables for people.
        tagboard: Tags for people.
        chronicle: What happened to versions.
    """

    def __init__(self, premises: Premises, upstreams: Upstreams | None = None) -> None:
        self._premises = premises
        self._upstreams = upstreams
        self._busy = Busy()
        self.overview = Overview(premises)
        self.finder = Finder(premises)
        self.showcase = Showcase(premises)
        self.tabling = Tabling(premises, self.readable)
        self.tagboard = TagBoard(premises, self.readable)
        self.chronicle = Chronicle(premises, self.readable, self.deletable)

    @cached_property
    def comparer(self) -> "Comparer":
        """Compares versions that somebody has opened."""
        from orchard.hub.registry.comparing import Comparer  # noqa: PLC0415 -- a hub's start needs no formats

        return Comparer()

    def readable(self, who: Principal, name: str) -> ReadableRepository:
        """Open a repository for reading, be it there or not.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            DeniedError: If ``who`` may not.
            StorageError: If that cannot be told.
        """
        self._require(who, Action.PULL, name)
        upstream = None if self._upstreams is None else self._upstreams.find(name)
        if upstream is None:
            return ReadableRepository(self._premises, name)
        keeping = WritableRepository(self._premises, self._busy, who=WHO, name=name)
        return CachedRepository(self._premises, upstream, keeping)

    def writable(self, who: Principal, name: str, *, override: str | None = None) -> WritableRepository:
        """Open a repository for writing, be it there or not.

        Args:
            who: Somebody who may push.
            name: The repository.
            override: Why rules for tags are to be broken. Only administrators of the hub may; it is written down.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            DeniedError: If ``who`` may not.
            StorageError: If that cannot be told.
        """
        self._require(who, Action.PUSH, name)
        if self._stands_for_another(name):
            raise DeniedError(f"{name} stands for a repository of another registry; push to that one, or elsewhere")
        self._require_override(who, name, override)
        return WritableRepository(self._premises, self._busy, who=who, name=name, override=override)

    def deletable(self, who: Principal, name: str, *, override: str | None = None) -> DeletableRepository:
        """Open a repository for taking things out of it, be it there or not.

        Args:
            who: Somebody who may delete.
            name: The repository.
            override: Why rules for tags are to be broken. Only administrators of the hub may; it is written down.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            DeniedError: If ``who`` may not.
            StorageError: If that cannot be told.
        """
        self._require(who, Action.DELETE, name)
        self._require_override(who, name, override)
        return DeletableRepository(self._premises, who=who, name=name, override=override)

    def governed(self, who: Principal, scope: str) -> GovernedScope:
        """Open a repository or a namespace, be it there or not, or the whole hub (``*``), to say what holds there.

        Raises:
            InvalidReferenceError: If this cannot be a repository's or a namespace's name.
            DeniedError: If ``who`` may not.
            StorageError: If that cannot be told.
        """
        if scope == EVERYWHERE:
            self._require_admin(who, scope, "say what holds for the whole hub")
        else:
            self._require(who, Action.GOVERN, scope)
        return GovernedScope(self._premises, who=who, scope=scope)

    def allotment(self, who: Principal) -> Allotment:
        """Open the quotas of all namespaces for changing.

        Raises:
            DeniedError: If ``who`` may not.
            StorageError: If that cannot be told.
        """
        self._require_admin(who, EVERYWHERE, "change quotas")
        return Allotment(self._premises, who=who)

    def may(self, who: Principal, action: Action, name: str) -> bool:
        """Tell whether somebody may do something with a repository, be it there or not.

        Raises:
            StorageError: If that cannot be told.
        """
        return self._premises.policy.allows(who, action, name)

    def survey(self, by: Mandate) -> Survey:
        """Look at all repositories at once.

        Raises:
            DeniedError: If the mandate is not one over the site.
        """
        by.require_site()
        return Survey(self._premises)

    def upkeep(self) -> Upkeep:
        """Give what the hub does by itself: applying retention, emptying the trash, writing down what was counted."""
        return Upkeep(self._premises)

    def asked(self, name: str, digest: Digest, *, pulled: bool) -> None:
        """Take note, without waiting, that somebody asked for a version; and got it, if it was pulled."""
        self._premises.pulls.count(name, str(digest), pulls=int(pulled), at=self._premises.at)

    def recall(self, who: Principal, name: str, reference: str) -> StoredManifest | None:
        """Find a manifest if that takes no waiting: it is hot, and ``who`` may read it."""
        found = self._premises.recall.get(name, reference)
        return found if found is not None and self._premises.policy.knows(who, Action.PULL, name) else None

    def decided(self, who: Principal, action: Action, name: str) -> bool:
        """Tell whether opening a repository takes no waiting, because it is known whether ``who`` may."""
        return not self._stands_for_another(name) and self._premises.policy.knows(who, action, name) is not None

    def stands(self, namespace: str) -> str | None:
        """Name the registry whose repositories those of a namespace stand for, if they do."""
        return None if self._upstreams is None else self._upstreams.origin(namespace)

    def name_of(self, host: str, name: str) -> str:
        """Give our name of a repository of another registry, be it there or not."""
        named = None if self._upstreams is None else self._upstreams.named(host, name)
        return named or f"{host}/{name}"

    def holds(self, who: Principal, name: str) -> bool:
        """Tell whether there is a repository of this name that ``who`` may read.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            StorageError: If the catalog fails.
        """
        if not self._premises.policy.allows(who, Action.PULL, check_repository(name)):
            return False
        if self._stands_for_another(name):
            return True
        with self._premises.database.read() as connection:
            return catalog.repositories.find(connection, name) is not None

    def names(self, who: Principal, page: Page) -> list[str]:
        """List the names of repositories that ``who`` may see: at most ``page.limit``, fewer only at the end.

        Raises:
            StorageError: If the catalog fails.
        """
        return browsing.names(self._premises, who, page)

    def repositories(
        self, who: Principal, *, after: str = "", limit: int = 1000, part: str = ""
    ) -> list[RepositorySummary]:
        """List repositories that ``who`` may see and that hold a version, by name, those after ``after``.

        Only those whose name holds ``part``.

        Raises:
            StorageError: If the catalog fails.
        """
        return browsing.summaries(self._premises, who, Page(after, limit), part=part)

    def versions(self, who: Principal, name: str, *, skip: int = 0, limit: int = 500) -> list[VersionSummary]:
        """List the versions of a repository, newest first, without the first ``skip``; referrers are none.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            NotFoundError: If there is no such repository.
            DeniedError: If ``who`` may not see it.
            StorageError: If the catalog fails.
        """
        return browsing.versions(self._premises, self.readable(who, name), skip=skip, limit=limit)

    def version(self, who: Principal, name: str, reference: str | Digest) -> VersionDetail:
        """Show one version, named by a tag or a digest.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            NotFoundError: If there is no such version.
            DeniedError: If ``who`` may not see it.
            StorageError: If the catalog fails.
        """
        return browsing.version(self._premises, self.readable(who, name), reference)

    def sweep_uploads(self, lifetime: float) -> None:
        """Forget uploads that nothing came for in ``lifetime`` seconds, and bytes that belong to none.

        Raises:
            StorageError: If the disk or the catalog fails.
        """
        sweep(self._premises, self._busy, self._premises.at - round(lifetime * 1000))

    def pair(self, who: Principal, name: str, *, base: str = "", head: str = "") -> tuple[Chosen, Chosen]:
        """Open two versions to compare: those that are named, else the last one and the one before.

        Args:
            who: Somebody who may read both.
            name: The repository.
            base: Tag or digest, also of another repository: ``other/net:v1``.
            head: Likewise.

        Raises:
            InvalidError: If one is named as none can be.
            NotFoundError: If one is not there.
            DeniedError: If ``who`` may not read one.
            StorageError: If the catalog fails.
        """
        newest: list[str] = []
        if not (base and head):
            found, _ = self.overview.versions(self.readable(who, name), limit=2)
            newest = [str(one.digest) for one in found]
            if not newest:
                raise NotFoundError(f"there is no version in {name}")
        return self._chosen(who, name, base or newest[-1]), self._chosen(who, name, head or newest[0])

    def _chosen(self, who: Principal, name: str, wanted: str) -> Chosen:
        repository, reference = parse_wanted(name, wanted)
        return Chosen(repository, reference, self.readable(who, repository).contents(reference))

    def _stands_for_another(self, name: str) -> bool:
        return self._upstreams is not None and self._upstreams.stands(name)

    def _require_override(self, who: Principal, name: str, override: str | None) -> None:
        if override is not None:
            self._require_admin(who, name, "override rules for tags")

    def _require_admin(self, who: Principal, name: str, deed: str) -> None:
        """Refuse whoever is no administrator.

        Raises:
            DeniedError: If ``who`` is none.
        """
        if not self._premises.reach(who, name).site_admin:
            raise DeniedError(f"{who.name} may not {deed}: only administrators of the hub may")

    def _require(self, who: Principal, action: Action, name: str) -> None:
        """Refuse whoever may not.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            DeniedError: If ``who`` may not.
            StorageError: If that cannot be told.
        """
        check_repository(name)
        if not self._premises.policy.allows(who, action, name):
            hint = ", if it is there at all" if action is Action.PULL else ""
            raise DeniedError(f"{who.name} may not {_DOING[action]} {name}{hint}")
