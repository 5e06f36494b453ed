"""What a version holds, read from a store: the local one, a registry, or any other source."""

from typing import TYPE_CHECKING, Final, Protocol

from orchard.errors import LimitExceededError
from orchard.formats import Compression, IndexedFile, Layer, LayerFiles
from orchard.project.layeraccess import LayerWays
from orchard.store import LocalRepository, Source

if TYPE_CHECKING:
    from orchard.insight import Insight, TableReader
    from orchard.oci import Digest

SMALL: Final = 4 << 20  # bytes of a layer that is read whole, with one request, when anything in it is read
KEPT: Final = 32 << 20  # bytes of such layers that are kept for one comparison
TABLE_SECONDS: Final = 15.0  # for all datasets of a version
TABLE_COUNTED: Final = 1 << 30  # bytes of a text that are passed over for counting rows
MAX_UNPACKED: Final = 256 << 20  # bytes of a compressed layer that is unpacked to read files in it


class Lists(Protocol):
    """Lists what layers hold: an ``Indexer``, or somebody who knows it already."""

    def index(self, layer: Layer, /) -> LayerFiles:
        """List what a layer holds."""
        ...


class StoredHoldings:
    """What a version in a store holds. Nothing is kept but what is open; safe to use from one thread at a time.

    Args:
        source: Where its layers are.
        indexer: Lists what they hold.
        distant: Whether each read may be a request to somewhere else.
        unpacked: Bytes of the largest compressed layer that is unpacked to read files in it.

    Attributes:
        distant: Likewise.
    """

    def __init__(self, source: Source, indexer: Lists, *, distant: bool = False, unpacked: int = MAX_UNPACKED) -> None:
        self.distant = distant
        self._source = source
        self._indexer = indexer
        self._unpacked = unpacked
        self._ways: LayerWays | None = None
        self._whole: dict[Digest, bytes] = {}
        self._tables: TableReader | None = None

    def index(self, layer: Layer) -> LayerFiles:
        """List what a layer holds.

        Raises:
            OrchardError: As ``Indexer.index``.
        """
        return self._indexer.index(layer)

    def read(self, file: IndexedFile, offset: int, size: int) -> bytes:
        """Read exactly these bytes of a file; of a compressed layer, out of a copy; small layers are read at once.

        Raises:
            LimitExceededError: If the layer is compressed and large.
            OrchardError: As the source raises it.
        """
        layer = file.layer
        if layer.type.compression is not Compression.NONE and layer.descriptor.size > self._unpacked:
            raise LimitExceededError(f"in a compressed layer of more than {self._unpacked >> 20} MiB")
        if self._ways is None:
            self._ways = LayerWays(self._source, verify=False)
        start = file.offset + offset
        if layer.type.compression is Compression.NONE and self._is_kept(layer):
            return self._whole[layer.descriptor.digest][start : start + size]
        return self._ways.to(layer).read_at(start, size)

    def _is_kept(self, layer: Layer) -> bool:
        """Tell whether a layer is held in memory; if it is small, it is from now on."""
        digest, whole = layer.descriptor.digest, layer.descriptor.size
        if digest not in self._whole and whole <= SMALL and whole + sum(map(len, self._whole.values())) <= KEPT:
            assert self._ways is not None
            self._whole[digest] = self._ways.to(layer).read_at(0, whole)
        return digest in self._whole

    def examine(self, file: IndexedFile) -> "Insight | None":
        """Say what the header of a file says; None if it is of no kind that is known.

        Datasets say something where the extra ``preview`` is installed.

        Raises:
            OrchardError: If the file cannot be read.
        """
        from orchard.formats import read_card  # noqa: PLC0415 -- few comparisons come here
        from orchard.insight import TableReader, examine, tables_readable  # noqa: PLC0415 -- likewise

        if self._tables is None and tables_readable():
            near = isinstance(self._source, LocalRepository)  # rows are worth no gigabyte of a registry
            counting = TABLE_COUNTED if near else 0
            self._tables = TableReader(seconds=TABLE_SECONDS, for_one=TABLE_SECONDS, counting=counting)
        return examine(file.path, HeldFile(self, file), self._tables, cards=read_card)

    def close(self) -> None:
        """Let go of what reading opened."""
        self._whole.clear()
        if self._ways is not None:
            self._ways.close()
            self._ways = None
        if self._tables is not None:
            self._tables.close()
            self._tables = None


class HeldFile:
    """One file of a version, as readers of headers want it.

    Args:
        holdings: What the version holds.
        file: The file.
    """

    def __init__(self, holdings: StoredHoldings, file: IndexedFile) -> None:
        self._holdings = holdings
        self._file = file

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._file.size

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read exactly these bytes.

        Raises:
            OrchardError: As the source raises it.
        """
        return self._holdings.read(self._file, offset, size)
