"""Reading YAML from strangers, and refusing in it what a Kitfile has no use for.

The tree is built from parser events, one by one, so that a bomb is seen before it is built: anchors, aliases, merge
keys, directives, foreign tags, further documents and doubled keys are refused, and so is what is too large or too deep
(security notes 5.3). Loading ruamel.yaml takes 26 ms, so this module is loaded when there is YAML to read.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.formats.yamltree import Mapping, Place, Scalar, Sequence, Tree, problem

MAX_DEPTH: Final = 64
MAX_NODES: Final = 1 << 16  # 4096 entries with all that a dataset can have; read in 2 s

_CORE: Final = "tag:yaml.org,2002:"
_TYPES: Final = frozenset(("str", "int", "float", "bool", "null"))
# The scanner needs quadratic time for a long tag: 14 s for 1 MiB.
_LONG_TAG: Final = re.compile(r"(?:^|\s)![^\s]{1024}", re.MULTILINE)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def read_tree(text: str, *, what: str) -> Tree | None:
    """Read one YAML document; ``None`` if the text holds none.

    Raises:
        LimitExceededError: If it nests deeper than 64 levels or holds more than 65 536 values.
        InvalidDocumentError: If it is not YAML, or uses what is refused here.
    """
    if _LONG_TAG.search(text):
        raise InvalidDocumentError(f"{what}: a tag is longer than 1024 characters")
    builder = _Builder(_events(text, what), what)
    return builder.document()


def _events(text: str, what: str) -> Iterator[Event]:
    """Parse step by step; the scanner looks at most 1024 characters ahead of what it gives.

    Raises:
        InvalidDocumentError: If it is not YAML.
    """
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = f"not YAML: {error.problem or error.context}{_hint(text, mark.index) if mark else ''}"
        raise InvalidDocumentError(problem(what, mark.line + 1 if mark else 1, reason[:200])) from error
    except (YAMLError, ValueError, OverflowError) as error:  # the last two come from escapes such as \UFFFFFFFF
        reason = str(error).partition("\n")[0]
        raise InvalidDocumentError(f"{what}: not YAML: {reason[:200]}") from error


def _hint(text: str, index: int) -> str:
    return " (there is a tab; write spaces)" if text[index : index + 1] == "\t" else ""


class _Builder:
    """Makes the tree of one document from parser events."""

    def __init__(self, events: Iterator[Event], what: str) -> None:
        self._events = events
        self._what = what
        self._nodes = 0

    def document(self) -> Tree | None:
        tree: Tree | None = None
        for event in self._events:
            if not isinstance(event, DocumentStartEvent):
                continue
            if tree is not None:
                self._refuse(event, "a second document begins here; one file holds one")
            if event.version or event.tags:
                self._refuse(event, "YAML directives are not supported; remove the lines that begin with '%'")
            tree = self._tree(next(self._events), 0)
        return tree

    def _tree(self, event: Event, depth: int) -> Tree:
        self._nodes += 1
        if depth >= MAX_DEPTH and isinstance(event, CollectionStartEvent):
            raise LimitExceededError(f"{self._what}: line {_line(event)}: nested deeper than {MAX_DEPTH} levels")
        if self._nodes > MAX_NODES:
            raise LimitExceededError(f"{self._what}: line {_line(event)}: more than {MAX_NODES} values")
        self._refuse_links(event)
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        assert isinstance(event, CollectionStartEvent)
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, depth)
        return self._sequence(event, depth)

    def _scalar(self, event: ScalarEvent) -> Scalar:
        if _SURROGATE.search(event.value):
            self._refuse(event, "an escape stands for half a character (U+D800 to U+DFFF)")
        tag = self._tag(event, _TYPES)
        return Scalar(_place(event), event.value, plain=event.style is None, tag=tag)

    def _mapping(self, event: CollectionStartEvent, depth: int) -> Mapping:
        self._tag(event, frozenset(("map",)))
        entries: list[tuple[Scalar, Tree]] = []
        seen: dict[str, int] = {}
        while not isinstance(inner := next(self._events), MappingEndEvent):
            key = self._key(inner, depth + 1, seen)
            entries.append((key, _settled(self._tree(next(self._events), depth + 1), key)))
        last = entries[-1][1].place.end if entries else 0
        return Mapping(_place(event, inner, last), tuple(entries), flow=bool(event.flow_style))

    def _key(self, event: Event, depth: int, seen: dict[str, int]) -> Scalar:
        key = self._tree(event, depth)
        if not isinstance(key, Scalar):
            self._refuse(event, "a key must be a text, not a collection")
        if key.plain and key.text == "<<":
            self._refuse(event, "merge keys (<<) are not supported; write the keys out")
        if key.text in seen:
            self._refuse(event, f"the key {key.text[:64]!r} stands in line {seen[key.text]} already")
        seen[key.text] = key.place.line
        return key

    def _sequence(self, event: CollectionStartEvent, depth: int) -> Sequence:
        self._tag(event, frozenset(("seq",)))
        items: list[Tree] = []
        while not isinstance(inner := next(self._events), SequenceEndEvent):
            items.append(self._tree(inner, depth + 1))
        last = items[-1].place.end if items else 0
        return Sequence(_place(event, inner, last), tuple(items), flow=bool(event.flow_style))

    def _tag(self, event: ScalarEvent | CollectionStartEvent, known: frozenset[str]) -> str:
        if event.tag is None:
            return ""
        name = event.tag.removeprefix(_CORE)
        if name == event.tag or name not in known:
            self._refuse(event, f"the tag {event.tag[:64]!r} is not supported; remove it")
        return name

    def _refuse_links(self, event: Event) -> None:
        if not isinstance(event, ScalarEvent | CollectionStartEvent):
            self._refuse(event, "aliases (*name) are not supported; write the value out")
        if event.anchor is not None:
            self._refuse(event, "anchors (&name) are not supported; write the value out where it is needed")

    def _refuse(self, event: Event, text: str) -> NoReturn:
        raise InvalidDocumentError(problem(self._what, _line(event), text))


def _settled(value: Tree, key: Scalar) -> Tree:
    """Place a value that is not there at its key; the parser places it at the next token, lines away."""
    if isinstance(value, Scalar) and value.plain and value.place.start == value.place.end:
        return replace(value, place=replace(key.place, start=key.place.end))
    return value


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1


def _place(event: Event, last: Event | None = None, inner_end: int = 0) -> Place:
    """Say where a node stands; a block ends where its last item ends, not where the next token begins."""
    mark = event.start_mark
    if last is None:
        end = event.end_mark.index
    else:
        end = last.end_mark.index if last.end_mark.index > last.start_mark.index else inner_end
    return Place(int(mark.line) + 1, int(mark.column), int(mark.index), int(end))
