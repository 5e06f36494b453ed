"""The API as an ASGI application: routes, threads, and the document that describes it all."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import Final

from orchard.errors import DeniedError, OrchardError, RemoteError, UnauthenticatedError
from orchard.hub.access import ANONYMOUS, Principal
from orchard.hub.http.api.operations import Operation, operations_of
from orchard.hub.http.api.problems import TruncatedError, error_problem, problem
from orchard.hub.http.api.requests import MAX_BODY, PREFIX, Request, answer
from orchard.hub.http.asgi import Receive, Scope, Send
from orchard.hub.http.body import Body
from orchard.hub.http.replies import Reply, reply, send_reply
from orchard.hub.http.threads import Threads
from orchard.hub.http.watched import ENDPOINT

DOCUMENT: Final = f"{PREFIX}/openapi.json"
# What nobody has to log in for: the document, and the login of CI jobs itself.
PUBLIC: Final = frozenset((DOCUMENT, f"{PREFIX}/ci", f"{PREFIX}/ci/tokens"))
_LOG: Final = logging.getLogger("orchard.hub")

Methods = Mapping[str, Operation]


class Api:
    """Resources, put together.

    Args:
        resources: Objects with operations.
        threads: Where waiting is done.
        challenge: How to log in, if that is possible.
        timeout: Seconds without one byte of a body after which the hub gives up on it.
    """

    def __init__(self, resources: Iterable[object], threads: Threads, *, challenge: str | None, timeout: float) -> None:
        self._operations: Sequence[Operation] = [one for resource in resources for one in operations_of(resource)]
        self._methods = _methods(self._operations)
        self._threads = threads
        self._challenge = challenge
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope[ENDPOINT] = "api"
        headers: dict[bytes, bytes] = dict(scope["headers"])
        body = Body.of(scope, headers, receive, timeout=self._timeout)
        given = await self._answer(scope, headers, body)
        await body.drain()
        await send_reply(given, receive, send, head=scope["method"] == "HEAD", threads=self._threads)

    async def _answer(self, scope: Scope, headers: Mapping[bytes, bytes], body: Body) -> Reply:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if scope["path"] == DOCUMENT:
            return await self._describe(method)
        found = self._find(scope["path"].removeprefix(PREFIX))
        if found is None:
            return problem(404, f"there is nothing at this path; {DOCUMENT} lists what there is")
        methods, parameters = found
        if method not in methods:
            return _not_possible(method, methods)
        who: Principal = scope.get("state", {}).get("who", ANONYMOUS)
        try:
            request = Request(
                who=who,
                path=scope["path"],
                parameters=parameters,
                query=scope["query_string"].decode("latin-1"),
                media_type=headers.get(b"content-type", b"").decode("latin-1"),
                body=await _whole(body),
                headers=headers,
            )
            given = await self._threads.run(partial(_guarded, methods[method], request))
            return given if scope["method"] == "HEAD" else await given.begin(self._threads)
        except OrchardError as error:
            return error_problem(_invite(error, who, self._challenge), self._challenge)

    async def _describe(self, method: str) -> Reply:
        if method != "GET":
            return _not_possible(method, ["GET"])
        document = await self._threads.run(lambda: self.document)
        return reply(200, [(b"content-type", b"application/json"), (b"cache-control", b"no-cache")], document)

    def _find(self, path: str) -> tuple[Methods, dict[str, str]] | None:
        for pattern, methods in self._routes:
            match = pattern.fullmatch(path)
            if match is not None:
                return methods, match.groupdict()
        return None

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], Methods]]:
        """What can be asked for at which path; paths without parameters come first."""
        patterns = sorted(self._methods, key=lambda pattern: "(?P<" in pattern)
        return [(re.compile(pattern), self._methods[pattern]) for pattern in patterns]

    @cached_property
    def document(self) -> bytes:
        """The OpenAPI document; made when it is first asked for, because a start must be quick."""
        from orchard.hub.http.api.openapi import describe  # noqa: PLC0415 -- as above

        return describe(self._operations)


def _methods(operations: Iterable[Operation]) -> Mapping[str, Methods]:
    """Gather what can be asked for at one path."""
    found: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        there = found.setdefault(operation.pattern, {})
        assert operation.method not in there, f"{operation.method} {operation.path} is there twice"
        there[operation.method] = operation
    return found


def _guarded(operation: Operation, request: Request) -> Reply:
    try:
        return answer(operation, request)
    except OrchardError:
        raise
    except Exception:  # noqa: BLE001 -- the edge: who asked gets a problem, the log gets the rest
        _LOG.exception("%s %s failed", operation.method, operation.path)
        return problem(500, "the hub made a mistake, which is in its log; whatever was asked for was not done")


async def _whole(body: Body) -> bytes:
    """Read a body.

    Raises:
        LimitExceededError: If it is too large.
        TruncatedError: If it did not come to its end.
    """
    try:
        return await body.read(MAX_BODY, "body")
    except RemoteError as error:
        raise TruncatedError(str(error)) from error


def _not_possible(method: str, methods: Iterable[str]) -> Reply:
    allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
    return problem(405, f"{method} is not possible here", headers=[(b"allow", ", ".join(allowed).encode())])


def _invite(error: OrchardError, who: Principal, challenge: str | None) -> OrchardError:
    """Ask somebody unknown, who may not, to log in."""
    if challenge is not None and who == ANONYMOUS and isinstance(error, DeniedError):
        return UnauthenticatedError(f"login required: {error}")
    return error
