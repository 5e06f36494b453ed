"""Schemas in words: of what kind a value is, and what it may be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import json

Node = Mapping[str, Any]

_FORMATS: Final[Mapping[str, str]] = {"date-time": "time", "binary": "bytes"}
_NOTHING_SAID: Final = ("", None)


@dataclass(frozen=True, slots=True)
class Word:
    """Part of what is said of a kind.

    Attributes:
        anchor: The shape that it names, if it names one.
    """

    text: str
    anchor: str = ""


def name_of(key: str, shape: Node) -> str:
    """Name a shape: by its key in the document, but for those that share a title with another and have long keys."""
    return str(shape["title"]) if "." in key else key


def words_of(schema: Node, shapes: Mapping[str, Node]) -> Sequence[Word]:
    """Say of what kind a value is: ``list of Tag``, ``integer or null``."""
    return tuple(_words(schema, shapes))


def _words(schema: Node, shapes: Mapping[str, Node]) -> Iterator[Word]:
    if "$ref" in schema:
        yield from _named(schema["$ref"].rpartition("/")[2], shapes)
    elif "anyOf" in schema:
        for number, one in enumerate(schema["anyOf"]):
            yield from [Word(" or ")] if number else []
            yield from _words(one, shapes)
    elif "enum" in schema:
        yield Word(" | ".join(json.encode(one).decode() for one in schema["enum"]))
    else:
        inner, said = _holding(schema)
        yield Word(said)
        yield from [] if inner is None else _words(inner, shapes)


def _named(key: str, shapes: Mapping[str, Node]) -> Iterator[Word]:
    if "properties" not in shapes[key]:  # an enumeration: its values say it
        yield from _words(shapes[key], shapes)
        return
    title = name_of(key, shapes[key])
    yield Word(title, f"shape-{title}")


def _holding(schema: Node) -> tuple[Node | None, str]:
    """Tell what a list or an object of anything holds, and how that is said; of other values what they are."""
    if schema.get("type") == "array":
        return schema.get("items", {}), "list of "
    if isinstance(schema.get("additionalProperties"), dict):
        return schema["additionalProperties"], "object of "
    return None, str(_FORMATS.get(schema.get("format", ""), schema.get("type", "anything")))


def bounds_of(schema: Node) -> Sequence[str]:
    """Say in short what a value may be, what it is by default, and what one looks like."""
    inner = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    found = [*_ranges(inner)]
    if schema.get("default") not in _NOTHING_SAID:
        found.append(f"by default `{json.encode(schema['default']).decode()}`")
    examples = [one for one in inner.get("examples", ()) if one not in _NOTHING_SAID]
    if examples:
        found.append(f"such as `{_plain(examples[0])}`")
    return found


def _ranges(schema: Node) -> Iterator[str]:
    """Say between which bounds a value, a text or a list must be."""
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " keys"),
    ):
        low, high = schema.get(least), schema.get(most)
        if low is not None and high is not None:
            yield f"{low:,} to {high:,}{unit}"
        elif high is not None:
            yield f"at most {high:,}{unit}"
        elif low:
            yield f"at least {low:,}{unit if low > 1 else unit.rstrip('s')}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.encode(value).decode()
