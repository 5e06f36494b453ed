"""What differs between two versions, as lines for people: in one screen, section by section, or as a patch."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from orchard.cli.output import format_size

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Change, Details, FileDiff, Measure, Sections, TensorChange, TensorDiff

SIGNS: Final = {"added": "+", "removed": "-", "changed": "~", "unknown": "?"}
WIDEST: Final = 200  # characters of a value; --output json gives all of it
_SHORT: Final = 60  # characters of a value in the summary
_DIGITS: Final = 10  # of a number; what is behind them comes from reckoning in binary
_FEW: Final = 6  # rows of a section of the summary
_MILLION: Final = 10**6
_STYLES: Final = {"+": "good", "-": "bad"}
_WORDS: Final = {
    "Licence": "licence", "Metrics": "metrics", "Parameters": "parameters", "Data": "data", "Model": "model",
    "Code": "code", "Prompts": "prompts", "Docs": "docs", "Comes from": "provenance", "Package": "package",
}  # fmt: skip
_NAMES: Final = {word: name for name, word in _WORDS.items()}
WORDS: Final = tuple(_NAMES)


class Text(NamedTuple):
    """A line.

    Attributes:
        text: What it says.
        style: ``head``, ``good``, ``bad``, ``hunk``, or nothing.
    """

    text: str
    style: str = ""


def summary(sections: "Sections") -> Iterator[Text]:
    """Say in one screen what differs; nothing if nothing does."""
    for name, rows in _rows(sections, width=_SHORT):
        for at, row in enumerate(rows[:_FEW]):
            yield Text(f"{name if not at else '':12}{row.text}", row.style)
        if len(rows) > _FEW:
            yield Text(f"{'':12}and {len(rows) - _FEW} more: --only {_WORDS[name]}")


def chosen(sections: "Sections", words: Sequence[str]) -> Iterator[Text]:
    """Say everything about some sections; of each that was asked for, also that nothing differs in it."""
    for name, rows in _rows(sections, width=WIDEST, whole=True):
        if _WORDS[name] in words:
            yield from (Text(name, "head"), *rows, Text(""))
    for word in words:
        if not any(_WORDS[name] == word for name, _ in _rows(sections, width=WIDEST)):
            yield Text(f"{_NAMES[word]}: nothing differs")


def files_of(sections: "Sections", words: Sequence[str]) -> "list[FileDiff]":
    """Give the files that differ in some sections, or in all if none is named; by path."""
    found = {
        "data": sections.data.files,
        "model": sections.model.files,
        "code": sections.code,
        "prompts": sections.prompts,
        "docs": sections.docs,
    }
    chosen_files = [diff for word, diffs in found.items() if not words or word in words for diff in diffs]
    return sorted(chosen_files, key=lambda diff: diff.path)


def statistics(files: "Sequence[FileDiff]") -> Iterator[Text]:
    """Say of each file how many lines were added and removed, as ``git diff --stat`` does."""
    yield from (_file(diff) for diff in files)
    added = sum(diff.text.added for diff in files if diff.text is not None)
    removed = sum(diff.text.removed for diff in files if diff.text is not None)
    yield Text(f"{_count(len(files), 'file')} differ, +{added} -{removed} lines" if files else "no file differs")


def patch(files: "Sequence[FileDiff]") -> Iterator[Text]:
    """Write the differences of texts as Git does; what is no text is named."""
    from orchard.project import patch_lines  # noqa: PLC0415 -- few want patches

    for diff in files:
        if diff.text is None or (diff.note is not None and diff.text.hunks):
            yield Text(f"# {diff.path}: {diff.note or 'nothing to show'}", "head")
        if diff.text is None:
            continue
        # What Git cannot apply, because it is not the file as it is, it takes for a remark.
        remark = "# " if diff.note is not None and diff.text.hunks else ""
        modes = [None if file is None else file.mode for file in (diff.before, diff.after)]
        for line in patch_lines(diff.path, diff.text, old=modes[0], new=modes[1]):
            yield Text(f"{remark}{line}", _patch_style(line))


def _patch_style(line: str) -> str:
    if line.startswith(("diff --git ", "--- a/", "+++ b/", '--- "', '+++ "', "--- /dev/null", "+++ /dev/null")):
        return "head"
    return {"+": "good", "-": "bad", "@": "hunk"}.get(line[:1], "")


def _rows(sections: "Sections", *, width: int, whole: bool = False) -> Iterator[tuple[str, list[Text]]]:
    """Give the lines of each section in which anything differs, what matters most first."""
    show = Shown(width)
    parts: tuple[tuple[str, Iterable[Text]], ...] = (
        ("Licence", (Text(show.change(change), "bad") for change in sections.licences)),
        ("Metrics", show.measures(sections.metrics)),
        ("Parameters", show.measures(sections.parameters)),
        ("Data", _data(sections, show)),
        ("Model", _model(sections, show, whole=whole)),
        ("Code", _files(sections.code)),
        ("Prompts", _files(sections.prompts)),
        ("Docs", _files(sections.docs)),
        ("Comes from", (Text(show.change(change)) for change in sections.provenance)),
        ("Package", (Text(show.change(change)) for change in sections.package)),
    )
    for name, lines in parts:
        rows = list(lines)
        if rows:
            yield name, rows


class Shown(NamedTuple):
    """Writes values.

    Attributes:
        width: Most characters of one.
    """

    width: int

    def value(self, value: "JSON") -> str:
        """Write a value: a text of one line as it is, everything else as JSON."""
        plain = isinstance(value, str) and value and "\n" not in value
        text = str(value) if plain else json.dumps(value, ensure_ascii=False)
        return text if len(text) <= self.width else f"{text[: self.width - 1]}…"

    def change(self, change: "Change") -> str:
        """Write a value that differs."""
        sign, path = SIGNS[change.kind.value], change.path
        if change.before is None and change.after is None:
            return f"{sign} {path}"
        if change.kind.value == "added":
            return f"{sign} {path}: {self.value(change.after)}"
        if change.kind.value == "removed":
            return f"{sign} {path}: {self.value(change.before)}"
        return f"{sign} {path}: {self.value(change.before)} -> {self.value(change.after)}"

    def measures(self, found: "Sequence[Measure]") -> Iterator[Text]:
        """Lay out names, values of both versions and deltas; what got better or worse first."""
        ordered = sorted(found, key=lambda one: (one.direction is None, one.name))
        cells = [(one.name, self._side(one, new=False), self._side(one, new=True)) for one in ordered]
        widths = [max((len(cell[column]) for cell in cells), default=0) for column in range(3)]
        for one, (name, before, after) in zip(ordered, cells, strict=True):
            word = "" if one.direction is None else one.direction.value
            row = f"{SIGNS[one.kind.value]} {name:{widths[0]}}  {before:>{widths[1]}} -> {after:>{widths[2]}}"
            style = {"better": "good", "worse": "bad"}.get(word, "")
            yield Text(f"{row}  {_delta(one)}  {word}".rstrip(), style)

    def _side(self, one: "Measure", *, new: bool) -> str:
        if one.kind.value == ("removed" if new else "added"):
            return "none"
        value = one.after if new else one.before
        return f"{value:.{_DIGITS}g}" if isinstance(value, float) else self.value(value)


def _delta(one: "Measure") -> str:
    if one.delta is None:
        return ""
    share = "" if one.relative is None else f" ({one.relative * 100:+.3g} %)"
    return f"{one.delta:+.6g}{share}"


def _data(sections: "Sections", show: Shown) -> Iterator[Text]:
    data = sections.data
    for table in data.tables:
        yield from _details(table, show)
    yield from (Text(show.change(change)) for change in data.datasets)
    yield from _files(data.files)


def _model(sections: "Sections", show: Shown, *, whole: bool) -> Iterator[Text]:
    model = sections.model
    yield from (Text(show.change(change)) for change in model.about)
    if model.tensors is not None:
        yield Text(_tensors(model.tensors))
        if whole:
            yield from map(_tensor, model.tensors.listed)
    for details in model.details:
        yield from _details(details, show)
    yield from _files(model.files)


def _details(details: "Details", show: Shown) -> Iterator[Text]:
    if details.note:
        yield Text(f"! {details.path}: {details.note}", "bad")
    for change in details.changes:
        line = show.change(change)
        yield Text(f"{line[:2]}{details.path}: {line[2:]}")


def _tensors(tensors: "TensorDiff") -> str:
    counts = {
        "changed": tensors.changed, "added": tensors.added, "removed": tensors.removed, "the same": tensors.same,
        "of the same shape and not compared": tensors.unknown,
    }  # fmt: skip
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    before, after = _parameters(tensors.parameters_before), _parameters(tensors.parameters_after)
    return f"~ tensors: {told}; {before if before == after else f'{before} -> {after}'} parameters"


def _parameters(count: int) -> str:
    return f"{count:,}" if count < _MILLION else f"{count / _MILLION:,.2f}M"


def _tensor(change: "TensorChange") -> Text:
    told = [
        f"{tensor.dtype} {'x'.join(map(str, tensor.shape)) or '1'}"
        for tensor in (change.before, change.after)
        if tensor is not None
    ]
    sign = SIGNS[change.kind.value]
    return Text(f"  {sign} {change.name} ({' -> '.join(dict.fromkeys(told))})", _STYLES.get(sign, ""))


def _files(files: "Sequence[FileDiff]") -> Iterator[Text]:
    return (_file(diff) for diff in files)


def _file(diff: "FileDiff") -> Text:
    told = [
        " -> ".join(dict.fromkeys(format_size(file.size) for file in (diff.before, diff.after) if file is not None))
    ]
    modes = dict.fromkeys(file.mode for file in (diff.before, diff.after) if file is not None)
    if len(modes) > 1:
        told.append(f"mode {' -> '.join(modes)}")
    if diff.text is not None and diff.text.hunks:
        told.append(f"+{diff.text.added} -{diff.text.removed} lines")
    elif diff.kind.value == "unknown":
        told.append("same size, content not compared")
    sign = SIGNS[diff.kind.value]
    return Text(f"{sign} {diff.path} ({', '.join(told)})", _STYLES.get(sign, ""))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def painted(lines: Iterable[Text], paint: Callable[[str, str], str]) -> str:
    """Put lines together, each painted by its style.

    Args:
        lines: The lines.
        paint: Gives the text of a line as the terminal takes it.
    """
    return "\n".join(paint(line.text, line.style) for line in lines)
