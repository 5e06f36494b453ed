"""What a comparison says: values that become JSON as they are, for the terminal, the API and pages.

It is a vocabulary: what makes these values is next door.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec.structs import replace

from orchard.project.comparing.values import Change, Kind

S = TypeVar("S", bound=msgspec.Struct)
Count = Annotated[int, msgspec.Meta(ge=0)]


class Direction(Enum):
    """Whether a change of a metric is welcome."""

    BETTER = "better"
    WORSE = "worse"


class Measure(msgspec.Struct, frozen=True, rename="camel"):
    """One parameter or metric that differs.

    Attributes:
        kind: What became of it.
        name: Its path, keys with dots between.
        before: Its value in the first version; null if it was added.
        after: Its value in the second version; null if it was removed.
        delta: The second minus the first, where both are numbers.
        relative: The delta as a share of the first, where that is not 0: 0.1 is 10 % more.
        direction: Whether a metric got better or worse, where its name says which way is better: accuracy goes up,
            loss goes down.
    """

    kind: Kind
    name: str
    before: Any = None  # as those of ``Change``
    after: Any = None
    delta: float | None = None
    relative: float | None = None
    direction: Direction | None = None


class LineKind(Enum):
    """What became of a line."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


class Line(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One line of a hunk.

    Attributes:
        kind: What became of it.
        text: What it says, without the end of the line.
        old: Its number in the first text, from 1; null if it was added.
        new: Its number in the second text, from 1; null if it was removed.
        unfinished: Whether it is the last line and does not end as lines do.
    """

    kind: LineKind
    text: str
    old: int | None = None
    new: int | None = None
    unfinished: bool = False


class Hunk(msgspec.Struct, frozen=True, rename="camel"):
    """Lines that changed, with some around them that did not.

    Attributes:
        old_start: Number of the first line in the first text; if there is none, of the line before.
        old_lines: Lines of the first text.
        new_start: Number of the first line in the second text; if there is none, of the line before.
        new_lines: Lines of the second text.
        lines: Removed lines stand before the added ones in their place.
    """

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: tuple[Line, ...]

    def pairs(self) -> Iterator[tuple[Line | None, Line | None]]:
        """Give the lines side by side; beside a line without a counterpart is nothing."""
        removed: list[Line] = []
        added: list[Line] = []
        for line in (*self.lines, None):
            if line is not None and line.kind is not LineKind.SAME:
                (removed if line.kind is LineKind.REMOVED else added).append(line)
                continue
            for at in range(max(len(removed), len(added))):
                yield removed[at] if at < len(removed) else None, added[at] if at < len(added) else None
            removed, added = [], []
            if line is not None:
                yield line, line


class TextDiff(msgspec.Struct, frozen=True, rename="camel"):
    """How two texts differ.

    Attributes:
        added: Lines that only the second has.
        removed: Lines that only the first has.
        hunks: Where they differ; empty where only the counts are wanted.
        exact: Whether it is the smallest difference; texts that are hard to compare may show more lines than needed.
    """

    added: int
    removed: int
    hunks: tuple[Hunk, ...] = ()
    exact: bool = True

    @property
    def counts(self) -> "TextDiff":
        """The same without the lines."""
        return replace(self, hunks=())


class FileFacts(msgspec.Struct, frozen=True, rename="camel"):
    """A file of one of two versions.

    Attributes:
        size: Bytes of its content.
        mode: Its permission bits, octal.
        digest: Of its content; null if it was not needed to tell.
    """

    size: Annotated[int, msgspec.Meta(ge=0)]
    mode: str
    digest: str | None


class FileDiff(msgspec.Struct, frozen=True, rename="camel"):
    """How one file differs.

    Attributes:
        kind: What became of it; unknown: same size, and its content was not compared.
        path: Below the directory that a version is unpacked into.
        before: The file in the first version; null if it was added.
        after: The file in the second version; null if it was removed.
        text: How its lines differ, if it is a text; of a notebook, the sources of its cells.
        note: Why there is nothing about its lines, or what they are instead.
    """

    kind: Kind
    path: str
    before: FileFacts | None = None
    after: FileFacts | None = None
    text: TextDiff | None = None
    note: str | None = None


class TensorFacts(msgspec.Struct, frozen=True, rename="camel"):
    """A tensor of one of two versions.

    Attributes:
        file: The file that holds it.
        dtype: Type of its elements, in the words of the file's format.
        shape: Length of each dimension.
        size: Bytes of its content.
    """

    file: str
    dtype: str
    shape: tuple[int, ...]
    size: Count


class TensorChange(msgspec.Struct, frozen=True, rename="camel"):
    """A tensor that differs, or of which that is not known.

    Attributes:
        kind: What became of it; unknown: same type and shape, content not compared.
        name: As the files call it; with the file before it where several files have one of that name.
        before: In the first version; null if it was added.
        after: In the second version; null if it was removed.
    """

    kind: Kind
    name: str
    before: TensorFacts | None = None
    after: TensorFacts | None = None


class TensorDiff(msgspec.Struct, frozen=True, rename="camel"):
    """How the tensors of the files that differ do.

    Attributes:
        added: How many only the second version has.
        removed: How many only the first version has.
        changed: How many have another type, shape or content.
        same: How many have the same content.
        unknown: How many have the same type and shape, and their content was not compared.
        parameters_before: Numbers in all tensors of the files that differ, in the first version.
        parameters_after: The same in the second version.
        listed: Those that differ, then those that are unknown: the first 1,000.
    """

    added: Count
    removed: Count
    changed: Count
    same: Count
    unknown: Count
    parameters_before: Count
    parameters_after: Count
    listed: tuple[TensorChange, ...]


class Details(msgspec.Struct, frozen=True, rename="camel"):
    """How what is known of one file differs.

    Attributes:
        kind: What became of the file.
        path: The file.
        changes: Values that differ, by path: `hidden_size`, `columns[age].type`, `rows`; the first 500.
        note: Why the file could not be read, in the second version or in the first.
    """

    kind: Kind
    path: str
    changes: tuple[Change, ...] = ()
    note: str | None = None


class DataDiff(msgspec.Struct, frozen=True, rename="camel"):
    """How the data differ.

    Attributes:
        datasets: What the Kitfiles say of datasets: where they are, which remote one and of which hash.
        files: The files that differ.
        tables: What is known of them: rows, columns and their types.
    """

    datasets: tuple[Change, ...] = ()
    files: tuple[FileDiff, ...] = ()
    tables: tuple[Details, ...] = ()


class ModelDiff(msgspec.Struct, frozen=True, rename="camel"):
    """How the models differ.

    Attributes:
        about: What the Kitfiles say of the model: its name, framework, format, version.
        files: The files that differ.
        details: What is known of them but their tensors: configs, tokenizers, metadata.
        tensors: The tensors of the files that differ; null if there are none.
    """

    about: tuple[Change, ...] = ()
    files: tuple[FileDiff, ...] = ()
    details: tuple[Details, ...] = ()
    tensors: TensorDiff | None = None


class Sections(msgspec.Struct, frozen=True, rename="camel"):
    """How two versions differ, by what people ask. What is the same is in none of them.

    Attributes:
        licences: Licences of the package, the model and its parts, the data, the model card; files named LICENSE.
        metrics: What came of it.
        parameters: What was set.
        data: The data.
        model: The model.
        code: Files of code.
        prompts: Files of prompts.
        docs: Files for people.
        provenance: Repository, commit and branch that each comes from.
        package: Everything else that the Kitfiles say.
    """

    licences: tuple[Change, ...] = ()
    metrics: tuple[Measure, ...] = ()
    parameters: tuple[Measure, ...] = ()
    data: DataDiff = DataDiff()
    model: ModelDiff = ModelDiff()
    code: tuple[FileDiff, ...] = ()
    prompts: tuple[FileDiff, ...] = ()
    docs: tuple[FileDiff, ...] = ()
    provenance: tuple[Change, ...] = ()
    package: tuple[Change, ...] = ()

    def without_lines(self) -> "Sections":
        """Give the same with lines of texts counted, and not told."""
        return replace(
            self,
            data=replace(self.data, files=_counted(self.data.files)),
            model=replace(self.model, files=_counted(self.model.files)),
            code=_counted(self.code),
            prompts=_counted(self.prompts),
            docs=_counted(self.docs),
        )


def bounded(found: S, most: int) -> tuple[S, dict[str, int]]:
    """Cut each list of sections, and tell by its name how many entries of it were left out."""
    fewer: dict[str, object] = {}
    left_out: dict[str, int] = {}
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, tuple) and len(value) > most:
            fewer[name] = value[:most]
            left_out[name] = len(value) - most
        elif isinstance(value, DataDiff | ModelDiff):
            fewer[name], inner = bounded(value, most)
            left_out |= {f"{name}.{part}": count for part, count in inner.items()}
    return replace(found, **fewer), left_out


def _counted(files: Iterable[FileDiff]) -> tuple[FileDiff, ...]:
    return tuple(diff if diff.text is None else replace(diff, text=diff.text.counts) for diff in files)
