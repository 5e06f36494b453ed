"""Writing a ModelPack: one bare file for each layer, as the runtimes want it, or the tars of a ModelKit.

Flavour A of the interop matrix: path, title, metadata and category on every layer, so that any client finds the file;
the config is filled from the headers of the files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

import msgspec
from msgspec.structs import replace as changed

from orchard.archive import Entry
from orchard.errors import InvalidError
from orchard.formats import (
    FILEPATH,
    METADATA,
    TITLE,
    UNTESTED,
    FileMetadata,
    Kitfile,
    Layer,
    LayerFormat,
    LayerKind,
    PackConfig,
    build_modelpack,
    claimed,
    clean_path,
    is_weights,
    kind_of_file,
    layer_annotations,
    modelpack_media_type,
    with_annotations,
)
from orchard.project.layering import COMPRESSIONS, Claim, Claimed, Documents, Encoding, Plan, VersionFormat

# Registries refuse manifests over 4 MiB. A layer takes some 500 bytes there, and as many in the Kitfile beside it.
MAX_LAYERS: Final = 4000
MAX_ESTIMATE: Final = 7 << 19  # bytes, 3.5 MiB
BUNDLED: Final = 64 << 20  # bytes of a file that is still small
BUNDLE: Final = 256 << 20  # bytes of the small files in one archive
FEW: Final = 64  # files of an entry that are never bundled
_PER_LAYER: Final = 1000
_EXECUTABLE: Final = 0o100


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPackFormat:
    """CNCF's format.

    Attributes:
        epoch: Time of all files, in seconds since 1970, unless their own is kept.
        preserve: Whether files keep their own time and permissions; two copies of a project differ then.
        flat_titles: Whether a layer's title is the name of its file without directories, as Podman wants it.
        drop_unsupported: Whether to leave out what ModelPack has no place for, and say so, or to refuse it.
        found: What the files say about the model.
    """

    epoch: int = 0
    preserve: bool = False
    flat_titles: bool = False
    drop_unsupported: bool = False
    found: PackConfig = field(default_factory=PackConfig)

    def plans(self, claims: Sequence[Claimed], wanted: Encoding) -> Iterable[Plan]:
        """Make a layer of each file, or of each entry where archives are wanted.

        Raises:
            InvalidError: If a bare file shall be compressed, titles are not distinct, or an entry is an MCP server.
        """
        kept: list[Claimed] = []
        dropped: list[Claimed] = []
        for claim, entries in claims:
            (dropped if claim.kind is LayerKind.MCP_SERVER else kept).append((claim, entries))
        if dropped and not self.drop_unsupported:
            claim = dropped[0][0]
            raise InvalidError(
                f"{claim.label}: ModelPack has no place for MCP servers; leave them out with --drop-unsupported, "
                "or pack a ModelKit"
            )
        if wanted.form is LayerFormat.TAR:
            plans = [self._archive(claim, entries, wanted) for claim, entries in kept]
        else:
            plans = self._bare(kept, wanted)
        if plans and dropped:
            names = ", ".join(claim.path for claim, _ in dropped)
            plans[0] = msgspec.structs.replace(
                plans[0], note=f"left out, because ModelPack has no place for MCP servers: {names}"
            )
        self._require_titles(plans)
        return plans

    def informed(self, plans: Sequence[Plan]) -> VersionFormat:
        """Read the headers of the planned weights, and the small files beside them."""
        from orchard.project.surveying import survey  # noqa: PLC0415 -- only for a ModelPack

        return replace(self, found=survey(plans))

    def documents(self, kitfile: Kitfile, layers: Sequence[Layer], annotations: Mapping[str, str]) -> Documents:
        """Write config and manifest."""
        if self.drop_unsupported:
            kitfile = changed(kitfile, mcp_servers=())
        found = with_annotations(self.found, annotations)
        bound = claimed(kitfile, layers)
        assert bound is not None  # every plan came of a claim
        return Documents(*build_modelpack(kitfile, bound, found, annotations=annotations))

    def _archive(self, claim: Claim, entries: list[Entry], wanted: Encoding) -> Plan:
        """Plan the tar that a ModelKit would have too."""
        kind = LayerKind.MODEL if claim.kind is LayerKind.PART and is_weights(claim.path) else claim.kind
        form, compression = wanted.form, COMPRESSIONS[wanted.compression]
        path = clean_path(claim.path)
        said = layer_annotations(claim.kind) | {FILEPATH: path, TITLE: path, UNTESTED: "false"}
        if entries and entries[-1].name == path and not entries[-1].is_directory:
            said[METADATA] = self._metadata(entries[-1])
        media_type = modelpack_media_type(kind, compression, form=form)
        return Plan(claim=claim, entries=entries, encoding=wanted, media_type=media_type, annotations=said)

    def _bare(self, claims: Sequence[Claimed], wanted: Encoding) -> list[Plan]:
        if wanted.compression != "none":
            raise InvalidError("compression for raw layers is not supported for ModelPack; use --layer-format tar")
        files = [(claim, [entry for entry in entries if not entry.is_directory]) for claim, entries in claims]
        number = sum(len(entries) for _, entries in files)
        size = sum(_PER_LAYER + 5 * len(entry.name.encode("utf-8", "replace")) for _, found in files for entry in found)
        crowded = number > MAX_LAYERS or size > MAX_ESTIMATE
        plans: list[Plan] = []
        for (claim, entries), (_, found) in zip(claims, files, strict=True):
            made = self._crowd(claim, entries, found) if crowded and len(found) > FEW else self._files(claim, found)
            hollow = _hollow(entries)
            if made and hollow:
                note = f"{claim.label}: {hollow} empty directories are left out, because raw layers hold files only"
                made[0] = msgspec.structs.replace(made[0], note=" ".join(filter(None, (made[0].note, note))))
            plans += made
        return plans

    def _files(self, claim: Claim, files: Sequence[Entry]) -> list[Plan]:
        """Plan one layer for each file; of several weights the largest is the model, the others are parts of it."""
        weights = [entry for entry in files if kind_of_file(claim.kind, entry.name) is LayerKind.MODEL]
        alone = len(files) == 1 and files[0].name == clean_path(claim.path)
        candidates = files if alone else weights or files
        main = max(candidates, key=lambda entry: entry.size, default=None) if claim.kind is LayerKind.MODEL else None
        plans = [self._file(claim, entry, is_main=entry is main, guessed=not alone) for entry in files]
        return sorted(plans, key=_rank)

    def _file(self, claim: Claim, entry: Entry, *, is_main: bool, guessed: bool) -> Plan:
        kind = claim.kind if is_main else kind_of_file(claim.kind, entry.name)
        if kind is LayerKind.MODEL and not is_main:
            kind = LayerKind.PART
        stored = LayerKind.MODEL if kind is LayerKind.PART and is_weights(entry.name) else kind
        doubtful = guessed and claim.kind is LayerKind.MODEL
        said = layer_annotations(kind) | {
            FILEPATH: entry.name,
            METADATA: self._metadata(entry),
            UNTESTED: "true" if doubtful else "false",
            TITLE: entry.name.rpartition("/")[2] if self.flat_titles else entry.name,
        }
        return Plan(
            claim=Claim(kind, claim.name, entry.name),
            entries=[entry],
            encoding=Encoding(LayerFormat.RAW),
            media_type=modelpack_media_type(stored),
            annotations=said,
        )

    def _crowd(self, claim: Claim, entries: Sequence[Entry], files: Sequence[Entry]) -> list[Plan]:
        """Plan archives for the small files of an entry that has too many, and a layer for each of the others."""
        small = {entry.name for entry in files if entry.size < BUNDLED and not is_weights(entry.name)}
        bundled = [entry for entry in files if entry.name in small]
        plans = self._files(claim, [entry for entry in files if entry.name not in small])
        by_kind: dict[LayerKind, list[Entry]] = {}
        for entry in bundled:
            by_kind.setdefault(kind_of_file(claim.kind, entry.name), []).append(entry)
        number = 0
        for kind, found in by_kind.items():
            for group in _groups(found):
                number += 1
                plans.append(self._bundle(claim, kind, _with_directories(entries, group), number=number))
        note = (
            f"{claim.label}: {len(bundled)} small files are bundled into {number} archives, "
            "because registries refuse manifests over 4 MiB"
        )
        plans[0] = msgspec.structs.replace(plans[0], note=note)
        return plans

    def _bundle(self, claim: Claim, kind: LayerKind, entries: list[Entry], *, number: int) -> Plan:
        folder = clean_path(claim.path)
        path = f"bundle-{number:04}.tar" if folder == "." else f"{folder}/bundle-{number:04}.tar"
        said = layer_annotations(kind) | {FILEPATH: path, TITLE: path, UNTESTED: "true"}
        encoding = Encoding(LayerFormat.TAR)
        media_type = modelpack_media_type(kind, form=LayerFormat.TAR)
        named = Claim(kind, claim.name, path)
        return Plan(claim=named, entries=entries, encoding=encoding, media_type=media_type, annotations=said)

    def _metadata(self, entry: Entry) -> str:
        mode = entry.mode if self.preserve else 0o755 if entry.mode & _EXECUTABLE else 0o644
        seconds = entry.stamp.mtime_ns // 10**9 if self.preserve and entry.stamp else self.epoch
        moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat() + "Z"
        name = entry.name.rpartition("/")[2]
        return FileMetadata(name=name, mode=mode & 0o777, size=entry.size, mtime=moment).to_json()

    def _require_titles(self, plans: Sequence[Plan]) -> None:
        """Refuse two layers with one title, where titles have no directories.

        Raises:
            InvalidError: Naming both files.
        """
        seen: dict[str, str] = {}
        for plan in plans if self.flat_titles else ():
            title = plan.annotations[TITLE].rpartition("/")[2]
            if title in seen:
                raise InvalidError(f"--flat-titles: {seen[title]} and {plan.claim.path} would have the same title")
            seen[title] = plan.claim.path


def _rank(plan: Plan) -> int:
    """Put the model first, other weights behind it, and all else where it is."""
    if plan.claim.kind is LayerKind.MODEL:
        return 0
    return 1 if plan.claim.kind is LayerKind.PART and is_weights(plan.claim.path) else 2


def _groups(files: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Split files, in their order, into groups of up to 256 MiB."""
    total = 0

    def number(entry: Entry) -> int:
        nonlocal total
        total += entry.size
        return (total - 1) // BUNDLE if total else 0

    for _, group in groupby(files, key=number):
        yield list(group)


def _with_directories(entries: Sequence[Entry], files: Sequence[Entry]) -> list[Entry]:
    """Give files with the directories above them, in the order of a tar."""
    chosen = {entry.name for entry in files}
    needed = {
        "/".join(parts[:length]) for name in chosen for parts in [name.split("/")] for length in range(1, len(parts))
    }
    return [entry for entry in entries if entry.name in (needed if entry.is_directory else chosen)]


def _hollow(entries: Sequence[Entry]) -> int:
    """Count the directories that hold nothing."""
    parents = {entry.name.rpartition("/")[0] for entry in entries}
    return sum(entry.is_directory and entry.name not in parents for entry in entries)
