"""The hub's JSON API in a test's words."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from orchard.hub.http.api import PREFIX
from support.hubclient import Answer, Client

DOCUMENT = f"{PREFIX}/openapi.json"


def ask(hub: Client, method: str, path: str, body: Any = None, **headers: str) -> Answer:  # noqa: ANN401 -- JSON, or bytes as they are
    """Send a request below ``/api/v1``; underscores in names of headers are dashes."""
    content = {} if body is None else {"content-type": "application/json"}
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    known = {name.replace("_", "-"): value for name, value in headers.items()}
    return hub.request(method, path if path.startswith(PREFIX) else PREFIX + path, raw, {**content, **known})


def ok(hub: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:  # noqa: ANN401 -- JSON
    """Send a request that succeeds; give what is answered."""
    answer = ask(hub, method, path, body, **headers)
    assert answer.status in {200, 201, 202, 204}, (method, path, answer)
    return json.loads(answer.body) if answer.body else None


def problem_of(answer: Answer) -> tuple[int, str]:
    """Read a problem document: its status and what it says."""
    document = json.loads(answer.body)
    assert answer.headers["content-type"] == "application/problem+json", answer
    assert set(document) == {"type", "title", "status", "detail"}
    assert document["status"] == answer.status
    return answer.status, document["detail"]


def everything(hub: Client, path: str, **headers: str) -> list[Any]:
    """Read a list to its end, part by part."""
    found: list[Any] = []
    following: str | None = path
    while following is not None:
        part = ok(hub, "GET", following, **headers)
        found += part["items"]
        following = part["next"]
    return found


def operations_of(document: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:  # noqa: ANN401 -- JSON
    """Give each operation of an OpenAPI document: its method, the template of its path, and what it says."""
    for template, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), template, operation


def sample(document: Any, schema: Any) -> Any:  # noqa: ANN401 -- JSON
    """Make a value of a schema of the document, as small as it can be; examples go first."""
    if "$ref" in schema:
        return sample(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for key in ("examples", "enum"):
        if key in schema:
            return schema[key][0]
    if "anyOf" in schema:
        return sample(document, schema["anyOf"][0])
    return _SAMPLES[schema["type"]](document, schema)


def _object(document: Any, schema: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    return {key: sample(document, schema["properties"][key]) for key in schema.get("required", ())}


def _array(document: Any, schema: Any) -> list[Any]:  # noqa: ANN401 -- JSON
    return [sample(document, schema["items"]) for _ in range(schema.get("minItems", 0))]


_SAMPLES: dict[str, Callable[[Any, Any], Any]] = {
    "object": _object,
    "array": _array,
    "string": lambda _, schema: "a" * schema.get("minLength", 1),
    "integer": lambda _, schema: schema.get("minimum", 1),
    "number": lambda _, schema: schema.get("minimum", 1),
    "boolean": lambda *_: True,
    "null": lambda *_: None,
}
