"""Looking into one layer: which files it holds, and what those of them say that somebody wrote a reader for.

Once for each layer, whatever versions have it. Headers are read in parts; weights never are. What has to be read whole
anyway, because it is compressed or small, is hashed on the way; the rest is hashed later (``jobs.hashing``).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from msgspec import json

from orchard.archive import Limits
from orchard.errors import IntegrityError, InvalidError, LimitExceededError, NotFoundError, OrchardError
from orchard.formats import Compression, Layer, LayerFile, LayerFiles, is_weights, read_card
from orchard.hub import catalog
from orchard.hub.catalog import InsightRow, LayerRow
from orchard.hub.db import Database
from orchard.hub.registry import StoredBlobs
from orchard.hub.registry.insights import NONE, kind_of, mark_of, read_insight
from orchard.hub.registry.layers import INFLATED, LIMITS, REVISION, decoded, form_of, is_bare
from orchard.insight import INSIGHT_REVISION, NO_PREVIEW, Insight, RandomAccess, Unreadable, examine
from orchard.oci import CHUNK, Digest, Hasher
from orchard.project import CopiedLayer, Indexer, LayerAccess, RangedLayer

SMALL: Final = 64 << 20  # bytes of a tar that is read whole at once: a tenth of a second
COPIED: Final = Limits(total=2 << 30)  # of a compressed layer that is unpacked into a temporary file
MOST: Final = 1000  # files of one layer that are examined, weights first
LARGEST: Final = 16 << 20  # bytes of one insight, as JSON
LAYER: Final = 64 << 20  # bytes of all insights of a layer that are kept
VERSION: Final = 256 << 20  # bytes of all insights of a version that are put together

Tables = Callable[[str, RandomAccess], Insight]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking into a layer.

    Attributes:
        row: Its files; none of a bare file.
        insights: What they say, by path in the layer; of a bare file, by its path.
        note: What was left out, for people.
    """

    row: LayerRow | None
    insights: dict[str, Insight]
    note: str | None = None


class Room:
    """How much more may be known of one version: all of it is in memory when it is put together."""

    def __init__(self, left: int = VERSION) -> None:
        self.left = left

    def take(self, size: int) -> bool:
        """Take some of it, if there is enough."""
        if size > self.left:
            return False
        self.left -= size
        return True


