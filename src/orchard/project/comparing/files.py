"""Files that differ, and the text in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

from msgspec.structs import replace

from orchard.errors import LimitExceededError
from orchard.formats import IndexedFile, Layer, LayerFiles, LayerKind
from orchard.insight import Insight
from orchard.oci import Hasher
from orchard.project.comparing.differences import FileDiff, FileFacts
from orchard.project.comparing.effort import Effort
from orchard.project.comparing.notebooks import MAX_NOTEBOOK, is_notebook, notebook_text
from orchard.project.comparing.texts import MAX_LINES, MAX_SIZE, diff_texts, read_text
from orchard.project.comparing.values import Kind

_PIECE: Final = 4 << 20
_ALONE: Final = "too many files differ; compare this one alone"
_FIRST: Final = (LayerKind.CODE, LayerKind.PROMPT, LayerKind.DOCS)  # whose texts people read


class Holdings(Protocol):
    """What the layers of one version hold, and the bytes of it."""

    @property
    def distant(self) -> bool:
        """Whether each read may be a request to somewhere else."""
        ...

    def index(self, layer: Layer) -> LayerFiles:
        """List what a layer holds, as ``Indexer.index`` does."""
        ...

    def read(self, file: IndexedFile, offset: int, size: int) -> bytes:
        """Read exactly these bytes of a file.

        Raises:
            LimitExceededError: If that costs too much.
            OrchardError: If they cannot be had.
        """
        ...

    def examine(self, file: IndexedFile) -> Insight | None:
        """Say what the header of a file says; None if it is of no kind that is known.

        Raises:
            OrchardError: If the file cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of what reading opened; it may be read from again."""
        ...


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs.

    Attributes:
        kind: What became of it.
        path: Below the directory that the versions are unpacked into.
        before: The file in the first version; None if it was added.
        after: The file in the second version; None if it was removed.
    """

    kind: Kind
    path: str
    before: IndexedFile | None = None
    after: IndexedFile | None = None

    @property
    def part(self) -> LayerKind:
        """What the file is part of, in the second version if it is there."""
        file = self.after or self.before
        assert file is not None
        return file.kind


@dataclass(slots=True)
class ContentComparison:
    """Compares the content of files, the smallest first, until it has read as much as it may.

    Attributes:
        first: Where the files of the first version are.
        second: Where those of the second are.
        left: Bytes that may still be read; None for all.
    """

    first: Holdings
    second: Holdings
    left: int | None

    def compare(self, pairs: Iterable[tuple[IndexedFile, IndexedFile]]) -> Iterator[FileChange]:
        """Give the pairs of files that differ, or of which that is not known."""
        for old, new in sorted(pairs, key=lambda pair: pair[0].size):
            same = self._is_same(old, new)
            if same is None:
                yield FileChange(Kind.UNKNOWN, new.path, old, new)
            elif not same:
                yield FileChange(Kind.CHANGED, new.path, old, new)

    def _is_same(self, old: IndexedFile, new: IndexedFile) -> bool | None:
        if old.mode & 0o777 != new.mode & 0o777 or old.size != new.size:
            return False
        if not old.size or (old.digest is not None and old.digest == new.digest):
            return True
        if old.digest is not None and new.digest is not None:
            return False
        if self.left is not None and old.size > self.left:
            return None
        return self._read_both(old, new)

    def _read_both(self, old: IndexedFile, new: IndexedFile) -> bool:
        """Read two files side by side, and stop where they differ; one whose digest is known is not read."""
        if old.digest is not None or new.digest is not None:
            holdings, file, known = (
                (self.second, new, old.digest) if new.digest is None else (self.first, old, new.digest)
            )
            hasher = Hasher(str(known).partition(":")[0])
            for piece in self._pieces(holdings, file):
                hasher.update(piece)
            return str(hasher.digest) == known
        sides = zip(self._pieces(self.first, old), self._pieces(self.second, new), strict=True)
        return all(one == two for one, two in sides)

    def _pieces(self, holdings: Holdings, file: IndexedFile) -> Iterator[bytes]:
        for start in range(0, file.size, _PIECE):
            size = min(_PIECE, file.size - start)
            if self.left is not None:
                self.left -= size
            yield holdings.read(file, start, size)


