"""Reading the config of a kit: the Kitfile as JSON, written by any tool of any age.

It is tolerant where the YAML reader is strict: unknown keys are skipped (the config's bytes are kept anyway), null is
absent, and no rule about paths is applied, so that a kit with a bad path can still be looked at. Whoever writes files
checks each path then.
"""

import re
from typing import Final

from orchard.errors import InvalidDigestError, InvalidDocumentError
from orchard.formats.kitfile import Kitfile
from orchard.formats.kitshape import FIELDS, Field, Node, Shape
from orchard.oci import JSON, Digest, refuse_variants

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_KEYS: Final = {kind: frozenset(fields) for kind, fields in FIELDS.items()}


def kitfile_from_json(value: JSON) -> Kitfile:
    """Read the Kitfile from the JSON value of a kit's config.

    Raises:
        InvalidDocumentError: If it is not an object, a known key holds the wrong type, or a key differs from a known
            one only by case: Go would read it as that one.
    """
    return _object(Kitfile, value, "config")  # type: ignore[return-value]  # the type asked for is the type given


def _object(kind: type[Node], value: JSON, place: str) -> Node:
    if not isinstance(value, dict):
        raise _wrong(place, "an object", value)
    refuse_variants(value, _KEYS[kind], what=place)
    attributes: dict[str, object] = {}
    for key, field in FIELDS[kind].items():
        inner = value.get(key)
        if inner is not None:
            attributes[field.attribute] = _read(field, inner, f"{place}.{key}")
    return kind(**attributes)  # type: ignore[arg-type]  # FIELDS names the attributes of this very type


def _read(field: Field, value: JSON, place: str) -> object:
    result: object
    match field.shape:
        case Shape.TEXT:
            result = _text(value, place)
        case Shape.TEXTS:
            result = tuple(_text(item, place) for item in _list(value, place) if item is not None)
        case Shape.ANY:
            result = _scrubbed(value)
        case Shape.DIGEST:
            result = _digest(value, place)
        case Shape.OBJECT:
            result = _object(field.of, value, place)
        case _:
            items = enumerate({} if item is None else item for item in _list(value, place))
            result = tuple(_object(field.of, item, f"{place}[{number}]") for number, item in items)
    return result


def _list(value: JSON, place: str) -> list[JSON]:
    if not isinstance(value, list):
        raise _wrong(place, "a list", value)
    return value


def _text(value: JSON, place: str) -> str:
    if not isinstance(value, str):
        raise _wrong(place, "a string", value)
    return _scrub(value)


def _digest(value: JSON, place: str) -> Digest | None:
    """Read a digest; an empty one is absent, as everywhere in KitOps.

    Raises:
        InvalidDocumentError: If it is not a digest.
    """
    text = _text(value, place)
    try:
        return Digest.parse(text) if text else None
    except InvalidDigestError as error:
        raise InvalidDocumentError(f"{place}: {error}") from error


def _scrub(text: str) -> str:
    r"""Replace what is not Unicode (JSON can write ``"\ud800"``) as Go does, so that it can be written again."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _scrubbed(value: JSON) -> JSON:
    match value:
        case dict():
            return {_scrub(key): _scrubbed(item) for key, item in value.items()}
        case list():
            return [_scrubbed(item) for item in value]
        case str():
            return _scrub(value)
        case _:
            return value


def _wrong(place: str, wanted: str, value: JSON) -> InvalidDocumentError:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return InvalidDocumentError(f"{place}: must be {wanted}, not {names.get(type(value), 'a number')}")
