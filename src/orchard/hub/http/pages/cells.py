"""The cells of the table of versions: what a line of the read model says, as a person and as a program reads it."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from orchard.hub.http.pages import text
from orchard.hub.http.pages.columns import Column
from orchard.hub.registry import Line

_CLIP: Final = 60
_SHORT: Final = 7
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_HOSTS: Final = {"gitlab.com": "/-/commit/", "bitbucket.org": "/commits/"}

Export = Mapping[str, object]


class Piece(NamedTuple):  # a page makes ten thousand of them: a frozen dataclass took a fifth of its time
    """One line in a cell.

    Attributes:
        text: What it says.
        title: The same in full.
        url: Where it leads, outside this hub; empty for nowhere.
        changed: Whether it is another than in the version before.
        soft: Whether it is said beside.
    """

    text: str
    title: str = ""
    url: str = ""
    changed: bool = False
    soft: bool = False


class Cell(NamedTuple):
    """One cell.

    Attributes:
        kind: How it is drawn.
        pieces: What it says; nothing if that is not known.
        best: Whether no other version shown is better.
    """

    kind: str
    pieces: tuple[Piece, ...] = ()
    best: bool = False


Fact = str | float
_EMPTY: Final = Cell("plain")


Maker = Callable[[Column, Line, Line | None], Cell]


def maker(column: Column) -> Maker:
    """Give what makes the cell of a line; it is told the version before, if the table is sorted by time."""
    return _CELLS[column.kind]


def exported(column: Column, line: Line) -> Export:
    """Give the same for a program: one value or several, numbers as numbers."""
    return _EXPORTS.get(column.kind, _facts)(column, line)


def fact_text(key: str, value: Fact) -> str:
    """Write the value of a fact."""
    if isinstance(value, str):
        return value
    if key == "params":
        return text.parameters(value)
    if key in {"size", "size.new"} or key.endswith(".size"):
        return text.size(int(value))
    return text.number(value)


def commit_url(remote: str, commit: str) -> str:
    """Give the page of a commit at the Git host, where one can tell; only http and https are followed."""
    try:
        parts = urlsplit(remote if _printable(remote) else "")
        there = parts.scheme in {"http", "https"} and parts.hostname and parts.port is not False
    except ValueError:
        return ""
    if not there or not _COMMIT.fullmatch(commit):
        return ""
    path = parts.path.rstrip("/").removesuffix(".git")
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{path}{_HOSTS.get(str(parts.hostname), '/commit/')}{commit}"


def _printable(text_: str) -> bool:
    return text_.isascii() and text_.isprintable() and not set(text_) & set(" \"'<>\\`")


def best(column: Column, lines: Sequence[Line]) -> float | None:
    """Find the best value of a metric, if there are several."""
    values = [value for line in lines if isinstance(value := one(line, column.key), float) and value == value]  # noqa: PLR0124 -- not NaN
    if len(set(values)) < 2:  # noqa: PLR2004 -- one value is not better than itself
        return None
    return min(values) if column.less_is_better else max(values)


def one(line: Line, key: str) -> Fact | None:
    """Give the first value of a fact."""
    values = line.facts.get(key)
    return values[0] if values else None


def datasets(line: Line) -> dict[str, str]:
    """Give the datasets of a version, by name, with their digests where they are known."""
    return {str(name): str(one(line, f"dataset.{name}.digest") or "") for name in line.facts.get("dataset", ())}


def _version(column: Column, line: Line, before: Line | None) -> Cell:  # noqa: ARG001 -- the template draws it whole
    return Cell("version")


def _pushed(column: Column, line: Line, before: Line | None) -> Cell:  # noqa: ARG001
    return Cell("pushed")


def _trust(column: Column, line: Line, before: Line | None) -> Cell:  # noqa: ARG001
    return Cell("trust")


def _commit(column: Column, line: Line, before: Line | None) -> Cell:  # noqa: ARG001
    commit, branch = str(one(line, "git.commit") or ""), str(one(line, "git.branch") or "")
    if not commit:
        return _EMPTY
    changed = before is not None and str(one(before, "git.commit") or "") not in {"", commit}
    dirty = str(one(line, "git.dirty")).lower() in {"true", "1", "1.0"}
    url = commit_url(str(one(line, "git.remote") or ""), commit)
    beside = ", ".join(part for part in (text.clip(branch, 24), "dirty" if dirty else "") if part)
    pieces = [Piece(text.clip(commit, 9).rstrip("…"), commit, url, changed)]
    return Cell("code", tuple(pieces + ([Piece(beside, soft=True)] if beside else [])))


def _data(column: Column, line: Line, before: Line | None) -> Cell:  # noqa: ARG001
    earlier = None if before is None else datasets(before)
    pieces = []
    for name, digest in datasets(line).items():
        changed = earlier is not None and (name not in earlier or earlier[name] != digest)
        short = digest.partition(":")[2][:_SHORT] or digest[:_SHORT]
        pieces.append(Piece(f"{text.clip(name, 24)} {short}".strip(), f"{name} {digest}".strip(), changed=changed))
    return Cell("data", tuple(pieces))


def _model(column: Column, line: Line, before: Line | None) -> Cell:  # noqa: ARG001
    form = str(one(line, "format") or line.summary.model_format or "")
    fine = [str(value) for key in ("quantization", "precision") for value in line.facts.get(key, ())][:2]
    return _model_cell(one(line, "params"), form, tuple(fine))


@lru_cache(1 << 10)
def _model_cell(params: Fact | None, form: str, fine: tuple[str, ...]) -> Cell:
    """Make the cell of a model; most versions of a repository have the same one."""
    first = " ".join(part for part in (text.clip(form, 24), text.clip("+".join(dict.fromkeys(fine)), 24)) if part)
    counted = f"{text.parameters(params)} params" if isinstance(params, float) else ""
    exact = f"{params:,.0f} parameters" if isinstance(params, float) else ""
    made = [Piece(counted, exact)] if counted else []
    made += [Piece(first, soft=bool(counted))] if first else []
    return Cell("plain", tuple(made))


def _size(column: Column, line: Line, before: Line | None) -> Cell:  # noqa: ARG001
    total, new = line.summary.size_bytes, one(line, "size.new")
    pieces = [Piece(text.size(total), text.exact_size(total))]
    if isinstance(new, float):
        exact = f"{text.exact_size(int(new))} that the version before did not have"
        pieces.append(Piece(f"+{text.size(int(new))}", exact, soft=True))
    return Cell("plain", tuple(pieces))


def _pulls(column: Column, line: Line, before: Line | None) -> Cell:  # noqa: ARG001
    return Cell("plain", (Piece(f"{line.pulls:,}"),))


def _kind(column: Column, line: Line, before: Line | None) -> Cell:  # noqa: ARG001
    return Cell("plain", (Piece(line.summary.kind),))


def _fact(column: Column, line: Line, before: Line | None) -> Cell:
    values = line.facts.get(column.key)
    if not values:
        return _EMPTY
    key, value = column.key, values[0]
    if len(values) == 1:  # nearly always: what follows is for several
        said, full = fact_text(key, value), str(value)
    else:
        said, full = ", ".join([fact_text(key, value) for value in values]), ", ".join(map(str, values))
    earlier = None if before is None or column.metric else before.facts.get(key)  # metrics always change
    changed = earlier is not None and earlier != values
    return Cell("plain", (Piece(text.clip(said, _CLIP), "" if full == said else full, changed=changed),))


_CELLS: Final[Mapping[str, Maker]] = {
    "version": _version,
    "pushed": _pushed,
    "trust": _trust,
    "commit": _commit,
    "data": _data,
    "model": _model,
    "size": _size,
    "pulls": _pulls,
    "kind": _kind,
    "number": _fact,
    "fact": _fact,
}


def starred(made: Cell) -> Cell:
    """Mark a cell as the best of its column."""
    return made._replace(best=True)


def _facts(column: Column, line: Line) -> Export:
    return {key: _plain(line.facts.get(key, ())) for key in column.needs}


def _plain(values: Sequence[Fact]) -> object:
    if not values:
        return None
    plain = [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    return plain[0] if len(plain) == 1 else plain


_EXPORTS: Final[Mapping[str, Callable[[Column, Line], Export]]] = {
    "version": lambda _, line: {"digest": str(line.summary.digest), "tags": list(line.summary.tags)},
    "pushed": lambda _, line: {
        "pushed_at": text.machine_time(line.summary.pushed_at),
        "pushed_by": line.summary.pushed_by,
    },
    "data": lambda _, line: {
        "datasets": [{"name": name, "digest": digest or None} for name, digest in datasets(line).items()]
    },
    "size": lambda column, line: {"size": line.summary.size_bytes, **_facts(column, line)},
    "pulls": lambda _, line: {"pulls": line.pulls},
    "kind": lambda _, line: {"kind": line.summary.kind},
    "trust": lambda *_: {"signed": None, "scanned": None, "deployed": None},
}
