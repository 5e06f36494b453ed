"""Editing a Kitfile that somebody wrote: the value changes, and every other byte stays."""

import re
from collections.abc import Sequence as Steps
from typing import Final

from orchard.errors import InvalidDocumentError, UsageError
from orchard.formats.kitfile import Kitfile, in_go_order
from orchard.formats.kitfileyaml import any_value, decode, is_null, parse_tree, read_kitfile
from orchard.formats.yamltree import Mapping, Scalar, Sequence, Tree
from orchard.formats.yamlwriter import block, inline, is_block
from orchard.oci import JSON, go_dumps

Step = str | int

_BOM: Final = "\ufeff"
_STEP: Final = re.compile(r"(?:^|\.)([^.\[\]]+)|\[([0-9]{1,5})\]")


class KitfileDocument:
    """A Kitfile with its comments, order and style.

    A change is made in the text, at the place of the value, and proved by reading the text again; so whatever the style
    of the document, a change does what was asked and nothing else, or is refused.

    Raises:
        LimitExceededError: As ``parse_kitfile``.
        InvalidDocumentError: As ``parse_kitfile``.
    """

    def __init__(self, raw: bytes, *, what: str = "Kitfile") -> None:
        self._raw = raw
        self._what = what
        self._text = decode(raw, what=what)
        self._tree = parse_tree(self._text, what=what)
        self._kitfile = read_kitfile(self._tree, what=what)

    @property
    def kitfile(self) -> Kitfile:
        """What the document says now."""
        return self._kitfile

    def dump(self) -> bytes:
        """Give the document: the bytes it was read from, but for what was changed."""
        return self._raw

    def set(self, place: str | tuple[Step, ...], value: JSON) -> None:
        """Put a value in its place; what is missing on the way there is made.

        Args:
            place: Such as ``model.parameters.epochs`` or ``datasets[0].license``; ``code[2]`` extends a list of two. In
                a tuple, keys may hold dots and brackets.
            value: Any JSON value.

        Raises:
            UsageError: If there can be no such place: a text is on the way there, or a list is too short.
            InvalidDocumentError: If the Kitfile would not be valid with the value, or has a style in which the place
                cannot be edited. Nothing is changed then.
        """
        steps = place or _steps("") if isinstance(place, tuple) else _steps(place)
        wanted = _assigned(_skeleton(self._tree), steps, place)
        for flow in (False, True):
            text = _Pen(self._text, flow=flow).put(self._tree, steps, value)
            tree = self._tree_of(text)
            if tree is None or _assigned(_skeleton(tree), steps, place) != wanted:
                continue
            if _says(tree, steps, value):
                self._take(text, tree)
                return
        raise InvalidDocumentError(f"{self._what}: {place} cannot be changed in this style of YAML; edit it by hand")

    def _tree_of(self, text: str) -> Mapping | None:
        try:
            return parse_tree(text, what=self._what)
        except InvalidDocumentError:
            return None

    def _take(self, text: str, tree: Mapping) -> None:
        self._kitfile = read_kitfile(tree, what=self._what)
        mark = _BOM if self._raw.startswith(_BOM.encode()) else ""
        self._text, self._tree, self._raw = text, tree, (mark + text).encode()


def _steps(place: str) -> tuple[Step, ...]:
    """Read a place such as ``code[0].path``.

    Raises:
        UsageError: If it is not one.
    """
    found = list(_STEP.finditer(place))
    if not found or "".join(match[0] for match in found) != place:
        raise UsageError(f"{place[:128]!r} is not a place in a Kitfile (example: model.parameters.epochs)")
    return tuple(match[1] if match[1] is not None else int(match[2]) for match in found)


def _skeleton(tree: Tree) -> object:
    """Give everything that a document says, in a form that can be compared."""
    match tree:
        case Mapping():
            return {key.text: _skeleton(value) for key, value in tree.entries}
        case Sequence():
            return [_skeleton(item) for item in tree.items]
        case _:
            return None if is_null(tree) else (tree.text, tree.plain, tree.tag)


def _assigned(node: object, steps: Steps[Step], place: object) -> object:
    """Give a skeleton with a hole in one place.

    Raises:
        UsageError: If there can be no such place.
    """
    if not steps:
        return ...
    step, rest = steps[0], steps[1:]
    if node is None:
        node = {} if isinstance(step, str) else []
    if isinstance(node, dict) and isinstance(step, str):
        return {**node, step: _assigned(node.get(step), rest, place)}
    if isinstance(node, list) and isinstance(step, int) and step <= len(node):
        items = [*node, None] if step == len(node) else node
        return [*items[:step], _assigned(items[step], rest, place), *items[step + 1 :]]
    raise UsageError(f"{place}: there is no place for {step!r} in the Kitfile")