def diff_files(
    found: Sequence[FileChange], first: Holdings, second: Holdings, *, effort: Effort
) -> dict[str, FileDiff]:
    """Say of files how they differ, by path; what people read (code, prompts, docs) comes first.

    Args:
        found: The files.
        first: Where those of the first version are.
        second: Where those of the second version are.
        effort: How many may be compared line by line, and how many lines given.

    Raises:
        OrchardError: If files cannot be read.
    """
    ordered = sorted(found, key=lambda change: (change.part not in _FIRST, change.path))
    diffs: dict[str, FileDiff] = {}
    left = inf if effort.texts is None else effort.texts
    lines = inf if effort.lines is None else effort.lines
    for change in ordered:
        diff = FileDiff(change.kind, change.path, _facts(change.before), _facts(change.after))
        note = _too_large(change)
        if note is None and left <= 0:
            note = _ALONE
        if note is None:
            diff = diff_file(change, first, second)
            left -= diff.text is not None
            lines -= _lines_in(diff)
            if lines < 0 and diff.text is not None:
                diff = replace(diff, text=diff.text.counts, note=diff.note or _ALONE)
        diffs[change.path] = diff if note is None else replace(diff, note=note)
    return dict(sorted(diffs.items()))


def diff_file(change: FileChange, first: Holdings, second: Holdings) -> FileDiff:
    """Say how one file differs, line by line if it is a text that is not too large.

    Raises:
        OrchardError: If it cannot be read.
    """
    diff = FileDiff(change.kind, change.path, _facts(change.before), _facts(change.after))
    note = _too_large(change)
    if note is not None:
        return replace(diff, note=note)
    try:
        old, new = _text(change.before, first), _text(change.after, second)
    except LimitExceededError as error:
        return replace(diff, note=str(error))
    if old is None or new is None:
        return replace(diff, note="not text")
    return _diff_texts(diff, old, new)


def _diff_texts(diff: FileDiff, old: str, new: str) -> FileDiff:
    notebook = is_notebook(diff.path)
    if notebook:
        old, new = notebook_text(old), notebook_text(new)
    if max(old.count("\n"), new.count("\n")) > MAX_LINES:
        return replace(diff, note=f"more than {MAX_LINES} lines")
    text = diff_texts(old, new)
    if not text.hunks:
        return replace(diff, text=text, note=_unchanged(diff, notebook=notebook))
    return replace(diff, text=text, note="cells as text" if notebook else None)


def _lines_in(diff: FileDiff) -> int:
    return 0 if diff.text is None else sum(len(hunk.lines) for hunk in diff.text.hunks)


def _too_large(change: FileChange) -> str | None:
    largest = max(file.size for file in (change.before, change.after) if file is not None)
    limit = MAX_NOTEBOOK if is_notebook(change.path) else MAX_SIZE
    return f"larger than {limit >> 10} KiB" if largest > limit else None


def _unchanged(diff: FileDiff, *, notebook: bool) -> str | None:
    """Say why a file counts as changed although its lines are the same."""
    if diff.before is None or diff.after is None:
        return "empty"
    if diff.before.mode != diff.after.mode:
        return "permissions alone differ"
    return "outputs or metadata alone differ" if notebook else None


def _text(file: IndexedFile | None, holdings: Holdings) -> str | None:
    if file is None or not file.size:
        return ""
    return read_text(holdings.read(file, 0, file.size))


def _facts(file: IndexedFile | None) -> FileFacts | None:
    return None if file is None else FileFacts(file.size, f"{file.mode & 0o777:o}", file.digest)
