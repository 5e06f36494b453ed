"""``/healthz``, ``/readyz`` and ``/metrics``, for machines that watch."""

from collections.abc import Awaitable, Callable
from typing import Final

from orchard.errors import DeniedError, OrchardError, UnsupportedError
from orchard.hub.access import Principal
from orchard.hub.http.asgi import App, Receive, Scope, Send
from orchard.hub.http.distribution.errors import error_reply
from orchard.hub.http.meters import Meters
from orchard.hub.http.replies import Reply, reply, send_reply
from orchard.hub.http.surface import Surface
from orchard.hub.http.threads import Threads
from orchard.hub.http.watch.checks import GOOD, Readiness
from orchard.hub.http.watched import ENDPOINT
from orchard.oci import dumps, wire

_FRESH: Final = (b"cache-control", b"no-store")
_TEXT: Final = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8"), _FRESH]
_JSON: Final = [(b"content-type", b"application/json"), _FRESH]

Asked = Callable[[Scope], Awaitable[Reply]]


def health_surface(threads: Threads) -> Surface:
    """Say that the process lives: nothing else is asked."""

    async def answer(_: Scope) -> Reply:
        return reply(200, [(b"content-type", b"text/plain; charset=utf-8"), _FRESH], b"ok\n")

    return Surface("/healthz", _reading(answer, threads), open=True)


def readiness_surface(readiness: Readiness, threads: Threads) -> Surface:
    """Say whether requests can be answered now: 200, or 503 with what does not work."""

    async def answer(_: Scope) -> Reply:
        found = await threads.run(readiness.ask)
        ready = all(said == GOOD for said in found.values())
        return reply(200 if ready else 503, _JSON, dumps({"ready": ready, "checks": {**found}}))

    return Surface("/readyz", _reading(answer, threads), open=True)


def metrics_surface(meters: Meters, threads: Threads, *, allowed: Callable[[Principal], bool] | None) -> Surface:
    """Give what was counted, to whoever may know it; to everybody if no rule is given."""

    async def answer(scope: Scope) -> Reply:
        if allowed is not None and not allowed(scope["state"]["who"]):
            raise DeniedError('metrics are for the hub\'s site admins; setting `metrics = "open"` gives them to all')
        return reply(200, _TEXT, await threads.run(meters.write))

    return Surface("/metrics", _reading(answer, threads), open=allowed is None)


def _reading(asked: Asked, threads: Threads) -> App:
    """Make an application that can only be read."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope[ENDPOINT] = "watch"
        try:
            if scope["method"] not in {"GET", "HEAD"}:
                raise UnsupportedError(f"{scope['method']} is not possible here")
            answer = await asked(scope)
        except OrchardError as error:
            answer = error_reply(error, wire.UNSUPPORTED)
        await send_reply(answer, receive, send, head=scope["method"] == "HEAD", threads=threads)

    return app
