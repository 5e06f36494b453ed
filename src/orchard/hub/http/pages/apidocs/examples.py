"""Requests that could be sent, made of the examples in schemas."""

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any, Final

from msgspec import json

Node = Mapping[str, Any]

_BY_TYPE: Final[Mapping[str, object]] = {"string": "text", "integer": 1, "number": 0.5, "boolean": True, "null": None}
_LOGIN: Final = '-H "Authorization: Bearer $TOKEN" '


@dataclass(frozen=True, slots=True)
class Example:
    """A request that could be sent.

    Attributes:
        path: With examples for parameters.
        body: A value that could be sent; absent if there is no body.
        download: Whether bytes come back, to be kept in a file.
    """

    method: str
    path: str
    body: object
    download: bool

    def curl(self, hub: str, *, login: bool) -> str:
        """Write it as a command.

        Args:
            hub: Where the hub is, as in ``https://hub.example.com``.
            login: Whether a token goes with it.
        """
        method = "" if self.method == "GET" else f"-X {self.method} "
        body = "" if self.body is None else f" --json {quote(json.encode(self.body).decode())}"
        keep = " -o file" if self.download else ""
        return f"curl {method}{_LOGIN if login else ''}{quote(hub + self.path)}{body}{keep}"


def example_of(schema: Node, shapes: Mapping[str, Node]) -> object:
    """Make a value that a schema allows: its first example, or the least that must be there."""
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "$ref" in schema or "anyOf" in schema:
        return example_of(schema["anyOf"][0] if "anyOf" in schema else named(schema, shapes), shapes)
    if schema.get("type") == "array":
        return [example_of(schema.get("items", {}), shapes)]
    return _object(schema, shapes) if "properties" in schema else _by_type(schema)


def named(schema: Node, shapes: Mapping[str, Node]) -> Node:
    """Find the shape that a reference names."""
    return shapes[schema["$ref"].rpartition("/")[2]]


def _object(schema: Node, shapes: Mapping[str, Node]) -> Mapping[str, object]:
    """Fill in what an object must have; if it must have nothing, its first attribute, for something has to be said."""
    properties = schema["properties"]
    wanted = schema.get("required") or list(properties)[:1]
    return {name: example_of(properties[name], shapes) for name in wanted}


def _by_type(schema: Node) -> object:
    if isinstance(schema.get("minimum"), int):
        return max(1, schema["minimum"])
    return _BY_TYPE.get(schema.get("type", ""), {})
