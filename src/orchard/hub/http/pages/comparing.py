"""The page that shows two versions side by side: what differs, by what people ask."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from orchard.errors import NotFoundError, UnsupportedError
from orchard.hub.http.pages import answers, text
from orchard.hub.http.pages.addresses import leaf_url, version_url
from orchard.hub.http.pages.ports import Registry, Visit
from orchard.hub.http.pages.rendering import Renderer
from orchard.oci import Digest

if TYPE_CHECKING:
    from orchard.hub.registry import Chosen
    from orchard.project import Change, Details, FileDiff, Line, Measure, Sections, TensorChange, TensorDiff

LEAF: Final = "compare"
ROWS: Final = 200  # of one section
LINES: Final = 3000  # of one file
_WIDTH: Final = 200  # characters of a value
_SIGNS: Final = {"added": "+", "removed": "-", "changed": "~", "unknown": "?"}
_TONES: Final = {"better": "good", "worse": "bad"}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that differs.

    Attributes:
        kind: ``added``, ``removed``, ``changed`` or ``unknown``.
        name: What it is.
        before: In the first version.
        after: In the second version.
        note: By how much, or what else is to be said.
        tone: ``good``, ``bad`` or nothing.
        url: Where more of it is shown.
    """

    kind: str
    name: str
    before: str = ""
    after: str = ""
    note: str = ""
    tone: str = ""
    url: str = ""

    @property
    def sign(self) -> str:
        """The kind in one character."""
        return _SIGNS[self.kind]


@dataclass(frozen=True, slots=True)
class Section:
    """What differs of one kind.

    Attributes:
        title: What it is called.
        leaf: Its name in addresses.
        rows: The first of what differs.
        more: How much more there is.
    """

    title: str
    leaf: str
    rows: Sequence[Row]
    more: int = 0


