"""One file, examined: which kind it is, and what is in it."""

from collections.abc import Callable, Mapping
from typing import Final

from orchard.errors import InvalidError, UnsupportedError
from orchard.insight.access import RandomAccess
from orchard.insight.detection import HEAD, ModelFormat, detect_format, may_be_model, read_header
from orchard.insight.insights import Insight, Unreadable
from orchard.insight.tables.kinds import detect_table
from orchard.oci import JSON

Tables = Callable[[str, RandomAccess], Insight]
Cards = Callable[[bytes], Mapping[str, JSON]]

_PICKLES: Final = (".pkl", ".pickle", ".joblib")
_README: Final = "readme.md"
_MAX_WHY: Final = 1000  # characters of a reason
_LFS: Final = b"version https://git-lfs.github.com/spec/"
_SMALL: Final = 1024  # bytes that a pointer has at most
_LARGE: Final = 1 << 20  # bytes from which a file without a name that tells is worth a look


def examine(
    path: str, source: RandomAccess, tables: Tables | None = None, *, cards: Cards | None = None
) -> Insight | None:
    """Say what is in a file; ``None`` if it is of no kind that is read here.

    Bounded ranged reads, never the weights; whatever the bytes are, the answer is an insight. The same bytes under the
    same name give the same one, so it can be kept for the digest of a layer and a path in it.

    Args:
        path: Of the file in its version; its name tells the kind, and for large files that it does not tell, their
            first bytes.
        source: Its bytes.
        tables: Reads tables, as a ``TableReader`` does; without it they say nothing.
        cards: Reads the front matter of a README, ``formats.read_card``; without it they say nothing.

    Raises:
        OrchardError: Only if the source cannot be read.
    """
    try:
        return _examine(path, source, tables=tables, cards=cards)
    except (InvalidError, UnsupportedError) as error:
        if 0 < source.size < _SMALL and source.read_at(0, min(source.size, len(_LFS))) == _LFS:
            return Unreadable(why="a pointer of Git LFS, not the file itself; run git lfs pull before packing")
        return Unreadable(why=str(error).removeprefix(path).removeprefix(": ")[:_MAX_WHY])


def _examine(path: str, source: RandomAccess, *, tables: Tables | None, cards: Cards | None) -> Insight | None:
    name = path.rpartition("/")[2].lower()
    if detect_table(name) is not None:
        return None if tables is None else tables(path, source)
    if name == _README:
        return None if cards is None else _card(source, cards)
    if may_be_model(name) or (name.endswith(_PICKLES) and source.size):
        return _model(path, source)
    if name.endswith((".json", ".ipynb", ".jinja", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg")):
        # Each is one import, which those who only look into weights need not pay.
        from orchard.insight.reading import read_document  # noqa: PLC0415

        return read_document(name, source, what=path)
    return _model(path, source) if source.size >= _LARGE and "." not in name else None


def _model(path: str, source: RandomAccess) -> Insight | None:
    """Read a file that may be a model; ``None`` if it is none and its name does not claim so."""
    found = detect_format(path)
    if found is not None and found is not ModelFormat.TORCH:
        return _header(path, source)
    head = source.read_at(0, min(HEAD, source.size)) if source.size else b""
    found = detect_format(path, head)
    if found is ModelFormat.TORCH or (found is None and path.lower().endswith((*_PICKLES, ".bin", ".ckpt"))):
        return _pickled(path, source, head)
    if found is None:
        return None
    return _header(path, source)


def _pickled(path: str, source: RandomAccess, head: bytes) -> Insight | None:
    """Read a checkpoint of PyTorch, or another pickle, which both may have each other's names."""
    from orchard.insight.pickled import is_pickle, read_pickle  # noqa: PLC0415 -- few files are pickles
    from orchard.insight.torch import is_torch  # noqa: PLC0415 -- likewise

    if is_torch(head):
        return _header(path, source)
    if is_pickle(head) or path.lower().endswith(_PICKLES):
        return read_pickle(source, what=path)
    return None if detect_format(path) is None else _header(path, source)


def _header(path: str, source: RandomAccess) -> Insight:
    from orchard.insight.weighing import kept_of  # noqa: PLC0415 -- only for files of weights

    return kept_of(read_header(source, path))


def _card(source: RandomAccess, cards: Cards) -> Insight | None:
    from orchard.insight.cards import MAX_CARD, card_of  # noqa: PLC0415 -- only for READMEs

    raw = source.read_at(0, min(source.size, MAX_CARD)) if source.size else b""
    return card_of(raw, cards(raw))
