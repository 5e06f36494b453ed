"""Lines as Go's ``text/template`` writes them: what people who come from ``kit`` pass to ``list --format``.

Known are fields (``.Repo``, ``.``), ``range``, ``if``, ``else``, ``with``, ``end``, comments, trim markers (``{{-`` and
``-}}``), texts, numbers, and the functions below. Anything else is an error that says so, and never printed as it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from orchard.errors import UsageError

# What a template may hold: values of these kinds only, so nothing can be reached through them.
Value = str | int | bool | Sequence[str] | None

_ACTION: Final = re.compile(r"\{\{(-\s)?(.*?)(\s-)?\}\}", re.DOTALL)
_WORD: Final = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|\S+')
_COMMENT: Final = re.compile(r"/\*.*\*/", re.DOTALL)
_BLOCKS: Final = ("range", "if", "with")
_MAX_DEPTH: Final = 16


@dataclass(slots=True)
class _Block:
    """A stretch of a template: texts, expressions and blocks in blocks.

    Attributes:
        keyword: ``range``, ``if`` or ``with``; empty for the whole.
        words: What stands behind it.
        body: What is written where it holds.
        otherwise: What is written where it does not.
    """

    keyword: str = ""
    words: list[str] = field(default_factory=list)
    body: list["str | list[str] | _Block"] = field(default_factory=list)
    otherwise: list["str | list[str] | _Block"] = field(default_factory=list)


class GoTemplate:
    r"""A template that has been read.

    Args:
        text: The template; ``\n`` and ``\t`` may be written as two characters.

    Raises:
        UsageError: If it is not one, or needs what is not known here.
    """

    def __init__(self, text: str) -> None:
        self._root = _parse(text.replace("\\n", "\n").replace("\\t", "\t"))

    def render(self, fields: Mapping[str, Value]) -> str:
        """Write the template with these fields.

        Raises:
            UsageError: If it names others, or uses one as what it is not.
        """
        return "".join(_written(self._root.body, fields, None, top=True))


def _parse(text: str) -> _Block:
    root = _Block()
    open_blocks = [(root, root.body)]
    position = 0
    for match in _ACTION.finditer(text):
        before = text[position : match.start()]
        _add_text(open_blocks[-1][1], before.rstrip() if match[1] else before)
        position = match.end()
        if match[3]:
            position += len(text[position:]) - len(text[position:].lstrip())
        _add_action(open_blocks, match[2].strip())
    rest = text[position:]
    if "{{" in rest or len(open_blocks) > 1:
        raise UsageError("--format: a '{{' without its '}}', or a block without its {{end}}")
    _add_text(root.body, rest)
    return root


def _add_text(body: list[str | list[str] | _Block], text: str) -> None:
    if text:
        body.append(text)


def _add_action(open_blocks: list[tuple[_Block, list[str | list[str] | _Block]]], action: str) -> None:
    """Add one ``{{…}}`` to the innermost block that is open.

    Raises:
        UsageError: If it makes no sense there.
    """
    if _COMMENT.fullmatch(action):
        return
    words = _WORD.findall(action)
    block, body = open_blocks[-1]
    match words:
        case []:
            raise UsageError("--format: {{}} says nothing")
        case ["end"] if block.keyword:
            open_blocks.pop()
        case ["else"] if block.keyword and body is block.body:
            open_blocks[-1] = (block, block.otherwise)
        case [keyword, *rest] if keyword in _BLOCKS and rest and len(open_blocks) < _MAX_DEPTH:
            inner = _Block(keyword, rest)
            body.append(inner)
            open_blocks.append((inner, inner.body))
        case [keyword, *_] if keyword in {*_BLOCKS, "end", "else"}:
            raise UsageError(f"--format: {{{{{action}}}}} makes no sense there")
        case _:
            body.append(words)


def _written(
    body: list[str | list[str] | _Block], fields: Mapping[str, Value], dot: Value, *, top: bool
) -> "list[str]":
    parts: list[str] = []
    for part in body:
        match part:
            case str():
                parts.append(part)
            case list():
                parts.append(_shown(_value(part, fields, dot, top=top)))
            case _:
                parts += _block(part, fields, dot, top=top)
    return parts


def _block(block: _Block, fields: Mapping[str, Value], dot: Value, *, top: bool) -> list[str]:
    value = _value(block.words, fields, dot, top=top)
    if not value:
        return _written(block.otherwise, fields, dot, top=top)
    if block.keyword == "if":
        return _written(block.body, fields, dot, top=top)
    if block.keyword == "with":
        return _written(block.body, fields, value, top=False)
    if isinstance(value, (str, int)):
        raise UsageError(f"--format: range needs a list, as in {{{{range .Tags}}}}, not {' '.join(block.words)}")
    return [text for one in value for text in _written(block.body, fields, one, top=False)]


def _value(words: list[str], fields: Mapping[str, Value], dot: Value, *, top: bool) -> Value:
    """Work out an expression: one word, or a function with words behind it.

    Raises:
        UsageError: If it cannot be.
    """
    first, *rest = words
    if not rest:
        return _word(first, fields, dot, top=top)
    if first not in _FUNCTIONS:
        raise UsageError(f"--format: {first!r} is not known; there are {', '.join(sorted(_FUNCTIONS))}")
    try:
        return _FUNCTIONS[first](*(_word(word, fields, dot, top=top) for word in rest))
    except (TypeError, IndexError, KeyError) as error:
        raise UsageError(f"--format: {' '.join(words)}: {error}") from error


def _word(word: str, fields: Mapping[str, Value], dot: Value, *, top: bool) -> Value:
    if word == "." and not top:
        return dot
    if word.startswith((".", "$.")) and word.lstrip("$.") in fields:
        if top or word.startswith("$"):
            return fields[word.lstrip("$.")]
        raise UsageError(f"--format: within range and with, write {word} as ${word}")
    if word[0] in '"`' and len(word) > 1:
        return word[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if word in {"true", "false"}:
        return word == "true"
    if word.isdecimal():
        return int(word)
    raise UsageError(f"--format: there is no {{{{{word}}}}}; there are {', '.join('.' + name for name in fields)}")


def _shown(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | int():
            return str(value)
        case None:
            return ""
        case _:
            return f"[{' '.join(value)}]"


def _length(value: Value) -> int:
    if isinstance(value, int):
        raise TypeError("a number has no length")
    return len(value or ())


def _item(value: Value, number: Value) -> Value:
    if isinstance(value, int) or value is None or isinstance(number, bool) or not isinstance(number, int):
        raise TypeError("index needs a list and a number")
    return value[number]


def _joined(value: Value, between: Value) -> Value:
    if isinstance(value, (str, int)) or not isinstance(between, str):
        raise TypeError("join needs a list and a text")
    return between.join(value or ())


_FUNCTIONS: Final[dict[str, Callable[..., Value]]] = {
    "len": _length,
    "index": _item,
    "join": _joined,
    "eq": lambda value, *others: any(value == other for other in others),
    "ne": lambda value, other: value != other,
    "not": lambda value: not value,
    "and": lambda *values: next((value for value in values if not value), values[-1]),
    "or": lambda *values: next((value for value in values if value), values[-1]),
    "print": lambda *values: " ".join(map(_shown, values)),
}
