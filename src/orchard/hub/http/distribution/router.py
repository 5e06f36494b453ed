"""From a path to an endpoint: by hand, because it costs 3 microseconds where a router costs 15 (ADR 0003)."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from orchard.errors import DeniedError, NotFoundError, OrchardError
from orchard.hub.access import Principal
from orchard.hub.http.asgi import Headers, Receive, Scope, Send
from orchard.hub.http.body import Body
from orchard.hub.http.distribution import blobs, lists, manifests, uploads
from orchard.hub.http.distribution.errors import error_reply, problem
from orchard.hub.http.distribution.refusing import Invitation, refuse, require_login
from orchard.hub.http.distribution.service import Call, Service
from orchard.hub.http.replies import Reply, send_reply
from orchard.hub.http.watched import ENDPOINT
from orchard.oci import wire

Handler = Callable[[Service, Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What can be done at one kind of path.

    Attributes:
        name: What it is called in logs and metrics.
        unknown: Error code for what is not there.
        methods: What to do, by HTTP method.
    """

    name: str
    unknown: str
    methods: Mapping[str, Handler]


def _read(handler: Handler) -> dict[str, Handler]:
    return {"GET": handler, "HEAD": handler}


PING: Final = Endpoint("ping", wire.UNSUPPORTED, _read(lists.ping))
CATALOG: Final = Endpoint("catalog", wire.NAME_UNKNOWN, _read(lists.catalog))
TAGS: Final = Endpoint("tags", wire.NAME_UNKNOWN, _read(lists.tags))
REFERRERS: Final = Endpoint("referrers", wire.MANIFEST_UNKNOWN, _read(lists.referrers))
MANIFEST: Final = Endpoint(
    "manifest", wire.MANIFEST_UNKNOWN, {**_read(manifests.get), "PUT": manifests.put, "DELETE": manifests.delete}
)
BLOB: Final = Endpoint("blob", wire.BLOB_UNKNOWN, {"GET": blobs.get, "HEAD": blobs.ask, "DELETE": blobs.delete})
HISTORY: Final = Endpoint("tag-history", wire.MANIFEST_UNKNOWN, _read(lists.tag_history))
EXTENSIONS: Final = Endpoint("extensions", wire.NAME_UNKNOWN, _read(lists.extensions))
UPLOADS: Final = Endpoint("upload", wire.BLOB_UPLOAD_UNKNOWN, {"POST": uploads.start})
UPLOAD: Final = Endpoint(
    "upload",
    wire.BLOB_UPLOAD_UNKNOWN,
    {**_read(uploads.status), "PATCH": uploads.patch, "PUT": uploads.finish, "DELETE": uploads.cancel},
)

_PULLS: Final = frozenset({manifests.get, blobs.get, blobs.ask, lists.tags, lists.referrers})

# Read from its end: a repository's name may hold any of these words. Which endpoint it is, the last group says.
_PATH: Final = re.compile(
    rf"/v2/(?:_catalog()|{lists.DISCOVER}()|(.+)/(?:manifests/([^/]+)|blobs/uploads/?()|blobs/uploads/([^/]+)"
    rf"|blobs/([^/]+)|referrers/([^/]+)|tags/list()|{lists.TAG_HISTORY}()|{lists.DISCOVER}()))"
)
_NAME: Final = 3
_BEHIND: Final = len("/v2/")
_ENDPOINTS: Final = {
    1: CATALOG,
    2: EXTENSIONS,
    4: MANIFEST,
    5: UPLOADS,
    6: UPLOAD,
    7: BLOB,
    8: REFERRERS,
    9: TAGS,
    10: HISTORY,
    11: EXTENSIONS,
}


def route(path: str) -> tuple[Endpoint, tuple[str, str]] | None:
    """Find the endpoint of a decoded path below ``/v2``, the name of the repository, and what stands at the end."""
    if path in {"/v2", "/v2/"}:
        return PING, ("", "")
    match = _PATH.fullmatch(path)
    if match is None or match.lastindex is None:
        return None
    return _ENDPOINTS[match.lastindex], (match[_NAME] or "", match[match.lastindex])


