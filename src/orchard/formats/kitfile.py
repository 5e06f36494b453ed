"""The Kitfile: what a project holds. Values only; reading and writing them as YAML is next door.

Fields stand in the order in which KitOps writes them, as JSON and as YAML, because JSON bytes are hashed. A text that
is empty is a text that is absent: KitOps' own structures cannot tell the two apart.
"""

from collections.abc import Iterator
from typing import ClassVar, Final

import msgspec

from orchard.errors import InvalidReferenceError
from orchard.formats.layertype import LayerKind
from orchard.oci import JSON, Digest, Reference, go_dumps

MANIFEST_VERSION: Final = "1.0.0"
KITFILE_NAMES: Final = ("Kitfile", "kitfile", ".kitfile")
IGNORE_NAME: Final = ".kitignore"
MAX_KITFILE: Final = 1 << 20  # bytes


class _Node(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    always: ClassVar[frozenset[str]] = frozenset()  # keys that are written even where they are empty


class Package(_Node, frozen=True, kw_only=True, rename="camel"):
    """The project as a whole.

    Attributes:
        license: SPDX identifier, by convention.
        authors: Names, with mail addresses or without.
    """

    name: str = ""
    version: str = ""
    description: str = ""
    license: str = ""
    authors: tuple[str, ...] = ()


class ModelPart(_Node, frozen=True, kw_only=True, rename="camel"):
    """Something the model needs besides its weights: a tokenizer, an adapter, a config.

    Attributes:
        path: Where it is, relative to the Kitfile.
        type: Free word; letters, digits, ``_``, ``.`` and ``-``.
        digest: In a config only: its layer as stored.
        diff_id: In a config only: its layer without compression.
    """

    name: str = ""
    path: str = ""
    license: str = ""
    type: str = ""
    digest: Digest | None = None
    diff_id: Digest | None = None


class Model(_Node, frozen=True, kw_only=True, rename="camel"):
    """The model.

    Attributes:
        path: Where it is, relative to the Kitfile, or a reference to another kit that holds it.
        parts: What else it needs.
        parameters: Any JSON value; ``None`` if there is none.
        digest: In a config only: its layer as stored.
        diff_id: In a config only: its layer without compression.
    """

    name: str = ""
    path: str = ""
    license: str = ""
    framework: str = ""
    format: str = ""
    version: str = ""
    description: str = ""
    parts: tuple[ModelPart, ...] = ()
    parameters: JSON = None
    digest: Digest | None = None
    diff_id: Digest | None = None


class Code(_Node, frozen=True, kw_only=True, rename="camel"):
    """A file or a directory of code."""

    path: str = ""
    description: str = ""
    license: str = ""
    digest: Digest | None = None
    diff_id: Digest | None = None


class Dataset(_Node, frozen=True, kw_only=True, rename="camel"):
    """A file or a directory of data, here or elsewhere.

    Attributes:
        path: Where it is or where it belongs, relative to the Kitfile.
        remote_path: Where it stays, if it is not in the kit: ``s3://bucket/key`` or a reference to a kit.
        remote_hash: The ETag of the S3 object.
        parameters: Any JSON value; ``None`` if there is none.
    """

    name: str = ""
    path: str = ""
    remote_path: str = ""
    remote_hash: str = ""
    description: str = ""
    license: str = ""
    parameters: JSON = None
    digest: Digest | None = None
    diff_id: Digest | None = None


class Docs(_Node, frozen=True, kw_only=True, rename="camel"):
    """A file or a directory for people."""

    always: ClassVar[frozenset[str]] = frozenset({"path"})

    path: str = ""
    description: str = ""
    digest: Digest | None = None
    diff_id: Digest | None = None


class Prompt(_Node, frozen=True, kw_only=True, rename="camel"):
    """A prompt, or a directory with an agent skill."""

    name: str = ""
    path: str = ""
    description: str = ""
    digest: Digest | None = None
    diff_id: Digest | None = None


class MCPServer(_Node, frozen=True, kw_only=True, rename="camel"):
    """A tool server, as one MCP bundle (``.mcpb``)."""

    name: str = ""
    path: str = ""
    description: str = ""
    digest: Digest | None = None
    diff_id: Digest | None = None


Entry = Model | ModelPart | Code | Dataset | Docs | Prompt | MCPServer


class Kitfile(_Node, frozen=True, kw_only=True, rename="camel"):
    """A project: what it is called and what it holds."""

    always: ClassVar[frozenset[str]] = frozenset({"manifestVersion"})

    manifest_version: str = ""
    package: Package = Package()
    model: Model | None = None
    code: tuple[Code, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    docs: tuple[Docs, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    mcp_servers: tuple[MCPServer, ...] = ()

    def entries(self) -> Iterator[tuple[LayerKind, str, Entry]]:
        """Give kind, place (such as ``model.parts[0]``) and value of each entry, in the order of a kit's layers."""
        if self.model is not None:
            yield LayerKind.MODEL, "model", self.model
            yield from _placed(LayerKind.PART, "model.parts", self.model.parts)
        yield from _placed(LayerKind.CODE, "code", self.code)
        yield from _placed(LayerKind.DATASET, "datasets", self.datasets)
        yield from _placed(LayerKind.DOCS, "docs", self.docs)
        yield from _placed(LayerKind.PROMPT, "prompts", self.prompts)
        yield from _placed(LayerKind.MCP_SERVER, "mcpServers", self.mcp_servers)

    def to_json(self) -> bytes:
        """Write the config of a kit, byte for byte as KitOps does.

        Raises:
            InvalidDocumentError: If a parameter is a number that is not finite.
        """
        return go_dumps(json_of(self))


def _placed(kind: LayerKind, place: str, entries: tuple[Entry, ...]) -> Iterator[tuple[LayerKind, str, Entry]]:
    for number, entry in enumerate(entries):
        yield kind, f"{place}[{number}]", entry


def name_of(entry: Entry) -> str:
    """Give the name of an entry; code and docs have none."""
    return "" if isinstance(entry, Code | Docs) else entry.name


def json_of(node: Kitfile | Package | Entry) -> dict[str, JSON]:
    """Give the JSON object of a Kitfile or of a part of it, keys in KitOps' order, absent ones left out."""
    result: dict[str, JSON] = {}
    for attribute, key in zip(node.__struct_fields__, node.__struct_encode_fields__, strict=True):
        value = getattr(node, attribute)
        absent = value is None if attribute == "parameters" else not value and key not in node.always
        if not absent:
            result[key] = _json(value)
    return result


def _json(value: object) -> JSON:
    match value:
        case msgspec.Struct():
            return json_of(value)  # type: ignore[arg-type]  # a Kitfile holds no structs but its own
        case tuple():
            return [_json(item) for item in value]
        case Digest():
            return str(value)
        case _:
            return in_go_order(value)  # type: ignore[arg-type]  # what is left is text or parameters


def in_go_order(value: JSON) -> JSON:
    """Sort the keys of a JSON value, as Go does with what it holds in a map."""
    match value:
        case dict():
            return {key: in_go_order(value[key]) for key in sorted(value)}
        case list():
            return [in_go_order(item) for item in value]
        case _:
            return value


def is_reference(path: str) -> bool:
    """Tell whether a path may name another kit.

    A file may have such a name as well (``model:v1.bin``): whoever can look at the directory looks there first.
    """
    if ":" not in path and "@" not in path:
        return False
    try:
        Reference.parse_tags(path)
    except InvalidReferenceError:
        return False
    return True
