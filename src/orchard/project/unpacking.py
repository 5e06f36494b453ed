"""From a version to a directory: stage a layer, verify it, then move it into place; then the next.

    source.open ──Verifying──> decompress ──> Extractor (in a tree of the layer) ──> Placement.place

Nothing of a layer reaches the destination before all of it is extracted and verified. What is placed can be used while
other layers are still on their way; if one of them fails, all that was placed goes again. A source may be the local
store or a registry: nothing is stored on the way.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple

from msgspec.structs import replace

from orchard.archive import DEFAULTS, ChunkReader, Extractor, decompress
from orchard.errors import ConflictError, IntegrityError, InvalidError, OrchardError, StorageError
from orchard.formats import LOCK_SUFFIX, Compression, Filters, Layer, LayerFormat, LayerKind, lock_of, to_yaml
from orchard.oci import Hasher, Readable, Verifying, chunks, read_ahead
from orchard.project.placing import Existing, Placement, all_or_nothing
from orchard.project.progress import Observer, Silent
from orchard.project.versions import Version
from orchard.store import Source

KITFILE: Final = "Kitfile"
AT_ONCE: Final = 2  # layers
_LOOK_ON: Final = 4096  # chunks, 1 GiB
_NAMES: Final[dict[Compression, Literal["gzip", "zstd"]]] = {Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was unpacked.

    Attributes:
        destination: The directory, absolute.
        layers: The layers that were selected.
        files: Every file that was placed, relative to the destination.
        kitfile: Whether the Kitfile was among them.
        referred: The other kits that something came from, as they are written in Kitfiles.
        fetched: The objects in S3 that were fetched, by URL.
        skipped: The remote datasets that were selected and are not unpacked, because nobody asked for remote ones.
        in_the_way: Where it was only tried out: what would have made it fail.
    """

    destination: Path
    layers: tuple[Layer, ...]
    files: tuple[str, ...]
    kitfile: bool
    referred: tuple[str, ...] = ()
    fetched: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    in_the_way: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a version is unpacked.

    Attributes:
        existing: What to do with files that are already there.
        members: How many files and directories the layers may hold together.
        any_names: Whether names are accepted that some systems cannot hold or take for one another.
        include_remote: Whether datasets come along that the kit names and does not hold.
        dry_run: Whether to find out only what would be done.
    """

    existing: Existing = Existing.REFUSE
    members: int = DEFAULTS.members
    any_names: bool = False
    include_remote: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Portion:
    """Layers of one version that are unpacked together with others.

    Attributes:
        source: Where they are.
        layers: Which ones.
        beneath: Directory below the destination that they go into; "" for the destination itself.
        text: The reference to that version, if it is another one.
    """

    source: Source
    layers: tuple[Layer, ...]
    beneath: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Loose:
    """A file that is in no layer.

    Attributes:
        path: Where it goes, below the destination.
        url: Where it comes from.
        size: Bytes.
        open: Opens it, so that it verifies itself.
    """

    path: str
    url: str
    size: int
    open: Callable[[], AbstractContextManager[Readable]]


def unpack(  # noqa: PLR0913 -- keywords, each with its own meaning
    version: Version,
    source: Source,
    destination: Path,
    *,
    filters: Filters,
    terms: Terms = Terms(),
    observer: Observer | None = None,
    before: Sequence[Portion] = (),
    files: Sequence[Loose] = (),
) -> Unpacked:
    """Unpack a version, or what filters select of it.

    Each layer appears as soon as it is verified. When this raises, the destination is as it was.

    Args:
        version: What to unpack.
        source: Where its layers are.
        destination: Where it goes; made if missing.
        filters: Which layers, and whether the Kitfile.
        terms: On what terms.
        observer: Told of each layer's progress, in bytes of the layer as stored.
        before: What other versions bring, such as the one that holds the model.
        files: What comes from neither.

    Raises:
        ConflictError: If a file is in the way.
        IntegrityError: If a layer is not what the manifest promises.
        UnsafeArchiveError: If a layer holds something that must not be extracted, or what another one brings.
        StorageError: If the file system fails.
    """
    destination = destination.absolute()
    own = tuple(layer for layer in version.kit.layers if filters.selects(layer))
    portions = (*before, Portion(source, own))
    layers = tuple(at_its_place(layer, portion.beneath) for portion in portions for layer in portion.layers)
    with all_or_nothing(destination, terms.existing) as placement:
        limits = replace(DEFAULTS, members=terms.members)
        extractor = Extractor(destination, limits, portable=not terms.any_names, admit=placement.check)
        line = _Line(extractor, placement, observer or Silent())
        ours = documents(version, filters, own)
        for name in {KITFILE, *ours} if before else ours:  # no other version may bring these
            extractor.reserve(name, what=name)
        placement.check_all(_paths(portions, files))
        placed = _place_documents(ours, placement)
        kitfile = KITFILE in placed
        placed += line.run(portions, files)
    return Unpacked(
        destination,
        layers,
        tuple(placed),
        kitfile=kitfile,
        referred=tuple(portion.text for portion in before if portion.layers),
        fetched=tuple(one.url for one in files),
    )


def at_its_place(layer: Layer, directory: str) -> Layer:
    """Give a layer with the path that it has below the destination."""
    return replace(layer, path=beneath(layer.path, directory)) if directory else layer


def _paths(portions: Sequence[Portion], files: Sequence[Loose]) -> Iterator[str]:
    for portion in portions:
        yield from (beneath(layer.path, portion.beneath) for layer in portion.layers)
    yield from (one.path for one in files)


class _Job(NamedTuple):
    source: Source
    layer: Layer
    beneath: str


class _Line:
    """The unpacking line: ``AT_ONCE`` layers at a time, each read and hashed in one thread and written in another."""

    def __init__(self, extractor: Extractor, placement: Placement, observer: Observer) -> None:
        self._extractor = extractor
        self._placement = placement
        self._observer = observer
        self._stopped = False

    def run(self, portions: Sequence[Portion], files: Sequence[Loose]) -> list[str]:
        """Extract and place everything, and give its files; the first failure stops the others, and is raised."""
        jobs = [_Job(one.source, layer, one.beneath) for one in portions for layer in one.layers]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="unpack") as pool:
            futures = [pool.submit(self._unpack, job) for job in jobs]
            futures += [pool.submit(self._fetch, file) for file in files]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                self._stopped = True
                pool.shutdown(cancel_futures=True)
                raise
        return [name for future in futures for name in future.result()]

    def _unpack(self, job: _Job) -> list[str]:
        layer = job.layer
        label = f"{layer.kind.value} {layer.path}"
        tree = self._placement.tree()
        self._observer.started(label, layer.descriptor.size)
        with (
            job.source.open(layer.descriptor) as body,
            read_ahead(self._counted(Verifying(body, layer.descriptor), label)) as stream,
        ):
            try:
                _write(job, stream, self._extractor, into=tree, what=label)
            except InvalidError:
                # Bytes that are not the promised ones may look like a bad archive first: the rest of them tells.
                for _ in islice(stream, _LOOK_ON):
                    continue
                raise
        files = self._placement.place(tree)
        self._observer.finished(label)
        return files

    def _fetch(self, file: Loose) -> list[str]:
        label = f"{LayerKind.DATASET.value} {file.path}"
        tree = self._placement.tree()
        self._observer.started(label, file.size)
        with file.open() as body, read_ahead(self._counted(body, label)) as stream:
            self._extractor.extract_raw(ChunkReader(stream), file.path, size=file.size, what=label, into=tree)
        files = self._placement.place(tree)
        self._observer.finished(label)
        return files

    def _counted(self, body: Readable, label: str) -> Iterator[bytes]:
        for chunk in chunks(body):
            if self._stopped:
                raise OrchardError("stopped, because another layer failed")
            self._observer.advanced(label, len(chunk))
            yield chunk


def _write(job: _Job, stream: Iterator[bytes], extractor: Extractor, *, into: Path, what: str) -> None:
    layer = job.layer
    plain = _Plain(ChunkReader(stream), layer)
    if layer.type.format is LayerFormat.RAW:
        path = beneath(layer.file_path, job.beneath)
        extractor.extract_raw(plain, path, size=layer.descriptor.size, mode=layer.mode, what=what, into=into)
    else:
        # In old kits names are relative to the entry's own directory.
        inner = layer.path.rpartition("/")[0] if layer.legacy else ""
        extractor.extract_tar(plain, prefix=beneath(inner, job.beneath), what=what, into=into)
    plain.finish()


def beneath(path: str, directory: str) -> str:
    """Put a path below a directory, if there is one."""
    return "/".join(part for part in (directory, path) if part)


class _Plain:
    """The bytes of a layer without its compression, checked against the digest that the config has for them."""

    def __init__(self, body: Readable, layer: Layer) -> None:
        kind = layer.type.compression
        self._body = body if kind is Compression.NONE else decompress(body, _NAMES[kind], what=layer.path)
        self._wanted = layer.diff_id if layer.diff_id != layer.descriptor.digest else None
        self._hasher = Hasher(self._wanted.algorithm) if self._wanted else None

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        chunk = self._body.read(size)
        if self._hasher is not None:
            self._hasher.update(chunk)
        return chunk

    def finish(self) -> None:
        """Read to the end, so that everything is verified, and compare.

        Raises:
            IntegrityError: If the uncompressed bytes are not the promised ones.
        """
        for _ in chunks(self):
            continue
        if self._hasher is not None and self._hasher.digest != self._wanted:
            raise IntegrityError(
                f"diffId {self._wanted}: the uncompressed layer does not match; it is {self._hasher.hex}"
            )


def documents(version: Version, filters: Filters, layers: Iterable[Layer]) -> dict[str, bytes]:
    """Give the files that say what a version is, if they are selected: the Kitfile and, where it has one, the lock.

    A bare file of that name, from a tool that knows no Kitfiles, wins over the one that would be made for it.
    """
    brought = any(layer.path == KITFILE and layer.type.format is LayerFormat.RAW for layer in layers)
    if brought or not filters.kitfile:
        return {}
    files = {KITFILE: to_yaml(version.kit.kitfile).encode()}
    lock = lock_of(version.manifest, what=str(version.digest))
    if lock:
        files[f"{KITFILE}{LOCK_SUFFIX}"] = lock.to_file()
    return files


def _place_documents(files: Mapping[str, bytes], placement: Placement) -> list[str]:
    """Write small files, but not those that are in place already as they are.

    Raises:
        ConflictError: If another one is in place.
        StorageError: If the file system fails.
    """
    tree = placement.tree()
    for name, content in files.items():
        target = placement.destination / name
        try:
            there = target.read_bytes() if target.is_file() and not target.is_symlink() else None
            if there is None or (there != content and placement.existing is Existing.OVERWRITE):
                (tree / name).write_bytes(content)
        except OSError as error:
            raise StorageError(f"{target}: cannot be read or written: {error.strerror}") from error
        if there not in {None, content} and placement.existing is not Existing.OVERWRITE:
            raise ConflictError(
                f"{name} exists in {placement.destination} and does not match the ModelKit's; use --overwrite"
            )
    return placement.place(tree)
