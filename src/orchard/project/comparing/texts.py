"""Differences of texts as data: hunks of numbered lines, for side by side, one column, or a patch."""

from collections.abc import Iterator, Sequence
from typing import Final

from orchard.project.comparing.differences import Hunk, Line, LineKind, TextDiff
from orchard.project.comparing.lines import shared_runs

MAX_SIZE: Final = 256 << 10  # bytes of each of two texts that are compared
MAX_LINES: Final = 5_000  # of each of them
CONTEXT: Final = 3  # lines around a change that are shown


_DEVNULL: Final = "/dev/null"
_TAB: Final = "\t"  # ends a name that holds spaces


_SIGNS: Final = {LineKind.SAME: " ", LineKind.REMOVED: "-", LineKind.ADDED: "+"}


def split_lines(text: str) -> list[str]:
    r"""Cut a text into lines, each with its end; only ``\n`` ends one, whatever Unicode says.

    >>> split_lines("a\r\nb\x0cc")
    ['a\r\n', 'b\x0cc']
    """
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def read_text(data: bytes) -> str | None:
    """Give bytes as a text, or None if they are none: text is UTF-8 and holds no NUL."""
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def diff_texts(old: str, new: str, *, context: int = CONTEXT) -> TextDiff:
    """Compare two texts line by line, in a bounded time; swapping them swaps added and removed lines."""
    before, after = split_lines(old), split_lines(new)
    runs, exact = shared_runs(before, after)
    lines = [*_lines(before, after, [(run.old, run.new, run.size) for run in runs])]
    shared = sum(run.size for run in runs)
    return TextDiff(len(after) - shared, len(before) - shared, tuple(_hunks(lines, context)), exact)


def _lines(before: Sequence[str], after: Sequence[str], runs: Sequence[tuple[int, int, int]]) -> Iterator[Line]:
    at, there = 0, 0
    for old, new, size in (*runs, (len(before), len(after), 0)):
        yield from (_line(LineKind.REMOVED, before[n], old=n) for n in range(at, old))
        yield from (_line(LineKind.ADDED, after[n], new=n) for n in range(there, new))
        yield from (_line(LineKind.SAME, before[old + n], old=old + n, new=new + n) for n in range(size))
        at, there = old + size, new + size


def _line(kind: LineKind, text: str, *, old: int | None = None, new: int | None = None) -> Line:
    finished = text.endswith("\n")
    return Line(
        kind,
        text[:-1] if finished else text,
        None if old is None else old + 1,
        None if new is None else new + 1,
        not finished,
    )


def _hunks(lines: Sequence[Line], context: int) -> Iterator[Hunk]:
    old = new = at = 0
    for start, end in _spans(lines, context):
        for line in lines[at:start]:
            old, new = line.old or old, line.new or new
        part = tuple(lines[start:end])
        olds, news = sum(line.old is not None for line in part), sum(line.new is not None for line in part)
        yield Hunk(old + bool(olds), olds, new + bool(news), news, part)
        old, new, at = old + olds, new + news, end


def _spans(lines: Sequence[Line], context: int) -> Iterator[tuple[int, int]]:
    """Give where hunks start and end: changes with the lines around them, those that would touch in one."""
    start = end = -1
    for at, line in enumerate(lines):
        if line.kind is LineKind.SAME:
            continue
        if start >= 0 and at - context > end:
            yield start, end
            start = -1
        start = max(at - context, 0) if start < 0 else start
        end = min(at + context + 1, len(lines))
    if start >= 0:
        yield start, end


def patch_lines(path: str, diff: TextDiff, *, old: str | None = "644", new: str | None = "644") -> Iterator[str]:
    """Write a difference as Git does, so that ``git apply`` and ``patch`` take it.

    Args:
        path: Of the file, in both versions.
        diff: What differs in it.
        old: Permission bits in the first version, octal; None if it was added. Git knows 644 and 755.
        new: Permission bits in the second version; None if it was removed.
    """
    one, two = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    yield f"diff --git {one} {two}"
    yield from _mode_lines(old, new)
    if not diff.hunks:
        return
    yield f"--- {_DEVNULL if old is None else one}{_TAB if old is not None and ' ' in one else ''}"
    yield f"+++ {_DEVNULL if new is None else two}{_TAB if new is not None and ' ' in two else ''}"
    for hunk in diff.hunks:
        yield f"@@ -{_range(hunk.old_start, hunk.old_lines)} +{_range(hunk.new_start, hunk.new_lines)} @@"
        for line in hunk.lines:
            yield f"{_SIGNS[line.kind]}{line.text}"
            if line.unfinished:
                yield "\\ No newline at end of file"


def _mode_lines(old: str | None, new: str | None) -> Iterator[str]:
    one, two = _mode(old), _mode(new)
    if one is None or two is None:
        yield f"new file mode {two}" if one is None else f"deleted file mode {one}"
    elif one != two:
        yield from (f"old mode {one}", f"new mode {two}")


def _mode(bits: str | None) -> str | None:
    return None if bits is None else f"100{755 if int(bits, 8) & 0o100 else 644}"


def _range(start: int, size: int) -> str:
    return str(start) if size == 1 else f"{start},{size}"


def _quoted(path: str) -> str:
    """Write a path as Git does: in quotes, with escapes, if it holds anything that would be misread."""
    if all(character.isprintable() and character not in '"\\' for character in path):
        return path
    escaped = "".join(
        f"\\{character}" if character in '"\\' else character if character.isprintable() else _octal(character)
        for character in path
    )
    return f'"{escaped}"'


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
