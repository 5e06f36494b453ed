"""Understanding versions, as tasks: one for each version, asked for in the transaction that brings it (ADR 80).

Versions that nobody understood, or only an older reader, are found from time to time.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from orchard.hub import catalog
from orchard.hub.jobs.kind import HopelessError, Kind, Run, noting
from orchard.hub.registry import Premises, asking
from orchard.oci import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchard.hub.jobs.looking import Tables

FIND: Final = "find-versions"
_LOOK: Final = 600.0  # seconds: after an upgrade, old versions wait as long; looking costs 1 s for a million versions
_ATTEMPTS: Final = 3
_PAGE: Final = 200
_AT_ONCE: Final = 2000  # versions that are asked for in one go
_MORE: Final = 60.0  # seconds after which the next ones are


def understanding(
    premises: Premises, *, tables: "Callable[[], AbstractContextManager[Tables | None]]" = nullcontext
) -> Kind:
    """Make the kind of task that understands one version.

    Args:
        premises: Where.
        tables: Begins to read the tables of one version; without it they say nothing.
    """

    def understand(run: Run) -> None:
        repository, digest = run.payload.get("repository"), run.payload.get("digest")
        if not isinstance(repository, str) or not isinstance(digest, str):
            raise HopelessError("the task does not name a version")
        from orchard.hub.jobs.studying import Understander  # noqa: PLC0415 -- a hub's start needs no readers

        with tables() as reader:
            understander = Understander(premises, noting(run, "layers"), tables=reader)
            if run.last:
                understander.give_up(repository, Digest.parse(digest))
            state = understander.understand(repository, Digest.parse(digest))
        run.progress(1, 1, f"{repository}@{digest}: {state}", unit="versions")

    return Kind(name=asking.UNDERSTAND, handler=understand, attempts=_ATTEMPTS)


def finding_versions(premises: Premises) -> Kind:
    """Make the kind of task that asks for versions to be understood that nobody understood, or only an older reader."""

    def find(run: Run) -> None:
        from orchard.hub.jobs.studying import revision  # noqa: PLC0415 -- as above

        now = revision()
        asked, after = 0, 0
        while asked < _AT_ONCE:
            with premises.database.read() as connection:
                page = catalog.understood.due(connection, now, after=after, limit=_PAGE)
            if not page:
                break
            after = page[-1][0]
            with premises.database.aside() as connection:
                for _, digest, repository in page:
                    asking.put(premises, connection, repository, digest=digest)
            asked += len(page)
            run.progress(asked, None, "asking for versions to be understood", unit="versions")
        if asked >= _AT_ONCE:
            with premises.database.aside() as connection:
                assert premises.queue is not None
                premises.queue.put(connection, FIND, {}, key=FIND, lock=FIND, delay=_MORE)
        run.progress(asked, asked, f"asked for {asked} versions to be understood", unit="versions")

    return Kind(name=FIND, handler=find, every=_LOOK)
