"""The hub's JSON API in a test's words."""

import json
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