class Distribution:
    """The API as a plain ASGI application, for requests whose sender is known.

    Args:
        service: What endpoints work with.
        door: Says how to come in.
        body_timeout: Seconds without one byte of a body after which the hub gives up on it.
    """

    def __init__(self, service: Service, door: Invitation, *, body_timeout: float) -> None:
        self._service = service
        self._door = door
        self._timeout = body_timeout

    @staticmethod
    def continues(path: str) -> bool:
        """Tell whether a path is that of an upload that has begun."""
        found = route(path)
        return found is not None and found[0] is UPLOAD

    def hot(self, scope: Scope, who: Principal) -> tuple[Headers, bytes] | None:
        """Answer a plain pull of a manifest that is in memory, without waiting: headers and bytes.

        None if it is another request or must be looked at in the usual way, which would answer this one likewise: this
        is a short cut (ADR 0071).
        """
        # As the greedy expression of ``route`` would: what follows the last of these words holds no slash, or is in
        # no memory.
        name, _, reference = scope["path"][_BEHIND:].rpartition("/manifests/")
        pulled = scope["method"] == "GET"
        found = manifests.hot(self._service.registry, who, (name, reference), pulled=pulled)
        if found is not None:
            scope[ENDPOINT] = MANIFEST.name
        return found

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        headers: Mapping[bytes, bytes],
        who: Principal,
        refusal: Reply | None = None,
    ) -> None:
        """Answer one request.

        Args:
            scope: As ASGI says.
            receive: As ASGI says.
            send: As ASGI says.
            headers: Its headers.
            who: Who sent it.
            refusal: What is answered unless it goes on with an upload of ``who``, whose token has run out since.
        """
        body = Body.of(scope, headers, receive, timeout=self._timeout)
        answer = await self._answer(scope, headers, who=who, body=body, refusal=refusal)
        with self._service.crowd.sending(answer):
            await body.drain()
            await send_reply(answer, receive, send, head=scope["method"] == "HEAD", threads=self._service.threads)

    async def _answer(
        self, scope: Scope, headers: Mapping[bytes, bytes], *, who: Principal, body: Body, refusal: Reply | None
    ) -> Reply:
        found = route(scope["path"])
        if found is None:
            return problem(404, wire.NAME_UNKNOWN, "there is no such endpoint")
        endpoint, names = found
        scope[ENDPOINT] = endpoint.name
        handler = endpoint.methods.get(scope["method"])
        if handler is None:
            allowed = [(b"allow", ", ".join(endpoint.methods).encode())]
            return problem(405, wire.UNSUPPORTED, f"{scope['method']} is not possible here", headers=allowed)
        call = Call(scope, headers, who=who, path=names, body=body, refusal=refusal)
        try:
            return await self._handled(handler, call)
        except DeniedError as error:
            return await refuse(self._door, self._service, call, error=error)
        except OrchardError as error:
            late = refusal if isinstance(error, NotFoundError) else None
            return late or error_reply(error, endpoint.unknown)

    async def _handled(self, handler: Handler, call: Call) -> Reply:
        """Do what is asked for.

        Raises:
            OrchardError: As the handler does.
        """
        if not call.name:
            require_login(self._door, call)
        pulled = call.asks_more and handler in _PULLS
        answer = await (self._pull(handler, call) if pulled else handler(self._service, call))
        if call.method == "HEAD":
            return answer
        answer = self._service.crowd.fit(answer)
        return await self._service.crowd.begin(answer, self._service.threads)

    async def _pull(self, handler: Handler, call: Call) -> Reply:
        """Answer a pull that may say which registry it means.

        Raises:
            OrchardError: As the handler does.
        """
        source = await self._service.namespace(call)
        answer = await handler(self._service, call)
        if source is not None:
            answer.headers.append((b"oci-namespace", source.encode()))
        return answer