class Looker:
    """Looks into layers, and writes down what it finds."""

    def __init__(
        self,
        database: Database,
        blobs: StoredBlobs,
        tell: Tell,
        *,
        tables: Tables | None = None,
        room: Room | None = None,
    ) -> None:
        """Get ready.

        Args:
            database: Where it is written down.
            blobs: Where the layers are.
            tell: Is told between two steps what is being done; what it raises ends the work there, harmlessly.
            tables: Reads tables.
            room: How much may be known of all layers of the version.
        """
        self._database = database
        self._blobs = blobs
        self._tell = tell
        self._tables = tables
        self._room = room or Room()

    def look(self, layer: Layer) -> Looked:
        """Find out what is in a layer, if that is not known already.

        Raises:
            NotFoundError: If its bytes are not here.
            StorageError: If they cannot be read.
        """
        self._blobs.content(layer.descriptor)
        known, rows = self._known(layer)
        if is_bare(layer):
            bare = LayerFile("", layer.descriptor.size, 0, 0, str(layer.descriptor.digest))
            found = self._current(rows, layer.file_path)
            if found is None:
                found = self._examined_bare(layer, bare)
            return Looked(None, found)
        examined = self._current(rows, mark_of(layer))
        if examined and not self._room.take(sum(len(row.document) for row in rows)):
            return Looked(known, {}, _crowded(layer))
        if known is not None and (examined is not None or known.note is not None):
            return Looked(known, examined or {}, _left_out(known.files))
        return self._look_inside(layer, known, examined)

    def _known(self, layer: Layer) -> tuple[LayerRow | None, list[InsightRow]]:
        digest = layer.descriptor.digest
        with self._database.read() as connection:
            row = catalog.understood.layers(connection, [digest]).get((digest, form_of(layer)))
            found = catalog.understood.insights_of(connection, [digest])
        return (row if row is not None and row.revision == REVISION else None), found

    @staticmethod
    def _current(rows: Sequence[InsightRow], mark: str) -> dict[str, Insight] | None:
        """Give what is known of the files, if the row that says so is there and no older reader wrote it."""
        if not any(row.path == mark and row.revision == INSIGHT_REVISION for row in rows):
            return None
        wanted = [row for row in rows if not mark or row.path == mark]
        return {row.path: one for row in wanted if (one := read_insight(row)) is not None}

    def _look_inside(self, layer: Layer, known: LayerRow | None, examined: dict[str, Insight] | None) -> Looked:
        """List the files of an archive or of a compressed layer, and examine them."""
        note = None
        try:
            with closing(self._way(layer)) as way:
                row = known if known is not None else self._list(layer, way)
                if examined is None and row.note is None:
                    examined, note = self._examine_all(layer, row, way)
        except LimitExceededError as error:
            if layer.type.compression is Compression.NONE:
                row = self._failed(layer, str(error))
            else:
                row = known if known is not None else self._list(layer, None)
                note = f"{layer.path}: its files are listed only: {error}"
        except (InvalidError, IntegrityError) as error:
            row = self._failed(layer, str(error))
        return Looked(row, examined or {}, note)

    def _way(self, layer: Layer) -> LayerAccess:
        self._tell(f"opening {layer.path}")
        if layer.type.compression is Compression.NONE:
            return RangedLayer(self._blobs, layer.descriptor)
        return CopiedLayer(self._blobs, layer, COPIED)

    def _list(self, layer: Layer, way: LayerAccess | None) -> LayerRow:
        self._tell(f"listing {layer.path}")
        plain = layer.type.compression is Compression.NONE
        kept = _Kept()
        try:
            hashed, limits = plain and layer.descriptor.size <= SMALL, LIMITS if plain else INFLATED
            Indexer(self._blobs, cache=kept, hashed=hashed, limits=limits).index(layer, way)
        except (InvalidError, IntegrityError) as error:
            return self._failed(layer, str(error))
        assert kept.content is not None
        found, hashed = kept.content, kept.hashed
        if not hashed and not plain and way is not None:
            found, hashed = self._hashed(found, way), True
        row = LayerRow(
            layer.descriptor.digest,
            form_of(layer),
            REVISION,
            len(found.files),
            hashed=hashed,
            document=json.encode(found),
        )
        return self._keep(row)

    def _failed(self, layer: Layer, why: str) -> LayerRow:
        row = LayerRow(layer.descriptor.digest, form_of(layer), REVISION, 0, note=why[:1000], hashed=True)
        return self._keep(row)

    def _keep(self, row: LayerRow) -> LayerRow:
        with self._database.aside() as connection:
            catalog.understood.put_layer(connection, row)
        return row

    def _hashed(self, found: LayerFiles, way: LayerAccess) -> LayerFiles:
        """Add the digest of each file of a layer whose bytes are at hand, unpacked and verified."""
        files = []
        for file in found.files:
            hasher = Hasher()
            for at in range(0, file.size, CHUNK):
                hasher.update(way.read_at(file.offset + at, min(CHUNK, file.size - at)))
            files.append(LayerFile(file.path, file.size, file.mode, file.offset, str(hasher.digest)))
        return LayerFiles(tuple(files), found.directories)

    def _examined_bare(self, layer: Layer, file: LayerFile) -> dict[str, Insight]:
        with closing(RangedLayer(self._blobs, layer.descriptor)) as way:
            found = self._examine(layer.file_path, _Part(way, file))
        digest = layer.descriptor.digest
        self._keep_insights(digest, [_row(digest, layer.file_path, found)])
        return {} if found is None else {layer.file_path: found}

    def _examine_all(self, layer: Layer, row: LayerRow, way: LayerAccess) -> tuple[dict[str, Insight], str | None]:
        """Examine the files of a layer; give what they say, and what was left out."""
        digest, mark = layer.descriptor.digest, mark_of(layer)
        found: dict[str, Insight] = {}
        rows: list[InsightRow] = []
        note, kept = _left_out(row.files), 0
        for file in _chosen((decoded(row) or LayerFiles(())).files):
            path = file.path or layer.file_path
            one = self._examine(path, _Part(way, file))
            if one is None:
                continue
            made = _row(digest, path, one)
            kept += len(made.document)
            if kept > LAYER:
                note = f"{layer.path}: {len(found)} of {row.files} files were examined; they say more than is kept"
                break
            if not self._room.take(len(made.document)):
                return found, _crowded(layer)
            found[path] = one
            rows.append(made)
        if mark not in found and NO_PREVIEW not in found.values():
            rows.append(_row(digest, mark, None))
        self._keep_insights(digest, rows)
        return found, note

    def _examine(self, path: str, source: RandomAccess) -> Insight | None:
        self._tell(f"examining {path}")
        try:
            found = examine(path, source, self._tables, cards=read_card)
            if found is not None and len(json.encode(found)) > LARGEST:
                return Unreadable(why="there is too much in it to be kept")
        except (NotFoundError, UnicodeEncodeError) as error:
            return Unreadable(why=str(error))
        return found

    def _keep_insights(self, digest: Digest, rows: Sequence[InsightRow]) -> None:
        with self._database.aside() as connection:
            catalog.understood.put_insights(connection, digest, rows)


class _Kept:
    """What an indexer found, kept until it is written down."""

    def __init__(self) -> None:
        self.content: LayerFiles | None = None
        self.hashed = False

    def get(self, layer: Digest, *, hashed: bool) -> LayerFiles | None:  # noqa: ARG002 -- nothing is known
        """Know nothing."""
        return None

    def put(self, layer: Digest, content: LayerFiles, *, hashed: bool, verified: bool) -> None:  # noqa: ARG002 -- one layer
        """Keep it."""
        self.content, self.hashed = content, hashed


class _Part:
    """One file of a layer, which can be read from any place."""

    def __init__(self, way: LayerAccess, file: LayerFile) -> None:
        self._way = way
        self._offset = file.offset
        self.size = file.size

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read exactly these bytes of the file."""
        return self._way.read_at(self._offset + offset, size)


def _row(digest: Digest, path: str, found: Insight | None) -> InsightRow:
    if found is None:
        return InsightRow(digest, path, NONE, INSIGHT_REVISION, b"null")
    # What could not be read because something is not installed is read once that is.
    revision = 0 if found == NO_PREVIEW else INSIGHT_REVISION
    return InsightRow(digest, path, kind_of(found), revision, json.encode(found))


def _chosen(files: Sequence[LayerFile]) -> Iterator[LayerFile]:
    """Give the files to examine: weights first, then those nearest to the root."""
    ordered = sorted(files, key=lambda file: (not is_weights(file.path), file.path.count("/"), file.path))
    yield from ordered[:MOST]


def _crowded(layer: Layer) -> str:
    return f"{layer.path}: its files were not all examined; there is more in this version than is put together"


def _left_out(files: int) -> str | None:
    return f"{MOST} of {files} files were examined" if files > MOST else None


def reason(error: OrchardError) -> str:
    """Say why something is missing, in one short line."""
    return " ".join(str(error).split())[:1000]
