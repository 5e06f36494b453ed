"""Datasets that a kit names and does not hold, on their way to where they belong: in other kits, and in S3."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from orchard.errors import ConflictError, IntegrityError, OrchardError
from orchard.formats import Dataset, Filters, LayerKind, Lock, LockedObject, clean_path, is_reference, lock_of
from orchard.oci import EntityTag, Hasher, Readable
from orchard.project.locating import S3, Objects
from orchard.project.references import Chain, Find
from orchard.project.unpacking import Loose, Portion
from orchard.project.versions import Version


@dataclass(frozen=True, slots=True)
class RemoteData:
    """What remote datasets bring.

    Attributes:
        portions: From other kits.
        files: From S3.
    """

    portions: tuple[Portion, ...] = ()
    files: tuple[Loose, ...] = ()


def skipped(version: Version, filters: Filters) -> tuple[str, ...]:
    """Name the remote datasets of a version that filters select, and that only come along where they are asked for."""
    return tuple(dataset.name or dataset.path for dataset in _selected(version, filters))


def remote_data(
    version: Version, filters: Filters, *, name: str, find: Find, objects: Callable[[], Objects]
) -> RemoteData:
    """Find what the remote datasets of a version bring, as filters select them.

    A reference brings all datasets of that kit, those that are remote there too, below the path of the entry.

    Args:
        version: Whose datasets.
        filters: Which of them.
        name: How errors call the version.
        find: Finds kits.
        objects: Finds objects; asked for only if there is one.

    Raises:
        ConflictError: If an object is not the one that the Kitfile names.
        InvalidDocumentError: If references go round.
        OrchardError: As ``find`` or ``objects`` raises it.
    """
    found = RemoteData()
    lock = lock_of(version.manifest, what=name)
    for dataset in _selected(version, filters):
        try:
            found = _joined(found, _one(dataset, lock, way=Chain(find, lock.kits, name), objects=objects))
        except OrchardError as error:
            raise type(error)(f"dataset {dataset.name or dataset.path}: {error}") from error
    return found


def _selected(version: Version, filters: Filters) -> Iterator[Dataset]:
    for dataset in version.kit.kitfile.datasets:
        asked = filters.names(LayerKind.DATASET, path=dataset.path, name=dataset.name)
        if asked and (dataset.remote_path.startswith(S3) or is_reference(dataset.remote_path)):
            yield dataset


def _one(dataset: Dataset, lock: Lock, *, way: Chain, objects: Callable[[], Objects]) -> RemoteData:
    path = clean_path(dataset.path)
    if dataset.remote_path.startswith(S3):
        return RemoteData(files=(_file(dataset, lock, path=path, objects=objects()),))
    there = way.step(dataset.remote_path)
    version = there.version
    only = Filters().within("datasets") or Filters()
    layers = tuple(layer for layer in version.kit.layers if only.selects(layer))
    found = RemoteData((Portion(there.source, layers, beneath=path, text=there.text),))
    inner = lock_of(version.manifest, what=there.text)
    for below in _selected(version, Filters()):
        found = _joined(found, _beneath(path, _one(below, inner, way=way, objects=objects)))
    return found


def _file(dataset: Dataset, lock: Lock, *, path: str, objects: Objects) -> Loose:
    """Say how to get an object.

    Raises:
        ConflictError: If it is not the one that the Kitfile names.
    """
    url, etag = dataset.remote_path, dataset.remote_hash.strip('"')
    wanted = lock.objects.get(url) or objects.stat(url)
    if wanted.etag != etag:
        raise ConflictError(f"{url}: the Kitfile says ETag {etag}, but it is {wanted.etag}")
    return Loose(path, url, wanted.size, lambda: _opened(objects, url, wanted))


@contextmanager
def _opened(objects: Objects, url: str, wanted: LockedObject) -> Iterator[Readable]:
    with objects.open(url, wanted) as body:
        yield _Checked(body, url, wanted)


class _Checked:
    """The bytes of an object, compared with all that is known of them on the read that meets the end."""

    def __init__(self, body: Readable, url: str, wanted: LockedObject) -> None:
        self._body = body
        self._url = url
        self._wanted = wanted
        self._sha256 = Hasher()
        # Where a sha256 is pinned it decides: with KMS encryption an ETag looks like an MD5 and is none.
        self._tag = EntityTag() if wanted.sha256 is None and EntityTag.promises(wanted.etag) else None

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes.

        Raises:
            IntegrityError: If they are not the promised ones.
        """
        chunk = self._body.read(size)
        self._sha256.update(chunk)
        if self._tag is not None:
            self._tag.update(chunk)
        if self._sha256.size > self._wanted.size:
            raise IntegrityError(f"{self._url}: more than the promised {self._wanted.size} bytes")
        if not chunk:
            self._compare()
        return chunk

    def _compare(self) -> None:
        if self._sha256.size < self._wanted.size:
            raise IntegrityError(f"{self._url}: ends after {self._sha256.size} of {self._wanted.size} bytes")
        if self._wanted.sha256 is not None and self._sha256.digest != self._wanted.sha256:
            raise IntegrityError(f"{self._url}: the content does not match; it is {self._sha256.digest}")
        if self._tag is not None and self._tag.text != self._wanted.etag:
            raise IntegrityError(
                f"{self._url}: the content does not match the ETag {self._wanted.etag}; if the bucket encrypts "
                "with KMS, its ETags say nothing: pin the content with pack --update-lock"
            )


def _joined(one: RemoteData, other: RemoteData) -> RemoteData:
    return RemoteData(one.portions + other.portions, one.files + other.files)


def _beneath(path: str, data: RemoteData) -> RemoteData:
    portions = (replace(one, beneath=f"{path}/{one.beneath}" if one.beneath else path) for one in data.portions)
    files = (replace(one, path=f"{path}/{one.path}") for one in data.files)
    return RemoteData(tuple(portions), tuple(files))
