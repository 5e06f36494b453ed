"""The schema of a ModelPack's config (CNCF model-spec, config schema): every object is closed."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from orchard.oci import JSON

Violation = tuple[str, str]  # the place, such as "config.capabilities.languages[0]", and what is wrong there

MAX_VIOLATIONS: Final = 50

_MEDIA: Final = frozenset(("text", "image", "audio", "video", "embedding", "other"))
_LANGUAGE: Final = re.compile("[a-z]{2}")
_TEXT: Final = "text"
_TIME: Final = "time"
_BOOLEAN: Final = "boolean"
_TEXTS: Final = ["text"]
_TYPES: Final = ["media"]

Spec = str | list[str] | Mapping[str, "Spec"]

_SPEC: Final[Mapping[str, Spec]] = {
    "descriptor": {
        "createdAt": _TIME,
        "authors": _TEXTS,
        "vendor": _TEXT,
        "family": _TEXT,
        "name": "name",
        "version": _TEXT,
        "title": _TEXT,
        "description": _TEXT,
        "docURL": _TEXT,
        "sourceURL": _TEXT,
        "datasetsURL": _TEXTS,
        "revision": _TEXT,
        "licenses": _TEXTS,
    },
    "config": {
        "architecture": _TEXT,
        "format": _TEXT,
        "paramSize": _TEXT,
        "precision": _TEXT,
        "quantization": _TEXT,
        "capabilities": {
            "inputTypes": _TYPES,
            "outputTypes": _TYPES,
            "knowledgeCutoff": _TIME,
            "reasoning": _BOOLEAN,
            "toolUsage": _BOOLEAN,
            "reward": _BOOLEAN,
            "languages": ["language"],
        },
    },
    "modelfs": {"type": "layers", "diffIds": _TEXTS},
}


def violations(config: JSON) -> Iterator[Violation]:
    """Find everything in a config that its schema forbids."""
    yield from _check(config, _SPEC, "")
    whole = config if isinstance(config, dict) else {}
    yield from ((key, "is missing") for key in _SPEC if isinstance(config, dict) and key not in whole)
    files = whole.get("modelfs")
    if isinstance(files, dict):
        yield from ((f"modelfs.{key}", "is missing") for key in ("type", "diffIds") if key not in files)
        if files.get("diffIds") == []:
            yield "modelfs.diffIds", "must hold at least one digest"


def _check(value: JSON, spec: Spec, place: str) -> Iterator[Violation]:
    if isinstance(spec, Mapping):
        yield from _object(value, spec, place)
    elif isinstance(spec, list):
        items = enumerate(value) if isinstance(value, list) else ()
        if not isinstance(value, list):
            yield place, "must be a list"
        for number, item in items:
            yield from _check(item, spec[0], f"{place}[{number}]")
    elif (wrong := _wrong(value, spec)) is not None:
        yield place, wrong


def _object(value: JSON, spec: Mapping[str, Spec], place: str) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield place or "the config", "must be an object"
        return
    for key, inner in value.items():
        where = f"{place}.{key[:64]}" if place else key[:64]
        if key in spec:
            yield from _check(inner, spec[key], where)
        else:
            yield where, "is not a member of the specification; private data belongs into annotations"


def _wrong(value: JSON, kind: str) -> str | None:  # noqa: PLR0911 -- one for each kind
    if kind == _BOOLEAN:
        return None if isinstance(value, bool) else "must be true or false"
    if not isinstance(value, str):
        return "must be a string"
    match kind:
        case "name":
            return None if value else "must not be empty; leave it out"
        case "time":
            return None if is_time(value) else f"{value[:64]!r} is no date and time (RFC 3339)"
        case "media":
            return None if value in _MEDIA else f"{value[:64]!r} is none of {', '.join(sorted(_MEDIA))}"
        case "language":
            return None if _LANGUAGE.fullmatch(value) else f"{value[:64]!r} is no two-letter code of ISO 639"
        case "layers":
            return None if value == "layers" else "must be 'layers'"
        case _:
            return None


def is_time(text: str) -> bool:
    """Tell whether a text is a date and a time as RFC 3339 writes them."""
    if "T" not in text.upper():
        return False
    try:
        return datetime.fromisoformat(re.sub(r"\.\d+", "", text.upper())).tzinfo is not None
    except ValueError:
        return False
