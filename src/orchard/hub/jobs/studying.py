"""Studying one version: what is in its layers, what that comes to, and what is known of it then.

What is found out is written down layer by layer, so that a study that was interrupted goes on where it was, and a layer
that another version has too costs nothing.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Raw, json

from orchard.errors import IntegrityError, InvalidError, NotFoundError, OrchardError
from orchard.formats import FileIndex, ModelKit
from orchard.hub import catalog
from orchard.hub.catalog import Journal, Understanding
from orchard.hub.jobs.looking import Looker, Room, Tables, reason
from orchard.hub.jobs.stating import Evidence, facts_of
from orchard.hub.registry import Contents, Premises, ReadableRepository
from orchard.hub.registry.contents import PARTIAL, READY, UNREADABLE, WAITING, Whole, readme_of
from orchard.hub.registry.insights import inner_path
from orchard.hub.registry.layers import REVISION as LISTING
from orchard.insight import CONCLUSION_REVISION, INSIGHT_REVISION, Insight, conclude, tables_readable
from orchard.oci import Digest

HUB: Final = "hub"  # who does it, in the journal
STATING: Final = 1  # revision of the facts
MAX_CARD: Final = 256 << 10  # bytes of a README that is kept
MAX_GAPS: Final = 100  # lines about what is missing

TellProgress = Callable[[int, int | None, str], None]


def revision() -> int:
    """Give the revision of what is found out here: each part only grows, and it is more where tables can be read."""
    return 2 * (LISTING + INSIGHT_REVISION + CONCLUSION_REVISION + STATING) + tables_readable()


class Understander:
    """Finds out what versions are."""

    def __init__(self, premises: Premises, tell: TellProgress, *, tables: Tables | None = None) -> None:
        """Get ready.

        Args:
            premises: Where.
            tell: Is told, between two steps, how far it is. Whatever it raises ends the work there, harmlessly.
            tables: Reads tables.
        """
        self._premises = premises
        self._tell = tell
        self._tables = tables

    def understand(self, repository: str, digest: Digest) -> str:
        """Understand a version, and write down what was found out; give its state, or why there is none.

        Raises:
            StorageError: If the catalog fails, or bytes cannot be read now.
        """
        try:
            contents = ReadableRepository(self._premises, repository).contents(digest)
        except NotFoundError:
            return "it is gone"
        with self._premises.database.read() as connection:
            found = catalog.understood.speaker(connection, repository, digest)
        if found is None or not found.speaks:
            return "there is nothing to be said about it"
        study = Study()
        try:
            self._read(contents, study)
        except (InvalidError, IntegrityError) as error:
            study.refuse(error)
        except NotFoundError as error:
            study.miss("its config", error)
        return self._write(repository, contents, study)

    def give_up(self, repository: str, digest: Digest) -> None:
        """Note that a version cannot be understood, before it is tried for the last time: what then succeeds says more.

        Raises:
            StorageError: If the catalog fails.
        """
        note = "the hub failed to look into it, again and again; its log says why"
        with self._premises.database.write(repository) as connection:
            found = catalog.understood.speaker(connection, repository, digest)
            if found is not None and found.speaks:
                known = Understanding(UNREADABLE, revision(), self._premises.at, note)
                catalog.understood.put(connection, found.id, known)

    def _read(self, contents: Contents, study: "Study") -> None:
        """Look into every layer.

        Raises:
            InvalidError: If it is of a known format and cannot be read.
            IntegrityError: If its config is not the promised one.
            NotFoundError: If its config is not here.
        """
        layers = contents.layers
        said: dict[Digest, dict[str, Insight]] = {}
        room = Room()
        for number, layer in enumerate(layers):

            def tell(what: str, done: int = number) -> None:
                self._tell(done, len(layers), what)

            looker = Looker(self._premises.database, contents.blobs, tell, tables=self._tables, room=room)
            try:
                looked = looker.look(layer)
            except NotFoundError as error:
                study.miss(layer.path, error)
                continue
            said.setdefault(layer.descriptor.digest, {}).update(looked.insights)
            study.remark(looked.note)
        study.kit, study.index = contents.kit, contents.files()
        for gap in contents.gaps():
            if gap.final:
                study.lack(f"{gap.layer.path}: {gap.why}")
        for file in study.index:
            one = said.get(file.layer.descriptor.digest, {}).get(inner_path(file.layer, file.path))
            if one is not None:
                study.insights[file.path] = one
        study.card = _card(contents, study.index)

    def _write(self, repository: str, contents: Contents, study: "Study") -> str:
        conclusion = conclude(study.insights)
        for path, why in conclusion.unreadable.items():
            study.lack(f"{path}: {why}")
        whole = Whole(conclusion=Raw(json.encode(conclusion)), card=study.card, gaps=tuple(study.gaps[:MAX_GAPS]))
        known = Understanding(study.state, revision(), self._premises.at, study.note, json.encode(whole))
        with self._premises.database.read() as connection:
            found = catalog.understood.speaker(connection, repository, contents.digest)
            if found is None:
                return "it is gone"
            new = catalog.understood.new_bytes(connection, found.id)
        facts = facts_of(
            Evidence(
                document=contents.document,
                kind=found.kind,
                kit=study.kit,
                index=study.index,
                conclusion=conclusion,
                size=found.size,
                new=new,
            )
        )
        with self._premises.database.write(repository) as connection:
            if catalog.understood.speaker(connection, repository, contents.digest) != found:
                return "it is gone"
            before = catalog.understood.get(connection, found.id)
            catalog.understood.put(connection, found.id, known)
            catalog.facts.put(connection, found.id, facts)
            catalog.texts.tell(connection, found.id, study.card)
            if before is None or before.state != known.state:
                journal = Journal(connection, repository, account=HUB, at=self._premises.at)
                journal.record("version.understood", contents.digest, detail={"state": known.state})
        return known.state


class Study:
    """What was found out about a version so far.

    Attributes:
        kit: What it says about itself.
        index: Its files.
        insights: What they say, by path.
        card: Its README.
        gaps: What is missing, and why.
    """

    def __init__(self) -> None:
        self.kit: ModelKit | None = None
        self.index = FileIndex(())
        self.insights: dict[str, Insight] = {}
        self.card = ""
        self.gaps: list[str] = []
        self._remarks: list[str] = []
        self._missing = 0
        self._refused = False

    def refuse(self, error: OrchardError) -> None:
        """Note that it is not what it claims to be."""
        self._refused = True
        self.gaps.append(reason(error))

    def miss(self, what: str, error: OrchardError) -> None:
        """Note that some of its bytes are not here (yet)."""
        self._missing += 1
        self.gaps.append(f"{what}: {reason(error)}")

    def lack(self, why: str) -> None:
        """Note that some of it cannot be read."""
        self.gaps.append(why)

    def remark(self, note: str | None) -> None:
        """Note something that is as it should be, but worth a word."""
        if note is not None:
            self._remarks.append(note)

    @property
    def state(self) -> str:
        """How far the work has come."""
        if self._refused:
            return UNREADABLE
        if self._missing:
            return WAITING
        if not self.gaps:
            return READY
        return PARTIAL if len(self.index) else UNREADABLE

    @property
    def note(self) -> str | None:
        """What is missing, in one line."""
        first = [*self.gaps, *self._remarks]
        more = f" (and {len(first) - 1} more)" if len(first) > 1 else ""
        return f"{first[0]}{more}" if first else None


def _card(contents: Contents, index: FileIndex) -> str:
    """Read the README nearest to the root; empty if there is none, or none that can be read."""
    nearest = readme_of(index)
    if nearest is None:
        return ""
    try:
        raw = b"".join(contents.part(nearest).read(0, min(nearest.size, MAX_CARD)))
    except OrchardError:
        return ""
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")