class ComparePage:
    """Makes the page of a comparison.

    Args:
        registry: What is compared.
        renderer: Fills templates.
    """

    def __init__(self, registry: Registry, renderer: Renderer) -> None:
        self._registry = registry
        self._renderer = renderer

    def answer(self, visit: Visit, frame: dict[str, object]) -> Response:
        """Show how two versions differ, and line by line one file if it is asked for.

        Raises:
            NotFoundError: If one is not there.
            InvalidError: If one is named as none can be.
            DeniedError: If whoever asks may not read one.
        """
        asked = {key: visit.request.query_params.get(key, "")[:512] for key in ("base", "head", "file")}
        base, head = self._registry.pair(visit.who, visit.name, base=asked["base"], head=asked["head"])
        sides = [_side(chosen, visit.name) for chosen in (base, head)]
        try:
            found = self._registry.comparer.compare(base.contents, head.contents)
        except UnsupportedError as error:
            raise NotFoundError(str(error)) from error
        start = leaf_url(visit.name, None, LEAF)

        def url(one: str, two: str, **more: str) -> str:
            return f"{start}?{urlencode({'base': one, 'head': two, **more})}"

        def file_url(path: str) -> str:
            return url(sides[0].wanted, sides[1].wanted, file=path) + "#file"

        return self._renderer.page(
            visit.request,
            "compare.html",
            action=start,
            base=sides[0],
            head=sides[1],
            swapped=url(sides[1].wanted, sides[0].wanted),
            identical=base.contents.digest == head.contents.digest,
            sections=[*_sections(found.sections, file_url)],
            notes=found.notes,
            shared=len(found.shared),
            file=self._file(base, head, asked["file"]),
            path=asked["file"],
            **frame,
        )

    def _file(self, base: "Chosen", head: "Chosen", path: str) -> "Lines | None":
        if not path:
            return None
        try:
            return lines_of(self._registry.comparer.file(base.contents, head.contents, path))
        except NotFoundError as error:
            return Lines((), 0, answers.sentence(error))


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions, for people.

    Attributes:
        label: What it is called.
        wanted: What the address calls it.
        url: Its page.
        digest: Its digest.
    """

    label: str
    wanted: str
    url: str
    digest: Digest


def _side(chosen: "Chosen", here: str) -> Side:
    name, digest = chosen.name, chosen.contents.digest
    label = name.short if isinstance(name, Digest) else name
    mark = "@" if isinstance(name, Digest) else ":"
    elsewhere = chosen.repository != here
    return Side(
        f"{chosen.repository}{mark}{label}" if elsewhere else label,
        f"{chosen.repository}{mark}{name}" if elsewhere else str(name),
        version_url(chosen.repository, name),
        digest,
    )


def _sections(found: "Sections", file_url: Any) -> Iterator[Section]:  # noqa: ANN401 -- path to address
    """Give the sections in which anything differs, what matters most first."""

    def files(all_files: "Iterable[FileDiff]") -> Iterator[Row]:
        return (_file_row(diff, file_url) for diff in all_files)

    def details(all_details: "Iterable[Details]") -> Iterator[Row]:
        return (row for one in all_details for row in _details(one))

    parts: tuple[tuple[str, str, list[Row]], ...] = (
        ("Licence", "licence", [_row(change, tone="bad") for change in found.licences]),
        ("Metrics", "metrics", [*map(_measure, found.metrics)]),
        ("Parameters", "parameters", [*map(_measure, found.parameters)]),
        ("Data", "data", [*details(found.data.tables), *map(_row, found.data.datasets), *files(found.data.files)]),
        ("Model", "model", [*map(_row, found.model.about), *details(found.model.details), *files(found.model.files)]),
        ("Tensors", "tensors", [] if found.model.tensors is None else [*_tensors(found.model.tensors)]),
        ("Code", "code", [*files(found.code)]),
        ("Prompts", "prompts", [*files(found.prompts)]),
        ("Docs", "docs", [*files(found.docs)]),
        ("Where it comes from", "provenance", [*map(_row, found.provenance)]),
        ("Everything else in the Kitfile", "package", [*map(_row, found.package)]),
    )
    for title, leaf, rows in parts:
        if rows:
            yield Section(title, leaf, rows[:ROWS], max(0, len(rows) - ROWS))


def _row(change: "Change", *, tone: str = "") -> Row:
    if change.before is None and change.after is None:
        return Row(change.kind.value, change.path, tone=tone)
    before = "" if change.kind.value == "added" else _value(change.before)
    return Row(change.kind.value, change.path, before, _after(change), tone=tone)


def _after(change: "Change | Measure") -> str:
    return "" if change.kind.value == "removed" else _value(change.after)


def _measure(one: "Measure") -> Row:
    before = "" if one.kind.value == "added" else _value(one.before)
    share = "" if one.relative is None else f" ({one.relative * 100:+.3g} %)"
    word = "" if one.direction is None else one.direction.value
    note = "" if one.delta is None else f"{one.delta:+.6g}{share} {word}".strip()
    return Row(one.kind.value, one.name, before, _after(one), note, _TONES.get(word, ""))


def _details(details: "Details") -> Iterator[Row]:
    if details.note:
        yield Row("unknown", details.path, note=f"could not be read: {details.note}")
    for change in details.changes:
        row = _row(change)
        yield Row(row.kind, f"{details.path}: {row.name}", row.before, row.after)


def _tensors(tensors: "TensorDiff") -> Iterator[Row]:
    told = {
        "changed": tensors.changed, "added": tensors.added, "removed": tensors.removed, "the same": tensors.same,
        "not compared": tensors.unknown,
    }  # fmt: skip
    before, after = text.parameters(tensors.parameters_before), text.parameters(tensors.parameters_after)
    counts = ", ".join(f"{count:,} {word}" for word, count in told.items() if count)
    yield Row("changed", "tensors of the files that differ", f"{before} parameters", f"{after} parameters", counts)
    yield from map(_tensor, tensors.listed)


def _tensor(change: "TensorChange") -> Row:
    sides = [
        "" if one is None else f"{one.dtype} {' x '.join(map(str, one.shape)) or '1'}"
        for one in (change.before, change.after)
    ]
    return Row(
        change.kind.value, change.name, sides[0], sides[1], "not compared" if change.kind.value == "unknown" else ""
    )


def _file_row(diff: "FileDiff", file_url: Any) -> Row:  # noqa: ANN401 -- as above
    sizes = ["" if one is None else text.size(one.size) for one in (diff.before, diff.after)]
    modes = dict.fromkeys(one.mode for one in (diff.before, diff.after) if one is not None)
    told = (
        [f"+{diff.text.added} -{diff.text.removed} lines"] if diff.text and diff.text.added + diff.text.removed else []
    )
    told += [f"mode {' → '.join(modes)}"] if len(modes) > 1 else []
    told += ["content not compared"] if diff.kind.value == "unknown" else []
    told += [diff.note] if diff.note and not told else []
    return Row(
        diff.kind.value,
        diff.path,
        sizes[0],
        sizes[1],
        ", ".join(told),
        url=file_url(diff.path) if diff.note != "not text" else "",
    )


def _value(value: Any) -> str:  # noqa: ANN401 -- JSON
    if isinstance(value, float):
        return f"{value:.10g}"
    shown = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text.clip(shown, _WIDTH)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one file, side by side.

    Attributes:
        rows: Number and text on the left, number and text on the right, and what became of it; a row of nothing but a
            kind ``gap`` stands between hunks.
        more: How many rows are left out.
        note: Why there are none, or what they are.
    """

    rows: Sequence[tuple[int | None, str, int | None, str, str]]
    more: int = 0
    note: str = ""


def _cell(line: "Line | None", *, old: bool) -> tuple[int | None, str]:
    if line is None:
        return None, ""
    return line.old if old else line.new, line.text


def lines_of(diff: "FileDiff") -> Lines:
    """Lay the lines of a file out side by side."""
    rows: list[tuple[int | None, str, int | None, str, str]] = []
    for hunk in diff.text.hunks if diff.text is not None else ():
        if rows:
            rows.append((None, "", None, "", "gap"))
        for left, right in hunk.pairs():
            kind = "same" if left is right else "both" if left and right else "left" if left else "right"
            rows.append((*_cell(left, old=True), *_cell(right, old=False), kind))
    return Lines(rows[:LINES], max(0, len(rows) - LINES), diff.note or "")
