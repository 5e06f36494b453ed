"""The config of a ModelPack (CNCF model-spec, config.md): what is known about a model, as a value.

Written as the schema wants it: nothing unknown, nothing empty. Read as tools have written it over the years: members in
snake case, members that are missing, members of the wrong type, which are left out.
"""

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from orchard.errors import InvalidDigestError
from orchard.oci import JSON, Digest, go_dumps

SIZE: Final = re.compile(r"\d+(?:\.\d)?[kmbtqKMBTQ]")  # how the spec writes a number of parameters
_NUMBER: Final = re.compile(r"(\d{1,18}(?:\.\d{1,9})?) ?([kmbtqKMBTQ]?)")
_PREFIXES: Final = " kmbtq"
MAX_TEXTS: Final = 4096  # items of one list that anybody reads

S = TypeVar("S", bound=msgspec.Struct)


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Members that may be absent: an empty text, an empty list, None."""


class About(
    _Part,
    frozen=True,
    kw_only=True,
    rename={"doc_url": "docURL", "source_url": "sourceURL", "created_at": "createdAt", "datasets_url": "datasetsURL"},
):
    """Where a model comes from: the member ``descriptor``.

    Attributes:
        created_at: RFC 3339.
        family: Such as ``llama3``.
        revision: What source control calls it.
        licenses: SPDX license expressions.
    """

    created_at: str = ""
    authors: tuple[str, ...] = ()
    vendor: str = ""
    family: str = ""
    name: str = ""
    version: str = ""
    title: str = ""
    description: str = ""
    doc_url: str = ""
    source_url: str = ""
    datasets_url: tuple[str, ...] = ()
    revision: str = ""
    licenses: tuple[str, ...] = ()


class Capabilities(_Part, frozen=True, kw_only=True, rename="camel"):
    """What a model can do.

    Attributes:
        input_types: Of ``text image audio video embedding other``.
        output_types: Of the same.
        knowledge_cutoff: RFC 3339.
        languages: Two-letter codes of ISO 639.
    """

    input_types: tuple[str, ...] = ()
    output_types: tuple[str, ...] = ()
    knowledge_cutoff: str = ""
    reasoning: bool | None = None
    tool_usage: bool | None = None
    reward: bool | None = None
    languages: tuple[str, ...] = ()


class Traits(_Part, frozen=True, kw_only=True, rename="camel"):
    """What a model is: the member ``config``.

    Attributes:
        architecture: Such as ``transformer``.
        format: Such as ``safetensors``.
        param_size: Such as ``7.2b``.
        precision: Words of the spec with commas between them.
        quantization: Such as ``awq``.
    """

    architecture: str = ""
    format: str = ""
    param_size: str = ""
    precision: str = ""
    quantization: str = ""
    capabilities: Capabilities | None = None


class PackConfig(_Part, frozen=True, kw_only=True):
    """The whole config.

    Attributes:
        diff_ids: Digests of the layers without compression, in their order; empty where the config lacks them.
    """

    about: About = About()
    traits: Traits = Traits()
    diff_ids: tuple[Digest, ...] = ()

    def to_json(self) -> bytes:
        """Write the config; its keys stand in the order of the spec's own structures."""
        return go_dumps(
            {
                "descriptor": members(self.about),
                "modelfs": {"type": "layers", "diffIds": [str(digest) for digest in self.diff_ids]},
                "config": members(self.traits),
            }
        )


def spell_size(text: str) -> str:
    """Spell a number of parameters as the spec wants it, with at most one decimal; what is no number stays as it is.

    >>> spell_size("7.24B"), spell_size("361.82 M"), spell_size("7000000000"), spell_size("8B"), spell_size("big")
    ('7.2b', '361.8m', '7b', '8B', 'big')
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None or SIZE.fullmatch(text):
        return text
    value, step = float(found[1]), _PREFIXES.index(found[2].lower() or _PREFIXES[0])
    while step + 1 < len(_PREFIXES) and (not step or round(value, 1) >= 1000):  # noqa: PLR2004 -- the next prefix
        value, step = value / 1000, step + 1
    return f"{round(value, 1):g}{_PREFIXES[step]}" if round(value, 1) else text


def members(part: msgspec.Struct) -> dict[str, JSON]:
    """Give the JSON object of a part of the config, absent members left out."""
    result: dict[str, JSON] = {}
    for attribute, key in zip(part.__struct_fields__, part.__struct_encode_fields__, strict=True):
        value = getattr(part, attribute)
        if isinstance(value, msgspec.Struct):
            value = members(value)
        if value is not None and value not in ("", (), {}):
            result[key] = list(value) if isinstance(value, tuple) else value
    return result


def read_pack_config(value: JSON) -> PackConfig:
    """Read a config of any age and of any tool; what cannot be understood is absent."""
    whole = _object(value)
    about = read_members(About, whole.get("descriptor"))
    traits = read_members(Traits, whole.get("config"))
    return PackConfig(about=about, traits=traits, diff_ids=_digests(_object(whole.get("modelfs"))))


def read_members(kind: type[S], value: JSON) -> S:
    """Read one part of a config, whatever the case of its keys."""
    keys = {
        _plain(key): attribute
        for attribute, key in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    }
    defaults = kind()
    found: dict[str, object] = {}
    for key, inner in _object(value).items():
        attribute = keys.get(_plain(key))
        read = _READERS.get(type(getattr(defaults, attribute))) if attribute else None
        if attribute and read is None:
            found[attribute] = _optional(attribute, inner)
        elif attribute and read is not None:
            found[attribute] = read(inner)
    return kind(**found)


def read_docker_config(value: JSON) -> PackConfig:
    """Read the config of a Docker model, v0.1 or v0.2."""
    whole = _object(value)
    said, about = _object(whole.get("config")), _object(whole.get("descriptor"))
    traits = Traits(
        architecture=_text(said.get("architecture")),
        format=_text(said.get("format")),
        param_size=_text(said.get("parameters")),
        quantization=_text(said.get("quantization")),
    )
    created = About(created_at=_text(about.get("created") or about.get("createdAt")))
    diff_ids = _digests(_object(whole.get("rootfs"))) or _digests(_object(whole.get("modelfs")))
    return PackConfig(about=created, traits=traits, diff_ids=diff_ids)


def _plain(key: str) -> str:
    """Take ``diff_ids``, ``diffIds`` and ``DiffIDs`` for one key."""
    return re.sub("[_-]", "", key).lower()


def _object(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: JSON) -> tuple[str, ...]:
    return tuple(item for item in value[:MAX_TEXTS] if isinstance(item, str)) if isinstance(value, list) else ()


def _optional(attribute: str, value: JSON) -> object:
    if attribute == "capabilities":
        return read_members(Capabilities, value) if isinstance(value, dict) else None
    return value if isinstance(value, bool) else None


_READERS: Final[dict[type, Callable[[JSON], object]]] = {str: _text, tuple: _texts}


def _digests(value: dict[str, JSON]) -> tuple[Digest, ...]:
    """Read the diff IDs; one that is no digest makes all of them useless, because they are told by their order."""
    listed = next((inner for key, inner in value.items() if _plain(key) == "diffids"), None)
    try:
        return tuple(Digest.parse(_text(item)) for item in listed) if isinstance(listed, list) else ()
    except InvalidDigestError:
        return ()
