"""The schema of a Kitfile as data: which key of which object holds what. The readers of YAML and JSON follow it."""

from enum import Enum, auto
from typing import Final

import msgspec

from orchard.formats.kitfile import (
    Code,
    Dataset,
    Docs,
    Entry,
    Kitfile,
    MCPServer,
    Model,
    ModelPart,
    Package,
    Prompt,
)

Node = Kitfile | Package | Entry


class Shape(Enum):
    """What stands under a key."""

    TEXT = auto()
    TEXTS = auto()
    ANY = auto()
    DIGEST = auto()
    OBJECT = auto()
    OBJECTS = auto()


class Field(msgspec.Struct, frozen=True):
    """One key of an object.

    Attributes:
        attribute: Name of the attribute that holds it.
        shape: What stands there.
        of: Of which type the object is, or the objects are.
    """

    attribute: str
    shape: Shape
    of: type[Node] = Package


_SPECIAL: Final = {
    "package": Field("package", Shape.OBJECT, Package),
    "model": Field("model", Shape.OBJECT, Model),
    "parts": Field("parts", Shape.OBJECTS, ModelPart),
    "code": Field("code", Shape.OBJECTS, Code),
    "datasets": Field("datasets", Shape.OBJECTS, Dataset),
    "docs": Field("docs", Shape.OBJECTS, Docs),
    "prompts": Field("prompts", Shape.OBJECTS, Prompt),
    "mcp_servers": Field("mcp_servers", Shape.OBJECTS, MCPServer),
    "authors": Field("authors", Shape.TEXTS),
    "parameters": Field("parameters", Shape.ANY),
    "digest": Field("digest", Shape.DIGEST),
    "diff_id": Field("diff_id", Shape.DIGEST),
}


def _fields(kind: type[Node]) -> dict[str, Field]:
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return {key: _SPECIAL.get(attribute) or Field(attribute, Shape.TEXT) for attribute, key in names}


FIELDS: Final[dict[type[Node], dict[str, Field]]] = {
    kind: _fields(kind) for kind in (Kitfile, Package, Model, ModelPart, Code, Dataset, Docs, Prompt, MCPServer)
}
