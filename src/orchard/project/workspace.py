"""A workspace: one home directory with its store and its credentials. Every command and every script starts here."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec

from orchard.errors import UnauthenticatedError, UnsupportedError, UsageError
from orchard.oci import UNNAMED, Digest, Reference
from orchard.project.home import CREDENTIALS, LAYOUT, UPLOADS, find_home
from orchard.project.registries import Registries
from orchard.project.versions import Version, locate, read_version, resolve_local
from orchard.store import Layout, Store

# What a command does not use, it does not import: `list` needs neither archives nor a registry client (60 ms together).
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from orchard.formats import Filters, Kitfile
    from orchard.project.elsewhere import Elsewhere, Locking
    from orchard.project.layering import Plan
    from orchard.project.locating import Objects
    from orchard.project.packing import Packed, Recipe
    from orchard.project.progress import Observer
    from orchard.project.pulling import Pulled
    from orchard.project.shelves import Shelf
    from orchard.project.unpacking import Loose, Portion, Terms, Unpacked
    from orchard.remote import Credential, CredentialStore, Options, RemoteRepository

UNNAMED_NAME: Final = f"localhost/{UNNAMED}"


class Workspace:  # noqa: PLR0904 -- the one door of commands and of the library
    """A home directory, and what can be done with the kits in it. Leaving its block closes its connections.

    Args:
        home: Home directory; found in the environment if not given.
        environ: The environment.
        objects: What finds objects in S3; asked for when the first one is.
        now: Nanoseconds since 1970.
        version: Of the program; without it, no Kitfile is remembered.
        options: How to talk to a registry, by its host; asked for when it is first needed.

    Raises:
        UsageError: If no home directory is given and none can be found.
    """

    def __init__(
        self,
        home: str | Path | None = None,
        *,
        environ: Mapping[str, str],
        objects: "Callable[[], Objects] | None" = None,
        now: Callable[[], int] = time.time_ns,
        version: str = "",
        options: "Callable[[str], Options] | None" = None,
    ) -> None:
        self.home = find_home(environ, home)
        self.layout = Layout(self.home / LAYOUT)
        self._environ = environ
        self._wanted = options
        self._wanted_objects = objects
        self._found_objects: Objects | None = None
        self._now = now
        self._version = version
        self.registries = Registries(self._options, lambda: self.credentials)

    @cached_property
    def credentials(self) -> "CredentialStore":
        """What is known of us at registries."""
        from orchard.remote import CredentialStore

        return CredentialStore(self.home / CREDENTIALS, self._environ)

    def _options(self, host: str) -> "Options":
        from orchard.remote import Options

        wanted = self._wanted(host) if self._wanted else Options()
        return replace(wanted, unfinished=self.home / UPLOADS).with_environment(self._environ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.registries.close()

    def remote(self, reference: Reference) -> "RemoteRepository":
        """Open the repository of a reference in its registry.

        Raises:
            UsageError: If the reference names no registry.
        """
        if reference.is_local:
            raise UsageError(f"{reference}: a registry is needed here, as in registry.example.com/{reference}")
        return self.registries.open(reference.registry).repository(reference.repository)

    def pack(
        self,
        directory: Path,
        *,
        tag: str | None = None,
        kitfile: "Kitfile | None" = None,
        file: Path | None = None,
        recipe: "Recipe | None" = None,
        observer: "Observer | None" = None,
    ) -> "Packed":
        """Pack a directory as the recipe says; without a tag the version has no name but its digest.

        What the Kitfile refers to is found first, and pinned in the lock beside it. A recipe with ``push`` goes
        straight to the registry of the tag, and nothing of it is stored here.

        Raises:
            UsageError: If the tag is a digest, or names no registry to push to.
            OrchardError: As ``packing.pack`` and ``packing.read_kitfile`` do.
        """
        from orchard.project import packing
        from orchard.project.layercache import LayerCache

        recipe = recipe or packing.DEFAULT
        cache = LayerCache(self.home, self._now) if recipe.cache else None
        reference, extra = Reference.parse_tags(tag) if tag else (None, ())
        if reference is not None and reference.digest is not None:
            raise UsageError(f"{tag}: a digest cannot be chosen; pack under a tag")
        shelf = self.shelf(reference, push=recipe.push)
        kitfile, recipe = self._prepare(directory, kitfile or file, tag=tag, recipe=recipe)
        with shelf.writing():
            packed = packing.pack(directory, kitfile, shelf=shelf, recipe=recipe, cache=cache, observer=observer)
            recipe.elsewhere.save()  # before any tag: what has a name can be rebuilt
            for name in (reference.target, *extra) if reference else ():
                shelf.repository.tag(packed.descriptor, name)
        return packed

    def plan(
        self,
        directory: Path,
        *,
        tag: str | None = None,
        kitfile: "Kitfile | None" = None,
        file: Path | None = None,
        recipe: "Recipe | None" = None,
    ) -> "list[Plan]":
        """Say which layers ``pack`` would make; no file of them is read, and nothing is written.

        Raises:
            OrchardError: As ``pack`` does before it reads files.
        """
        from orchard.project import packing

        recipe = msgspec.structs.replace(recipe or packing.DEFAULT, cache=False)
        kitfile, recipe = self._prepare(directory, kitfile or file, tag=tag, recipe=recipe)
        return packing.plan(directory, kitfile, recipe)

    def _prepare(
        self, directory: Path, kitfile: "Kitfile | Path | None", *, tag: str | None, recipe: "Recipe"
    ) -> "tuple[Kitfile, Recipe]":
        """Read the Kitfile, unless it is given, and find what it refers to."""
        from orchard.project import packing
        from orchard.project.kitfilecache import KitfileCache

        where = None
        if kitfile is None or isinstance(kitfile, Path):
            cache = KitfileCache(self.home, self._version) if recipe.cache and self._version else None
            kitfile, where = packing.read_kitfile(directory, kitfile, cache=cache)
        elsewhere = self.find_elsewhere(kitfile, directory, name=tag or "", file=where, locking=recipe.locking)
        return kitfile, msgspec.structs.replace(recipe, environ=self._environ, elsewhere=elsewhere)

    def shelf(self, reference: Reference | None, *, push: bool) -> "Shelf":
        """Choose where a packed version goes: into the local store, or straight to the registry of its reference.

        Raises:
            UsageError: If it shall go to a registry, and none is named.
        """
        from orchard.project.shelves import LocalShelf, RemoteShelf

        if not push:
            return LocalShelf(self.layout, self.layout.repository(reference.name if reference else UNNAMED_NAME))
        if reference is None:
            raise UsageError("--push needs a --tag that names the registry, as in registry.example.com/team/model:v1")
        return RemoteShelf(self.remote(reference))

    def find_elsewhere(
        self, kitfile: "Kitfile", directory: Path, *, name: str, file: str | None, locking: "Locking"
    ) -> "Elsewhere":
        """Find what a Kitfile refers to: models and datasets in other kits, and in S3.

        Args:
            kitfile: The Kitfile.
            directory: The project; a file that is there wins over a name that looks like a reference.
            name: How errors call the kit.
            file: Where the Kitfile was read from, if not from the directory.
            locking: What to do with the lock beside it.

        Raises:
            NotFoundError: If something is nowhere.
            OrchardError: As ``look_elsewhere`` raises it.
        """
        from orchard.project.elsewhere import Elsewhere, lock_file_of, refers

        if not refers(kitfile, directory):
            return Elsewhere()
        from orchard.project.locating import Finders, look_elsewhere

        return look_elsewhere(
            kitfile,
            directory,
            Finders(self.find, self._objects),
            name=name,
            lock_file=lock_file_of(directory, file),
            locking=locking,
        )

    def _objects(self) -> "Objects":
        """Give what finds objects in S3.

        Raises:
            UnsupportedError: If nothing does.
        """
        if self._found_objects is None:
            if self._wanted_objects is None:
                raise UnsupportedError("remote datasets: nothing here can read s3:// addresses")
            self._found_objects = self._wanted_objects()
        return self._found_objects

    def find(self, reference: Reference, *, remote: bool | None = None) -> tuple[Version, Store]:
        """Find a version in the local store, in its registry, or (``None``) in the one and then in the other.

        Raises:
            NotFoundError: If it is in neither.
            OrchardError: As the registry client raises it.
        """
        found, store = locate(self, reference, remote=remote)
        return read_version(store, found), store

    def unpack(
        self,
        reference: Reference,
        directory: Path,
        *,
        filters: "Filters",
        terms: "Terms",
        observer: "Observer | None" = None,
    ) -> "tuple[Version, Unpacked]":
        """Unpack a version from the local store or, where it is not there, straight from its registry; or try it out.

        Raises:
            OrchardError: As ``unpacking.unpack`` and ``find`` do.
        """
        from orchard.project.unpacking import Portion, unpack

        version, source = self.find(reference)
        before, files, skipped = self._needed(version, filters, name=str(reference), remote=terms.include_remote)
        if terms.dry_run:
            from orchard.project.rehearsing import rehearse

            own = Portion(source, tuple(layer for layer in version.kit.layers if filters.selects(layer)))
            done = rehearse(
                version, (*before, own), directory, filters=filters, terms=terms, files=files, home=self.home
            )
            return version, replace(done, skipped=skipped)
        unpacked = unpack(
            version, source, directory, filters=filters, terms=terms, observer=observer, before=before, files=files
        )
        return version, replace(unpacked, skipped=skipped)

    def _needed(
        self, version: Version, filters: "Filters", *, name: str, remote: bool
    ) -> "tuple[tuple[Portion, ...], tuple[Loose, ...], tuple[str, ...]]":
        """Find what a version takes from elsewhere, and name what is left there."""
        from orchard.project.elsewhere import is_complete

        if is_complete(version.kit.kitfile):
            return (), (), ()
        from orchard.project.references import model_portions
        from orchard.project.remotedata import remote_data, skipped

        portions = tuple(model_portions(version, filters, self.find, name=name))
        if not remote:
            return portions, (), skipped(version, filters)
        data = remote_data(version, filters, name=name, find=self.find, objects=self._objects)
        return (*portions, *data.portions), data.files, ()

    def push(
        self,
        source: Reference,
        destination: Reference | None = None,
        *,
        tags: Sequence[str] = (),
        dry_run: bool = False,
        observer: "Observer | None" = None,
    ) -> Digest:
        """Push a local version to a registry, or only tell the observer what would be sent.

        Raises:
            NotFoundError: If it is not in the local store.
            UsageError: If the destination names no registry.
            OrchardError: As the registry client raises it.
        """
        from orchard.project.copying import Rehearsal as RemoteRehearsal
        from orchard.project.transfer import transfer

        destination = destination or source
        remote = self.remote(destination)
        target: Store = RemoteRehearsal(remote) if dry_run else remote
        root = resolve_local(self.layout, source)
        names = () if destination.digest else (destination.target, *tags)
        local = self.layout.repository(source.name)
        transfer(
            local, target, root, tags=names, workers=self._options(destination.registry).concurrency, observer=observer
        )
        return root.digest

    def pull(self, reference: Reference, *, dry_run: bool = False, observer: "Observer | None" = None) -> "Pulled":
        """Pull a version from its registry into the local store, and name it as it is named there.

        Or only tell the observer what would be fetched.

        The kits that hold its model are pulled too, each into its own repository.

        Raises:
            UsageError: If the reference names no registry.
            NotAModelKitError: If it is another kind of artifact; nothing is stored then.
            OrchardError: As the registry client or ``references.parents_of`` raises it.
        """
        from orchard.project.pulling import pull
        from orchard.store import Rehearsal

        workers = self._options(reference.registry).concurrency
        layout = Rehearsal(self.layout) if dry_run else self.layout
        return pull(reference, layout=layout, remote=self.remote, workers=workers, observer=observer)

    def tag(self, source: Reference, target: Reference, extra: Sequence[str] = (), *, dry_run: bool = False) -> Digest:
        """Give a local version another name, or only try to; blobs are shared, nothing is copied.

        Raises:
            NotFoundError: If the source is not in the local store.
            UsageError: If the target is a digest.
        """
        if target.digest is not None:
            raise UsageError(f"{target}: a digest is not a tag")
        from orchard.store import Rehearsal

        layout = Rehearsal(self.layout) if dry_run else self.layout
        with layout.writing():
            found = resolve_local(layout, source)
            there = layout.repository(target.name)
            there.push(found, layout.repository(source.name))
            for name in (target.target, *extra):
                there.tag(found, name)
        return found.digest

    def login_job(self, host: str, *, trust: str | None = None) -> str:
        """Log the CI job that this runs in into a hub, without a stored secret; give the account's name.

        Raises:
            UsageError: If this is no CI job that has a token.
            DeniedError: If the hub does not believe it.
            OrchardError: As ``login`` does.
        """
        from orchard.project.citokens import job_credential

        credential = job_credential(host, self._options(host), self._environ, trust=trust)
        self.login(host, credential)
        return credential.username

    def login(self, host: str, credential: "Credential") -> None:
        """Check a credential with its registry, then remember it.

        Raises:
            UnauthenticatedError: If the registry refuses it; nothing is remembered then.
            OrchardError: As the registry client raises it.
        """
        from orchard.remote import Given, Registry

        with Registry(host, options=self._options(host), credentials=Given(host, credential)) as registry:
            try:
                registry.ping()
            except UnauthenticatedError as error:
                said = str(error).partition(f"orchard login {host}")[2]  # what the registry says about it
                raise UnauthenticatedError(f"{host}: refused this login; nothing was remembered{said}") from error
        self.credentials.store(host, credential)
