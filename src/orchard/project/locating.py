"""Finding what a Kitfile refers to, checking it and pinning it, before anything is packed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from msgspec.structs import replace

from orchard.errors import ConflictError, IntegrityError, InvalidDocumentError, NotFoundError, OrchardError
from orchard.formats import Dataset, Kitfile, Lock, LockedObject, clean_path, is_elsewhere, is_reference, model_paths
from orchard.oci import Digest, Hasher, Readable, chunks
from orchard.project.elsewhere import Elsewhere, Locking, has_no_layer, read_lock
from orchard.project.references import Chain, Find, Referred

S3: Final = "s3://"


class Objects(Protocol):
    """Where objects are that a Kitfile names by URL."""

    def stat(self, url: str, version_id: str = "") -> LockedObject:
        """Say what an object is now, or was in a version.

        Raises:
            NotFoundError: If there is none.
        """
        ...

    def open(self, url: str, wanted: LockedObject) -> AbstractContextManager[Readable]:
        """Open an object if it is the wanted one; the bytes are not verified.

        Raises:
            NotFoundError: If there is none.
            ConflictError: If it has changed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Finders:
    """What finds things.

    Attributes:
        kits: Finds kits.
        objects: Finds objects; made when the first is asked for.
    """

    kits: Find
    objects: Callable[[], Objects]


class Locator:
    """Finds what a Kitfile refers to.

    Args:
        finders: What finds things.
        known: What is pinned already.
        read: Whether to read objects, so that their digests are known too.
    """

    def __init__(self, finders: Finders, known: Lock, *, read: bool) -> None:
        self._finders = finders
        self._known = known
        self._read = read
        self._kits: dict[str, Digest] = {}
        self._seen: dict[str, LockedObject] = {}

    def locate(self, kitfile: Kitfile, directory: Path, *, name: str) -> Elsewhere:
        """Find everything.

        Raises:
            InvalidDocumentError: If references go round, or a path is the parent's as well.
            ConflictError: If an object is not the one that the Kitfile names.
            OrchardError: As the registry, the store or S3 raises it.
        """
        paths: list[str] = []
        model = kitfile.model
        if model is not None and has_no_layer(model, directory):
            parents = Chain(self._finders.kits, self._known.kits, name).parents(model.path)
            self._pin(*parents)
            paths = list(_inherited(kitfile, parents))
        for dataset in kitfile.datasets:
            if dataset.remote_path.startswith(S3):
                self._seen[dataset.remote_path] = self._object(dataset)
            elif is_reference(dataset.remote_path):
                self._pin(_dataset_kit(dataset, Chain(self._finders.kits, self._known.kits, name)))
        return Elsewhere(tuple(paths), Lock(kits=self._kits, objects=self._seen))

    def _pin(self, *found: Referred) -> None:
        for one in found:
            self._kits[one.text] = one.version.digest

    def _object(self, dataset: Dataset) -> LockedObject:
        """Check that an object is the one that the Kitfile names.

        Raises:
            ConflictError: If it is another one.
        """
        url, wanted = dataset.remote_path, dataset.remote_hash.strip('"')
        known = self._known.objects.get(url)
        if known is not None and known.etag != wanted:
            known = None  # the Kitfile has moved on
        try:
            there = self._finders.objects().stat(url, known.version_id if known else "")
        except OrchardError as error:
            raise type(error)(f"dataset {dataset.name or dataset.path}: {error}") from error
        if there.etag != wanted:
            raise ConflictError(
                f"dataset {dataset.name or dataset.path}: {url} has the ETag {there.etag}, the Kitfile says {wanted}; "
                "if the new content is meant, change remoteHash"
            )
        if known is not None and known.sha256 is not None:
            return replace(there, sha256=known.sha256)
        return replace(there, sha256=self._hash(url, there)) if self._read else there

    def _hash(self, url: str, there: LockedObject) -> Digest:
        """Read an object and hash it.

        Raises:
            IntegrityError: If it does not have its size.
        """
        hasher = Hasher()
        with self._finders.objects().open(url, there) as body:
            for chunk in chunks(body):
                hasher.update(chunk)
                if hasher.size > there.size:
                    raise IntegrityError(f"{url}: more than the promised {there.size} bytes")
        if hasher.size < there.size:
            raise IntegrityError(f"{url}: ends after {hasher.size} of {there.size} bytes")
        return hasher.digest


def look_elsewhere(
    kitfile: Kitfile, directory: Path, finders: Finders, *, name: str, lock_file: Path, locking: Locking
) -> Elsewhere:
    """Find everything that a Kitfile refers to, with the lock that stands beside it.

    Args:
        kitfile: What is packed.
        directory: The context.
        finders: What finds things.
        name: How errors call the kit; empty if it will have no name.
        lock_file: Where the lock stands, or will.
        locking: What to do with it.

    Raises:
        ConflictError: If the lock must pin everything and does not, or an object is not the one that the Kitfile names.
        NotFoundError: If something is nowhere.
        OrchardError: As ``Locator.locate`` does.
    """
    known = read_lock(lock_file)
    pins = known if known is not None and locking is not Locking.RENEW else Lock()
    try:
        locator = Locator(finders, pins, read=locking is Locking.RENEW)
        found = locator.locate(kitfile, directory, name=name)
    except NotFoundError as error:
        hint = f"; {lock_file} pins what is looked for, --update-lock looks anew" if pins else ""
        raise NotFoundError(f"{error}{hint}") from error
    if locking is Locking.REQUIRE and known != found.lock:
        raise ConflictError(
            f"{lock_file} {_complaint(known, found.lock)}; pack once without --locked, and keep the file"
        )
    paths = (*found.paths, *_hidden(lock_file, directory))
    return Elsewhere(paths, found.lock, file=lock_file if known != found.lock else None)


def _inherited(kitfile: Kitfile, parents: tuple[Referred, ...]) -> Iterator[str]:
    """Give the paths that parents bring.

    Raises:
        InvalidDocumentError: If the kit claims one of them too.
    """
    own = {
        clean_path(entry.path): place for _, place, entry in kitfile.entries() if entry.path and not is_elsewhere(entry)
    }
    for parent in parents:
        for path in map(clean_path, model_paths(parent.version.kit.kitfile)):
            if path in own:
                raise InvalidDocumentError(
                    f"{own[path]}.path: {path!r} is a path of the model in {parent.text} as well"
                )
            yield path


def _dataset_kit(dataset: Dataset, chain: Chain) -> Referred:
    try:
        return chain.step(dataset.remote_path)
    except OrchardError as error:
        raise type(error)(f"dataset {dataset.name or dataset.path}: {dataset.remote_path}: {error}") from error


def _hidden(lock_file: Path, directory: Path) -> tuple[str, ...]:
    """Give the path of the lock: it is no content, as the Kitfile is none; where none is needed, it is."""
    try:
        return (lock_file.absolute().relative_to(directory.absolute()).as_posix(),)
    except ValueError:
        return ()


def _complaint(known: Lock | None, found: Lock) -> str:
    if known is None:
        return "is not there"
    there = {**known.kits, **known.objects}
    needed = {**found.kits, **found.objects}
    missing = sorted(name for name in needed if there.get(name) != needed[name])
    if missing:
        return f"does not pin {', '.join(missing[:3])}"
    return f"pins what the Kitfile does not name: {', '.join(sorted(there.keys() - needed.keys())[:3])}"