def _says(tree: Tree, steps: Steps[Step], value: JSON) -> bool:
    """Tell whether a value stands in a place."""
    found: Tree | None = tree
    for step in steps:
        found = None if found is None else _child(found, step)[1]
    problems: list[str] = []
    read = None if found is None else any_value(found, lambda _, text: problems.append(text))
    return not problems and go_dumps(in_go_order(read)) == go_dumps(in_go_order(value))


def _child(tree: Tree, step: Step) -> tuple[Scalar | None, Tree | None]:
    """Find what stands under a key, with the key, or at an index."""
    if isinstance(tree, Mapping):
        return next((pair for pair in tree.entries if pair[0].text == step), (None, None))
    if isinstance(tree, Sequence) and isinstance(step, int) and step < len(tree.items):
        return None, tree.items[step]
    return None, None


def _nested(steps: Steps[Step], value: JSON) -> JSON:
    for step in reversed(steps):
        value = {step: value} if isinstance(step, str) else [value]
    return value


class _Pen:
    """Writes into a text.

    Args:
        text: The document.
        flow: Whether to write each value in one line, whatever it is.
    """

    def __init__(self, text: str, *, flow: bool) -> None:
        self._text = text
        self._flow = flow
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def put(self, tree: Mapping, steps: Steps[Step], value: JSON) -> str:
        """Give the text with a value in a place; the place is one that can be."""
        parent: Tree = tree
        (step, *rest) = steps
        key, child = _child(parent, step)
        while rest and child is not None and not is_null(child):
            parent, (step, *rest) = child, rest
            key, child = _child(parent, step)
        new = _nested(rest, value)
        return self._insert(parent, step, new) if child is None else self._replace((parent, key, child), new)

    def _replace(self, where: tuple[Tree, Scalar | None, Tree], value: JSON) -> str:
        parent, key, child = where
        start, end = child.place.start, self._end(child)
        flow = self._flow or _is_flow(parent) or _is_flow(child)
        lines = self._lines(value, child.place.column) if is_block(value) and not flow else ""
        if key is not None and (start == child.place.end or lines or not isinstance(child, Scalar)):
            start = self._text.index(":", key.place.end) + 1  # all that stands behind the colon goes
            end = max(start, end)
            new = self._behind(value, parent.place.column, flow=flow)
        else:
            new = lines.lstrip(" ") or inline(value, " " * (parent.place.column + 2), flow=flow)
        return self._text[:start] + new + self._text[end:]

    def _insert(self, parent: Tree, step: Step, value: JSON) -> str:
        """Write a value behind the last one of a mapping or a list."""
        if _is_flow(parent):
            return self._insert_flow(parent.place.end - 1, step, value)
        column = parent.place.column
        if isinstance(step, str):
            new = " " * column + f"{inline(step, flow=True)}:" + self._behind(value, column, flow=self._flow)
        elif self._flow:
            new = " " * column + "- " + inline(value, flow=True)
        else:
            new = self._lines([value], column)
        at = self._line_end(self._end(parent))
        return self._text[:at] + self._newline + new + self._text[at:]

    def _insert_flow(self, at: int, step: Step, value: JSON) -> str:
        """Write a value before the brace or the bracket that closes its collection."""
        before = self._text[:at].rstrip()
        comma = {"{": "", "[": "", ",": " "}.get(before[-1:], ", ")
        name = f"{inline(step, flow=True)}: " if isinstance(step, str) else ""
        return before + comma + name + inline(value, flow=True) + self._text[at:]

    def _behind(self, value: JSON, column: int, *, flow: bool) -> str:
        """Write a value behind the colon of a key that starts in this column."""
        if is_block(value) and not flow:
            return self._newline + self._lines(value, column + 2)
        return " " + inline(value, " " * (column + 2), flow=flow).replace("\n", self._newline)

    def _lines(self, value: dict[str, JSON] | list[JSON], column: int) -> str:
        return self._newline.join(block(value, " " * column))

    def _end(self, tree: Tree) -> int:
        """Find where a value ends; a literal block claims the empty lines behind it as well."""
        return len(self._text[: tree.place.end].rstrip(" \r\n"))

    def _line_end(self, offset: int) -> int:
        at = self._text.find("\n", offset)
        if at < 0:
            return len(self._text)
        return at - 1 if self._text[at - 1 : at] == "\r" else at


def _is_flow(tree: Tree) -> bool:
    return not isinstance(tree, Scalar) and tree.flow
