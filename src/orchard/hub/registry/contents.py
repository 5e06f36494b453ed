"""What is inside a version: its files, and what the hub found out about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from msgspec import MsgspecError, Raw, Struct, json
from msgspec import field as msgspec_field

from orchard.errors import IntegrityError, InvalidError, NotFoundError
from orchard.formats import MAX_CONFIG, FileIndex, IndexedFile, Layer, ModelKit
from orchard.hub import catalog
from orchard.hub.catalog import Fact, StoredManifest, Understanding
from orchard.hub.db import Database, moment
from orchard.hub.registry.indexes import Indexes
from orchard.hub.registry.insights import gather, inner_path, named_kinds, read_insight
from orchard.hub.registry.layers import Gap, assemble, is_bare, read_layers
from orchard.hub.registry.ports import Content
from orchard.hub.registry.stored import Find, Inflated, Slice, StoredBlobs
from orchard.insight import Conclusion, Insight
from orchard.oci import Descriptor, Digest, Document, parse_document, read_all

WAITING: Final = "waiting"
READY: Final = "ready"
PARTIAL: Final = "partial"
UNREADABLE: Final = "unreadable"
NOTHING: Final = "nothing"
_README: Final = "readme.md"


class Whole(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a version as a whole.

    Attributes:
        conclusion: What the insights into its files come to, as JSON.
        card: Its README, as Markdown; from a stranger.
        gaps: Why files of it are missing or say nothing, for people.
    """

    conclusion: Raw = msgspec_field(default_factory=Raw)
    card: str = ""
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Understood:
    """How far the work on a version has come.

    Attributes:
        state: ``waiting``: it will be looked at. ``ready``: all is known. ``partial``: some of it could not be read,
            see ``gaps``. ``unreadable``: it is no sound artifact of its kind. ``nothing``: of its kind nothing is said.
        at: When it was looked at.
        note: Why something is missing, in one line.
        gaps: What is missing, and why.
        card: Its README, as Markdown; from a stranger.
    """

    state: str
    at: datetime | None = None
    note: str | None = None
    gaps: tuple[str, ...] = ()
    card: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a version, with its bytes.

    Attributes:
        file: What is known of it.
        content: Its bytes, and none but them.
        tag: A name that changes with its bytes: for ``ETag``.
    """

    file: IndexedFile
    content: Content
    tag: str


class Contents:  # noqa: PLR0904 -- everything that can be known of a version
    """What is inside one version. Having it is the permission."""

    def __init__(
        self, database: Database, repository: str, *, stored: StoredManifest, find: Find, indexes: Indexes
    ) -> None:
        self._database = database
        self._repository = repository
        self._stored = stored
        self._find = find
        self._indexes = indexes

    @property
    def digest(self) -> Digest:
        """The digest of its manifest."""
        return self._stored.digest

    @cached_property
    def document(self) -> Document:
        """Its manifest."""
        return parse_document(self._stored.raw, self._stored.media_type)

    @cached_property
    def blobs(self) -> StoredBlobs:
        """Its layers, as a source that can be read in parts."""
        return StoredBlobs(self._find)

    @property
    def kit(self) -> ModelKit | None:
        """What it says about itself, if it is a ModelKit, a ModelPack or a Docker model.

        Raises:
            InvalidError: If it is one that cannot be read.
            NotFoundError: If its config is not there.
            IntegrityError: If its config has rotted.
            StorageError: If its config cannot be read.
        """
        return self._layers[0]

    @property
    def layers(self) -> Sequence[Layer]:
        """Its layers that hold files, the bytes of all of which ``blobs`` gives.

        Raises:
            OrchardError: As ``kit``.
        """
        return self._layers[1]

    def files(self) -> FileIndex:
        """List every file, as far as its layers have been looked into; none if it cannot be read what it is.

        Raises:
            StorageError: If the catalog fails, or its config cannot be read.
        """
        return self._index[0]

    def readme(self) -> str:
        """Tell where its README is, the one nearest to the root; empty if there is none.

        Raises:
            OrchardError: As ``files``.
        """
        found = readme_of(self.files())
        return "" if found is None else found.path

    def gaps(self) -> Sequence[Gap]:
        """Tell which layers' files are not listed, and why.

        Raises:
            OrchardError: As ``files``.
        """
        return self._index[1]

    def file(self, path: str) -> StoredFile:
        """Find a file.

        Raises:
            NotFoundError: If there is none of this path.
            OrchardError: As ``files``.
        """
        found = self.files().find(path)
        if found is None:
            raise NotFoundError(_missing(path, self.gaps(), directory=self.files().is_directory(path)))
        return StoredFile(found, self.part(found), _tag(found))

    def part(self, file: IndexedFile) -> Content:
        """Give the bytes of a file.

        Raises:
            NotFoundError: If its layer is not there.
            StorageError: If it cannot be told where that is.
        """
        layer = file.layer
        if layer.type.compression.value:
            return Inflated(self.blobs, layer, file.offset)
        whole = self.blobs.content(layer.descriptor)
        return whole if is_bare(layer) else Slice(whole, file.offset)

    def understanding(self) -> Understood:
        """Tell how far the work on it has come.

        Raises:
            StorageError: If the catalog fails.
        """
        known, speaks = self._known
        if known is None:
            return Understood(WAITING if speaks else NOTHING)
        whole = self._whole
        at = moment(known.at) if known.at else None
        return Understood(known.state, at, known.note, whole.gaps, whole.card)

    def insights(self) -> dict[str, Insight]:
        """Give what its files say, by path: those that somebody wrote a reader for, as far as they were examined.

        Raises:
            OrchardError: As ``files``.
        """
        index = self.files()
        with self._database.read() as connection:
            rows = catalog.understood.insights_of(connection, {file.layer.descriptor.digest for file in index})
        return gather(index, rows)

    def kinds(self) -> dict[str, str]:
        """Tell what each file was taken for that says something, by path.

        Raises:
            OrchardError: As ``files``.
        """
        index = self.files()
        with self._database.read() as connection:
            rows = catalog.understood.kinds_of(connection, {file.layer.descriptor.digest for file in index})
        return named_kinds(index, rows)

    def insight(self, path: str) -> Insight | None:
        """Give what one file says; none if it says nothing, or was not examined.

        Raises:
            NotFoundError: If there is no such file.
            OrchardError: As ``files``.
        """
        file = self.file(path).file
        wanted = inner_path(file.layer, file.path)
        with self._database.read() as connection:
            row = catalog.understood.insight_of(connection, file.layer.descriptor.digest, wanted)
        return None if row is None else read_insight(row)

    def conclusion(self) -> Conclusion | None:
        """Give what the insights come to; none if it was not understood so far.

        Raises:
            StorageError: If the catalog fails.
        """
        raw = bytes(self._whole.conclusion)
        try:
            return json.decode(raw, type=Conclusion) if raw else None
        except (MsgspecError, UnicodeDecodeError):  # as below
            return None

    def facts(self) -> list[Fact]:
        """Give what is known of it as typed keys and values; each key's values in their order.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            found = catalog.understood.speaker(connection, self._repository, self.digest)
            return [] if found is None else catalog.facts.of(connection, [found.id]).get(found.id, [])

    @cached_property
    def _known(self) -> tuple[Understanding | None, bool]:
        with self._database.read() as connection:
            found = catalog.understood.speaker(connection, self._repository, self.digest)
            if found is None:
                return None, False
            return catalog.understood.get(connection, found.id), found.speaks

    @cached_property
    def _whole(self) -> Whole:
        known, _ = self._known
        if known is None or known.document is None:
            return Whole()
        try:
            return json.decode(known.document, type=Whole)
        except (MsgspecError, UnicodeDecodeError):  # of a hub that kept it in another way: it will be made anew
            return Whole()

    @cached_property
    def _layers(self) -> tuple[ModelKit | None, tuple[Layer, ...]]:
        _, speaks = self._known
        if not speaks:
            return None, ()
        return read_layers(self.document, self._config)

    def _config(self, config: Descriptor) -> bytes:
        with self.blobs.open(config) as body:
            return read_all(body, config, limit=MAX_CONFIG)

    @cached_property
    def _index(self) -> tuple[FileIndex, Sequence[Gap]]:
        try:
            layers = self.layers
        except (InvalidError, IntegrityError, NotFoundError):  # its understanding says so
            return FileIndex(()), ()
        wanted = {layer.descriptor.digest for layer in layers if not is_bare(layer)}
        if not wanted:
            return assemble(layers, {})
        with self._database.read() as connection:
            key = (self.digest, catalog.understood.marks(connection, wanted))
            found = self._indexes.get(key)
            if found is not None:
                return found
            known = catalog.understood.layers(connection, wanted)
        made = assemble(layers, known)
        self._indexes.put(key, made)
        return made


def readme_of(index: FileIndex) -> IndexedFile | None:
    """Find the README nearest to the root: the card of a version."""
    found = [file for file in index if file.path.rpartition("/")[2].casefold() == _README]
    return min(found, key=lambda file: (file.path.count("/"), file.path), default=None)


def _tag(file: IndexedFile) -> str:
    return file.digest or f"{file.layer.descriptor.digest}-{file.offset}-{file.size}"


def _missing(path: str, gaps: Sequence[Gap], *, directory: bool) -> str:
    shown = repr(path[:200])
    if directory:
        return f"{shown} is a directory"
    if any(not gap.final for gap in gaps):
        return f"{shown} is not known; the hub has not looked into every layer yet, ask again in a moment"
    if gaps:
        return f"{shown} is not in what could be read of this version; its understanding says what could not"
    return f"{shown} is not in this version"
