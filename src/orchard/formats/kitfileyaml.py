"""Reading a Kitfile from YAML: first safely, then by its schema, then by its rules; all problems are told at once."""

import math
from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.formats.kitfile import MAX_KITFILE, Kitfile
from orchard.formats.kitrules import broken_rules
from orchard.formats.kitshape import FIELDS, Field, Node, Shape
from orchard.formats.yamlscalar import is_text, resolve
from orchard.formats.yamltree import Mapping, Scalar, Sequence, Tree, problem
from orchard.oci import JSON

MAX_PROBLEMS: Final = 100  # lines in one message

_CONFIG_ONLY: Final = frozenset(("digest", "diffId"))  # written by pack, never by a person


def parse_kitfile(raw: bytes, *, what: str = "Kitfile") -> Kitfile:
    """Read a Kitfile that somebody wrote.

    Args:
        raw: The YAML document.
        what: How error messages call it.

    Raises:
        LimitExceededError: If it is over 1 MiB, or nests deeper than 64 levels.
        InvalidDocumentError: If it is not safe YAML, or breaks the schema or a rule. The first line says which file and
            how many problems, each further line says where and what.
    """
    return read_kitfile(parse_tree(decode(raw, what=what), what=what), what=what)


def decode(raw: bytes, *, what: str) -> str:
    """Decode a document, without its byte-order mark if it has one.

    Raises:
        LimitExceededError: If it is over 1 MiB.
        InvalidDocumentError: If it is not UTF-8.
    """
    if len(raw) > MAX_KITFILE:
        raise LimitExceededError(f"{what}: {len(raw)} bytes, at most {MAX_KITFILE} are accepted")
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InvalidDocumentError(f"{what}: not UTF-8 at byte {error.start}") from error


def parse_tree(text: str, *, what: str) -> Mapping:
    """Read the YAML of a Kitfile.

    Raises:
        LimitExceededError: If it nests deeper than 64 levels or holds too many values.
        InvalidDocumentError: If it is not safe YAML, or not a mapping.
    """
    from orchard.formats.yamlevents import read_tree  # noqa: PLC0415 -- loads ruamel.yaml, 26 ms

    tree = read_tree(text, what=what)
    if tree is None:
        raise InvalidDocumentError(f"{what}: is empty; it needs at least a manifestVersion")
    if not isinstance(tree, Mapping):
        raise InvalidDocumentError(problem(what, tree.place.line, "a Kitfile is a mapping: lines of 'key: value'"))
    return tree


def read_kitfile(tree: Mapping, *, what: str) -> Kitfile:
    """Read a Kitfile from its YAML tree.

    Raises:
        InvalidDocumentError: As ``parse_kitfile``.
    """
    reader = _Reader()
    kitfile = reader.kitfile(tree)
    if reader.problems:
        raise InvalidDocumentError(_report(reader.problems, what))
    return kitfile


def any_value(tree: Tree, note: Callable[[int, str], None]) -> JSON:
    """Say what stands where any value may stand.

    Args:
        tree: What to read.
        note: Called with a line and a complaint for each thing that JSON has no form for; ``None`` stands in for it.
    """
    match tree:
        case Mapping():
            for key, _ in tree.entries:
                if key.plain and key.tag != "str" and not is_text(key.text):
                    note(key.place.line, f"the key {key.text[:64]!r} is not a text; quote it")
            return {key.text: any_value(value, note) for key, value in tree.entries}
        case Sequence():
            return [any_value(item, note) for item in tree.items]
        case _:
            return _noted(tree, note)


def _noted(scalar: Scalar, note: Callable[[int, str], None]) -> JSON:
    try:
        return _plain_value(scalar)
    except InvalidDocumentError as error:
        note(scalar.place.line, str(error))
        return None


def _plain_value(scalar: Scalar) -> JSON:
    """Say what a scalar means where any value may stand.

    Raises:
        InvalidDocumentError: If JSON has no such value, or the text does not fit its tag.
    """
    value = _tagged(scalar) if scalar.tag else _untagged(scalar)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidDocumentError(f"{scalar.text} has no JSON form; quote it or leave it out")
    return value


def _untagged(scalar: Scalar) -> JSON:
    return resolve(scalar.text) if scalar.plain else scalar.text


