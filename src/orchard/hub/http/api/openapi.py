"""The OpenAPI 3.1 document, made of what the operations say about themselves."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, get_origin

from msgspec import json, structs

from orchard import __version__
from orchard.hub.http.api.downloads import Download
from orchard.hub.http.api.operations import Operation
from orchard.hub.http.api.problems import MEDIA_TYPE, TITLES, Problem
from orchard.hub.http.api.requests import PREFIX
from orchard.hub.http.api.shapes import Listing
from orchard.hub.http.statuses import RETRY_AFTER, UNAUTHORIZED

Node = dict[str, Any]
Schemas = Callable[[Any], Node]

_REF: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = """\
Everything that a person can do with an Orchard hub, for programs. The bytes of artifacts move by the OCI distribution
API below `/v2/`.

Log in with an account and its password (Basic), or with a token (Bearer, or in place of the password). Lists come in
parts: `next` is the address of the following one. Errors are problem documents (RFC 9457); what you may not see is not
found. Names of repositories hold slashes and may be sent as they are or as `%2F`; what is below a repository stands
behind `/-/`, which no name holds. Unknown keys and parameters are refused.
"""
_SECURITY: Final = {
    "basic": {"type": "http", "scheme": "basic", "description": "An account with its password or a token."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A personal token or one of a robot."},
}
_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_LISTING: Final = re.compile(rb'\bListing_(\w+)_(")')  # what msgspec calls Listing[Tag] is TagList here
_NAMESAKE: Final = re.compile(
    rb'\borchard(?:\.\w+)*\.(\w+)\.(\w+)(?=")'
)  # two shapes of one name: PrincipalKind, RulesKind
_SUCCESS: Final = {200: "What was asked for", 201: "It was made", 202: "It will be done", 204: "It was done"}
_LOCATION: Final = {"description": "Where it is.", "schema": {"type": "string"}, "required": True}
_ETAG: Final = {"description": "A name that changes with the content.", "schema": {"type": "string"}}
_LINK: Final = {"description": "The following part, as rel=next; absent at the end.", "schema": {"type": "string"}}


def describe(operations: Sequence[Operation]) -> bytes:
    """Write the document."""
    schema_of, components = _schemas([Problem, *(kind for one in operations for kind in _types(one))])
    paths: dict[str, Node] = {}
    for operation in operations:
        paths.setdefault(operation.template, {})[operation.method.lower()] = _operation(operation, schema_of)
    statuses = sorted({status for operation in operations for status in operation.statuses})
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Orchard hub",
            "version": __version__,
            "summary": "Repositories, people, tokens and rules of an Orchard hub.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": PREFIX, "description": "This hub"}],
        "security": [{"basic": []}, {"bearer": []}, {}],
        "tags": list(_tags(operations)),
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": _SECURITY,
            "responses": {f"Problem{status}": _problem(status, schema_of(Problem)) for status in statuses},
        },
    }
    listed = _LISTING.sub(rb"\1List\2", json.encode(document))
    return _NAMESAKE.sub(lambda found: found[1].capitalize() + found[2], listed)


def _types(operation: Operation) -> Iterator[Any]:
    """Give every type that the document needs the schema of."""
    for name, kind in operation.inputs.items():
        if name == "query":
            yield from (field.type for field in structs.fields(kind))
        elif name != "who":
            yield kind
    if operation.result not in {None, Download}:
        yield operation.result


def _schemas(kinds: Sequence[Any]) -> tuple[Schemas, dict[str, Node]]:
    """Make the schemas of types, and those of all shapes that are in them."""
    found, components = json.schema_components(kinds, ref_template=_REF)
    for component in components.values():
        _describe_attributes(component)
    known = list(zip(kinds, found, strict=True))
    return lambda wanted: next(schema for kind, schema in known if kind == wanted), components


def _describe_attributes(component: Node) -> None:
    """Move what a docstring says about attributes to them."""
    text, _, attributes = inspect.cleandoc(component.get("description", "")).partition("\n\nAttributes:\n")
    component["description"] = _one_line(text)
    if "properties" not in component:  # an enumeration: its values say it
        return
    for name, about in _ATTRIBUTE.findall(attributes):
        first, *others = name.split("_")
        component["properties"][first + "".join(map(str.capitalize, others))]["description"] = _one_line(about)


def _operation(operation: Operation, schema_of: Schemas) -> Node:
    summary, _, more = inspect.cleandoc(operation.handler.__doc__ or "").partition("\n\n")
    more = more.partition("Raises:")[0]
    node: Node = {
        "operationId": operation.name,
        "summary": _one_line(summary).rstrip("."),
        "tags": [operation.resource],
    }
    if more:
        node["description"] = "\n\n".join(map(_one_line, more.strip().split("\n\n")))
    node["parameters"] = list(_parameters(operation, schema_of))
    if "body" in operation.inputs:
        content = {"application/json": {"schema": schema_of(operation.inputs["body"])}}
        node["requestBody"] = {"required": True, "content": content}
    problems = {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in operation.statuses}
    node["responses"] = {**_successes(operation, schema_of), **problems}
    return node


def _parameters(operation: Operation, schema_of: Schemas) -> Iterator[Node]:
    if operation.parameters is not None:
        for field in structs.fields(operation.parameters):
            yield {"name": field.name, "in": "path", "required": True, **_described(schema_of(field.type))}
    if "query" in operation.inputs:
        texts = _attributes_of(operation.inputs["query"])
        for field in structs.fields(operation.inputs["query"]):
            about = {"description": texts[field.name]} if field.name in texts else {}
            schema = dict(schema_of(field.type))
            if isinstance(field.default, str | int):
                schema["default"] = field.default
            yield {"name": field.encode_name, "in": "query", "required": field.required, **_described(schema), **about}


def _attributes_of(shape: type) -> dict[str, str]:
    """Read what docstrings say about the attributes of a shape and of those that it extends."""
    texts = (inspect.cleandoc(one.__doc__ or "").partition("\n\nAttributes:\n")[2] for one in reversed(shape.__mro__))
    return {name: _one_line(about) for text in texts for name, about in _ATTRIBUTE.findall(text)}


def _described(schema: Node) -> Node:
    """Say of a parameter what its schema says."""
    schema = dict(schema)
    about = schema.pop("description", None)
    return {"schema": schema} if about is None else {"schema": schema, "description": about}


def _successes(operation: Operation, schema_of: Schemas) -> dict[str, Node]:
    if operation.result is not Download:
        return {str(operation.status): _success(operation, schema_of)}
    content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "200": {"description": _SUCCESS[200], "content": content, "headers": {"ETag": _ETAG}},
        "206": {"description": "The part that was asked for (Range)", "content": content, "headers": {"ETag": _ETAG}},
        "304": {"description": "What the client has is still that (If-None-Match)"},
    }


def _success(operation: Operation, schema_of: Schemas) -> Node:
    node: Node = {"description": _SUCCESS[operation.status]}
    if operation.result is not None:
        node["content"] = {"application/json": {"schema": schema_of(operation.result)}}
    if operation.located:
        node["headers"] = {"Location": _LOCATION}
    if get_origin(operation.result) is Listing:
        node["headers"] = {"Link": _LINK}
    return node


def _problem(status: int, schema: Node) -> Node:
    example = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": "what happened, and to what"}
    node: Node = {"description": TITLES[status], "content": {MEDIA_TYPE: {"schema": schema, "example": example}}}
    if status == UNAUTHORIZED:
        node["headers"] = {"WWW-Authenticate": {"description": "How to log in.", "schema": {"type": "string"}}}
    if status in RETRY_AFTER:
        node["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
    return node


def _tags(operations: Sequence[Operation]) -> Iterator[Node]:
    for name, about in {one.resource: one.about for one in operations}.items():
        yield {"name": name, "description": _one_line(about)}


def _one_line(text: str) -> str:
    return " ".join(text.split())
