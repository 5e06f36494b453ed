"""A repository of a Hugging Face hub becomes a version: each layer is made of its files as they arrive.

    snapshot ──Kitfile──> Tree.layer ──Streamed──> store.gather ──> descriptors ──> manifest

Layers are made ``concurrency`` at a time. One that is there already, from an earlier run or an earlier commit, is not
made again; one that was cut off goes on where it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace as evolve
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from typing import Final, NamedTuple

from msgspec.structs import replace

from orchard.errors import DeniedError, NotFoundError, OrchardError
from orchard.formats import (
    IGNORE_NAME,
    KITFILE_NAMES,
    LOCK_SUFFIX,
    MAX_KITFILE,
    MAX_LOCK,
    MAX_SKILL,
    Entry,
    IgnoreRules,
    Kitfile,
    Layer,
    LayerKind,
    Listed,
    Package,
    Skill,
    generate,
    is_elsewhere,
    name_of,
    parse_kitfile,
    read_skill,
    skill_files,
)
from orchard.oci import Descriptor, Digest, Readable, Reference
from orchard.project import (
    Claim,
    Elsewhere,
    Encoding,
    ModelKitFormat,
    Observer,
    Packed,
    PackedLayer,
    Plan,
    Shelf,
    VersionFormat,
    Workspace,
    publish,
    warnings,
)
from orchard.sources.huggingface import HubFile, HuggingFace
from orchard.sources.origin import Material, Note, Order, Origin
from orchard.sources.remembering import Remembered, layer_key
from orchard.sources.streaming import Repeated, Streamed
from orchard.sources.tree import Tree
from orchard.store import Source

LOCK: Final = f"{KITFILE_NAMES[0]}{LOCK_SUFFIX}"
MAX_SKILLS: Final = 64  # files that are read to describe the skills of a repository


class HubProject:
    """A repository of a hub at one commit, ready to be imported.

    Attributes:
        origin: Where it comes from.
        snapshot: What is in it.

    Raises:
        NotFoundError: If there is nothing in it.
        OrchardError: As ``HuggingFace.snapshot`` does.
    """

    def __init__(self, hub: HuggingFace) -> None:
        self._hub = hub
        self.snapshot = hub.snapshot()
        self.origin = Origin(url=hub.address.url, commit=self.snapshot.commit, ref=hub.revision, tool="hf")
        if not self.snapshot.files:
            where = hub.address.below or hub.address.path
            raise NotFoundError(f"{where}: there are no files to import at {hub.revision}")
        self._files = {file.path: file for file in self.snapshot.files}

    @property
    def name(self) -> str:
        """What a kit of it is called by default."""
        return self._hub.address.path.lower()

    def own_kitfile(self) -> Kitfile | None:
        """Read the Kitfile that the repository has, if it has one.

        Raises:
            InvalidDocumentError: If it is not valid.
            OrchardError: As the hub's client raises it.
        """
        for name in KITFILE_NAMES:
            if name in self._files:
                raw = self._hub.read(self._files[name], self.snapshot.commit, limit=MAX_KITFILE)
                return parse_kitfile(raw, what=f"{self._hub.address.path}: {name}")
        return None

    def propose(self, depth: int = 0) -> Kitfile:
        """Guess a Kitfile from names and sizes; nothing is downloaded but what skills say of themselves."""
        owner, _, name = self._hub.address.name.rpartition("/")
        package = Package(name=name, authors=(owner,) if owner else ())
        listing = [Listed(file.path, file.size) for file in self.snapshot.files]
        skills = {name: self._skill(name) for name in skill_files(listing)[:MAX_SKILLS]}
        return generate(listing, package=package, license_id=self.snapshot.license, depth=depth, skills=skills)

    def _skill(self, name: str) -> Skill:
        file = self._files[name]
        if file.size > MAX_SKILL:
            return Skill()
        try:
            return read_skill(self._hub.read(file, self.snapshot.commit, limit=MAX_SKILL).decode("utf-8", "replace"))
        except DeniedError:  # the listing of a gated repository is public, its files are not
            return Skill()

    def materials(self, kitfile: Kitfile) -> list[Material]:
        """List the files that a Kitfile claims, for an attestation."""
        tree = self._tree(kitfile)
        claimed = (tree.layer(entry.path) for _, entry in self._held(kitfile))
        names = {entry.name: entry for layer in claimed for entry in layer if not entry.is_directory}
        return [self._material(self._files[name]) for name in names]

    def plan(self, kitfile: Kitfile, workspace: Workspace, order: Order) -> list[Plan]:
        """Say which layers ``pack`` would make; nothing of them is fetched.

        Raises:
            OrchardError: As ``pack`` does, before it fetches.
        """
        return self._plans(kitfile, self._elsewhere(kitfile, workspace, order), order)

    def _plans(self, kitfile: Kitfile, elsewhere: Elsewhere, order: Order) -> list[Plan]:
        claims = [Claim(kind, name_of(entry), entry.path) for kind, entry in self._held(kitfile)]
        tree, form = self._tree(kitfile, elsewhere.paths), order.recipe.format
        wanted = Encoding(order.recipe.layer_format)
        return list(form.plans([(claim, tree.layer(claim.path)) for claim in claims], wanted))

    def pack(
        self,
        kitfile: Kitfile,
        workspace: Workspace,
        *,
        order: Order,
        observer: Observer,
        note: Note,
    ) -> Packed:
        """Download what the Kitfile claims, straight into layers, and write the version.

        Raises:
            NotFoundError: If a claimed path is not in the repository.
            IntegrityError: If a file is not what the repository lists; nothing is published then.
            OrchardError: As ``Workspace.find_elsewhere`` does, if the Kitfile refers to other kits.
            OrchardError: As the hub's client and the store raise it.
        """
        elsewhere, recipe = self._elsewhere(kitfile, workspace, order), order.recipe
        plans = self._plans(kitfile, elsewhere, order)
        reference, extra = Reference.parse_tags(order.tag)
        shelf = workspace.shelf(reference, push=recipe.push)
        place, sent_to = shelf.repository, shelf if recipe.push else None
        line = _Line(
            _Pinned(self._hub, self.snapshot.commit, self._files),
            workspace,
            order=order,
            observer=observer,
            note=note,
            shelf=sent_to,
        )
        with shelf.writing():
            layers = line.run(plans)
            packed = publish(
                kitfile,
                layers,
                place,
                said=(
                    *(plan.note for plan in plans if plan.note),
                    *warnings(entry for plan in plans for entry in plan.entries),
                ),
                annotations={**self.origin.annotations, **elsewhere.annotations, **recipe.annotations},
                form=_informed(recipe.format, layers, place),
            )
            for name in (reference.target, *extra):
                place.tag(packed.descriptor, name)
            return packed

    def _material(self, file: HubFile) -> Material:
        uri = self._hub.url_of(file, self.snapshot.commit)
        algorithm, digest = ("sha256", file.sha256) if file.sha256 else ("gitBlob", file.oid)
        return Material(file.path, uri, algorithm, digest)

    def _held(self, kitfile: Kitfile) -> list[tuple[LayerKind, Entry]]:
        """Give the entries that want a layer; a file that is there wins over a name that looks like a reference."""
        return [
            (kind, entry)
            for kind, _, entry in kitfile.entries()
            if entry.path and (not is_elsewhere(entry) or (kind is LayerKind.MODEL and entry.path in self._files))
        ]

    def _elsewhere(self, kitfile: Kitfile, workspace: Workspace, order: Order) -> Elsewhere:
        """Find what the Kitfile refers to, with the lock that the repository has beside it."""
        if not any(is_elsewhere(entry) for _, _, entry in kitfile.entries()):
            return Elsewhere()
        with TemporaryDirectory(prefix="orchard-") as directory:
            lock = self._files.get(LOCK)
            if lock is not None:
                Path(directory, LOCK).write_bytes(self._hub.read(lock, self.snapshot.commit, limit=MAX_LOCK))
            if kitfile.model is not None and kitfile.model.path in self._files:
                place = Path(directory, kitfile.model.path)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
            locking = order.recipe.locking
            return workspace.find_elsewhere(kitfile, Path(directory), name=order.tag, file=None, locking=locking)

    def _tree(self, kitfile: Kitfile, others: Sequence[str] = ()) -> Tree:
        claimed = [*(entry.path for _, entry in self._held(kitfile)), *others]
        return Tree(self.snapshot.files, ignored=self._ignored(), claimed=claimed)

    def _ignored(self) -> IgnoreRules:
        file = self._files.get(IGNORE_NAME)
        raw = b"" if file is None else self._hub.read(file, self.snapshot.commit, limit=MAX_KITFILE)
        return IgnoreRules.parse(raw.decode("utf-8", "replace"))


def _informed(form: VersionFormat, layers: Sequence[PackedLayer], place: Source) -> VersionFormat:
    """Let a ModelPack say what the headers of its weights say, now that they are there."""
    if isinstance(form, ModelKitFormat):
        return form
    from orchard.project import ModelPackFormat, survey_layers  # noqa: PLC0415 -- only for a ModelPack

    if not isinstance(form, ModelPackFormat):
        return form
    return evolve(form, found=survey_layers([layer.layer for layer in layers], place))


class _Pinned(NamedTuple):
    """A repository at one commit."""

    hub: HuggingFace
    commit: str
    files: Mapping[str, HubFile]


class _Line:
    """Makes layers, several at a time; the first failure stops the others, and is raised."""

    def __init__(
        self,
        source: _Pinned,
        workspace: Workspace,
        *,
        order: Order,
        observer: Observer,
        note: Note,
        shelf: Shelf | None,
    ) -> None:
        self._hub, self._commit, self._files = source
        self._layout = workspace.layout
        self._remembered = Remembered(workspace.home / "cache/import")
        self._shelf = shelf
        self._concurrency = order.concurrency
        self._slots = BoundedSemaphore(order.concurrency)
        self._observer = observer
        self._note = note
        self._stopped = False

    def run(self, plans: Sequence[Plan]) -> tuple[PackedLayer, ...]:
        """Make all layers."""
        with (
            ThreadPoolExecutor(self._concurrency, thread_name_prefix="fetch") as fetchers,
            ThreadPoolExecutor(self._concurrency, thread_name_prefix="import") as pool,
        ):
            futures = [pool.submit(self._make, plan, fetchers) for plan in plans]
            try:
                for future in as_completed(futures):
                    future.result()  # the first that fails is raised, not the first in the order of the layers
            except BaseException:
                self._stopped = True
                pool.shutdown(cancel_futures=True)
                fetchers.shutdown(cancel_futures=True)
                raise
        return tuple(future.result() for future in futures)

    def _make(self, plan: Plan, fetchers: ThreadPoolExecutor) -> PackedLayer:
        key = layer_key(self._hub.address.url, plan, self._files)
        made, new = self._known(plan, key), False
        if self._shelf is not None or made is None or self._layout.path_of(made) is None:
            made, new = self._download(plan, key, made, fetchers=fetchers)
        claim, descriptor = plan.claim, replace(made, annotations=dict(plan.annotations))
        layer = Layer(
            kind=claim.kind, path=claim.path, name=claim.name, descriptor=descriptor, diff_id=descriptor.digest
        )
        return PackedLayer(layer, plan.files, new)

    def _known(self, plan: Plan, key: str) -> Descriptor | None:
        """Find out what a layer will be called, where that can be known: a bare file may have its name already."""
        file = self._files.get(plan.entries[-1].name) if plan.is_raw else None
        if file is not None and file.sha256:
            digest = Digest("sha256", file.sha256)
            return Descriptor(media_type=plan.media_type, digest=digest, size=file.size)
        return self._remembered.find(key)

    def _download(
        self, plan: Plan, key: str, known: Descriptor | None, *, fetchers: ThreadPoolExecutor
    ) -> tuple[Descriptor, bool]:
        label = plan.claim.label

        def passed(count: int) -> None:
            if self._stopped:
                raise OrchardError("stopped, because another layer failed")
            self._observer.advanced(label, count)

        streamed = Streamed(plan.entries, self._files, raw=plan.is_raw, opens=self._open, pool=fetchers, passed=passed)
        self._observer.started(label, streamed.size)
        if self._shelf is None:
            ingested = self._layout.gather(key, streamed, plan.media_type)
        else:
            ingested = self._shelf.take(Repeated(streamed), plan.media_type, known)
        self._remembered.keep(key, ingested.descriptor)
        self._observer.finished(label)
        return ingested.descriptor, ingested.new

    @contextmanager
    def _open(self, file: HubFile, offset: int = 0) -> Iterator[Readable]:
        with self._slots:
            if self._stopped:
                raise OrchardError("stopped, because another layer failed")
            self._note(f"Downloading file {file.path}")
            with self._hub.open(file, self._commit, offset) as body:
                yield body