def _tagged(scalar: Scalar) -> JSON:
    """Read a scalar with a tag, which may be quoted as well.

    Raises:
        InvalidDocumentError: If the text does not fit the tag.
    """
    if scalar.tag == "str":
        return scalar.text
    value = resolve(scalar.text)
    if scalar.tag == "float" and type(value) is int:
        return float(value)
    if type(value) is not _TAGGED[scalar.tag]:
        raise InvalidDocumentError(f"{scalar.text[:64]!r} is not a {scalar.tag}, as its tag says")
    return value


_TAGGED: Final = {"int": int, "float": float, "bool": bool, "null": type(None)}


class _Reader:
    """Reads a tree by the schema, noting every problem with its line and going on."""

    def __init__(self) -> None:
        self.problems: list[tuple[int, str, str]] = []
        self._lines: dict[str, int] = {}

    def kitfile(self, tree: Mapping) -> Kitfile:
        kitfile = self._object(Kitfile, tree, "")
        assert isinstance(kitfile, Kitfile)
        for place, text in broken_rules(kitfile):
            self._note(self._line(place), place, text)
        return kitfile

    def _line(self, place: str) -> int:
        """Find the line of a place; of the object that lacks it, if it is not there."""
        return self._lines.get(place) or self._lines.get(place.rpartition(".")[0], 1)

    def _note(self, line: int, place: str, text: str) -> None:
        self.problems.append((line, place, text))

    def _object(self, kind: type[Node], tree: Tree, place: str) -> Node:
        self._lines[place] = tree.place.line
        if is_null(tree):
            return kind()
        if not isinstance(tree, Mapping):
            self._note(tree.place.line, place, "must be a mapping of keys and values")
            return kind()
        attributes: dict[str, object] = {}
        for key, value in tree.entries:
            known = FIELDS[kind].get(key.text)
            inner = f"{place}.{key.text}" if place else key.text
            if known is None or key.text in _CONFIG_ONLY:
                self._unknown(kind, key, place)
                continue
            self._lines[inner] = key.place.line
            attributes[known.attribute] = self._value(known, value, inner)
        return kind(**attributes)  # type: ignore[arg-type]  # FIELDS names the attributes of this very type

    def _unknown(self, kind: type[Node], key: Scalar, place: str) -> None:
        known = [name for name in FIELDS[kind] if name not in _CONFIG_ONLY]
        name = key.text[:64]
        close = get_close_matches(name, known, 1) or [word for word in known if word.casefold() == name.casefold()]
        hint = f"did you mean {close[0]!r}?" if close else f"known keys are {', '.join(known)}"
        self._note(key.place.line, f"{place}.{name}" if place else name, f"unknown key; {hint}")

    def _value(self, field: Field, tree: Tree, place: str) -> object:
        match field.shape:
            case Shape.TEXT:
                return self._text(tree, place) or ""
            case Shape.TEXTS:
                texts = [self._text(item, place) for item in self._items(tree, place)]
                return tuple(text for text in texts if text is not None)
            case Shape.OBJECT:
                return None if field.attribute == "model" and is_null(tree) else self._object(field.of, tree, place)
            case Shape.OBJECTS:
                items = enumerate(self._items(tree, place))
                return tuple(self._object(field.of, item, f"{place}[{number}]") for number, item in items)
            case _:
                return any_value(tree, lambda line, text: self._note(line, place, text))

    def _items(self, tree: Tree, place: str) -> tuple[Tree, ...]:
        if isinstance(tree, Sequence):
            return tree.items
        if not is_null(tree):
            self._note(tree.place.line, place, "must be a list")
        return ()

    def _text(self, tree: Tree, place: str) -> str | None:
        """Read a text; what is not quoted keeps the form it was written in, so that ``1.10`` stays ``1.10``."""
        if isinstance(tree, Scalar):
            return None if is_null(tree) else tree.text
        self._note(tree.place.line, place, "must be a text")
        return None


def is_null(tree: Tree) -> bool:
    """Tell whether there is nothing, or a null."""
    if not isinstance(tree, Scalar):
        return False
    return tree.tag == "null" or (tree.plain and not tree.tag and resolve(tree.text) is None)


def _report(problems: list[tuple[int, str, str]], what: str) -> str:
    ordered = sorted(dict.fromkeys(problems))
    count = f"{len(ordered)} problem{'s' if len(ordered) > 1 else ''}"
    lines = [f"  line {line}: {f'{place}: ' if place else ''}{text}" for line, place, text in ordered[:MAX_PROBLEMS]]
    if len(ordered) > MAX_PROBLEMS:
        lines.append(f"  and {len(ordered) - MAX_PROBLEMS} more")
    return "\n".join([f"{what}: {count}", *lines])
