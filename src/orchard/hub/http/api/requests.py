"""From a request to the arguments of an operation, and from what it gives to an answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from msgspec import Struct, ValidationError, convert, json, structs, to_builtins

from orchard.errors import InvalidError
from orchard.hub.access import Principal
from orchard.hub.http.api.downloads import Download, send
from orchard.hub.http.api.operations import Operation
from orchard.hub.http.api.problems import MediaTypeError, MismatchError
from orchard.hub.http.api.shapes import Created, Listing, Part
from orchard.hub.http.replies import Reply, reply
from orchard.oci import loads

PREFIX: Final = "/api/v1"
MAX_BODY: Final = 1 << 20
_FIELDS: Final = 64
_JSON: Final = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json(?: *;.*)?", re.IGNORECASE)
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # no text column of PostgreSQL takes one
_NO_STORE: Final = (b"cache-control", b"no-store")  # answers are for whoever asked, and may hold a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request for an operation.

    Attributes:
        who: Who sent it.
        path: Its path, decoded.
        parameters: Those of the path.
        query: What stands behind the question mark, as sent.
        media_type: What its body is said to be.
        body: Its body.
        headers: All of its headers.
    """

    who: Principal
    path: str
    parameters: Mapping[str, str]
    query: str
    media_type: str
    body: bytes
    headers: Mapping[bytes, bytes]


def answer(operation: Operation, request: Request) -> Reply:
    """Do what is asked for; it waits.

    Raises:
        OrchardError: What the operation raises.
        InvalidError: If the path, the query or the body is not what the operation takes.
    """
    arguments = _arguments(operation, request)
    given = operation.handler(**arguments)
    if isinstance(given, Download):
        return send(given, request.headers)
    headers = [_NO_STORE]
    if given is None:
        return reply(operation.status, headers)
    if isinstance(given, Created):
        headers.append((b"location", f"{PREFIX}{quote(given.location, safe='/:@')}".encode()))
        given = given.value
    elif isinstance(given, Part):
        following = _following(request.path, arguments.get("query"), given.after)
        if following is not None:
            headers.append((b"link", f'<{following}>; rel="next"'.encode()))
        given = Listing(list(given.items), following)
    return reply(operation.status, [*headers, (b"content-type", b"application/json")], json.encode(given))


def _arguments(operation: Operation, request: Request) -> dict[str, Any]:
    arguments: dict[str, Any] = {"who": request.who} if "who" in operation.inputs else {}
    if operation.parameters is not None:
        arguments.update(structs.asdict(_read(dict(request.parameters), operation.parameters, "path")))
    if "query" in operation.inputs:
        arguments["query"] = _read(_pairs(request.query), operation.inputs["query"], "query")
    else:
        _refuse_query(_pairs(request.query))
    if "body" in operation.inputs:
        arguments["body"] = _body(request, operation.inputs["body"])
    return arguments


def _following(path: str, query: Struct | None, after: str | None) -> str | None:
    """Give the address of the next part of a list: the same question, but for where it begins."""
    if after is None or query is None:
        return None
    asked = {
        name: str(value).lower() if isinstance(value, bool) else value for name, value in to_builtins(query).items()
    }
    return f"{quote(path, safe='/:@')}?{urlencode({**asked, 'after': after})}"


def _pairs(query: str) -> dict[str, str]:
    """Read a query in which everything is said once.

    Raises:
        InvalidError: If it is not that.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError as error:
        raise InvalidError(f"the query cannot be read: {error}") from error
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidError("the query says something twice")
    return found


def _refuse_query(found: Mapping[str, str]) -> None:
    """Refuse a query where none is known: what is misspelt must not be passed over.

    Raises:
        InvalidError: Always, if there is any.
    """
    for name in found:
        raise InvalidError(f"the query has {name[:64]!r}, which is not known here")


def _read(found: dict[str, str], shape: type[Struct], what: str) -> Struct:
    """Read texts as what they stand for.

    Raises:
        InvalidError: If they do not.
    """
    if any("\0" in value for value in found.values()):
        raise InvalidError(f"the {what} holds a NUL character")
    try:
        read = convert(found, shape, strict=False)
    except ValidationError as error:
        raise InvalidError(f"{what}: {error}") from error
    for field in structs.fields(shape):
        text = found.get(field.encode_name, "")
        if text and isinstance(getattr(read, field.name), datetime) and text[10:11] not in {"T", "t", " "}:
            raise InvalidError(f"{what}: {field.encode_name} is no time such as 2026-11-27T09:00:00Z")  # but a number
    return read


def _body(request: Request, shape: type[Struct]) -> Struct:
    """Read a body.

    Raises:
        MediaTypeError: If it is not said to be JSON.
        InvalidDocumentError: If it is not JSON, or could be read in two ways.
        MismatchError: If it has another shape.
    """
    if _JSON.fullmatch(request.media_type) is None:
        raise MediaTypeError(f"Content-Type is {request.media_type[:64]!r}; send application/json")
    value = loads(request.body, what="body", limit=MAX_BODY)
    if _NUL.search(request.body):
        raise MismatchError("body: it holds a NUL character")
    try:
        return convert(value, shape)
    except ValidationError as error:
        raise MismatchError(f"body: {error}") from error
