"""Files of versions as answers of pages: to be saved, or pictures to be shown; never anything that a browser runs."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from orchard.hub.http.api.downloads import Download, media_type, send
from orchard.hub.http.asgi import Receive, Scope, Send
from orchard.hub.http.replies import Reply, send_reply
from orchard.hub.registry import StoredFile

MAX_IMAGE = 16 << 20


def file(request: Request, found: StoredFile, *, lasting: bool) -> Response:
    """Answer with a file, or a part of it, or that the browser has it already; as the API does.

    A picture of a kind that cannot hold a script is shown, if it is not to be saved; everything else is saved.

    Args:
        request: Who asks.
        found: The file.
        lasting: Whether the address means these bytes for ever.

    Raises:
        NotFoundError: If its bytes are not there.
        StorageError: If they cannot be read.
    """
    size = found.file.size
    shown = media_type(found.file.path).startswith("image/") and size <= MAX_IMAGE
    attached = not shown or "download" in request.query_params
    download = Download(found.file.path, size, found.content, found.tag, lasting=lasting, attached=attached)
    answer = send(download, {name.lower(): value for name, value in request.headers.raw})
    if answer.content is not None and answer.part is not None:
        pieces = answer.content.read(answer.part.start, answer.part.stop)
        answer = replace(answer, begun=(next(pieces, b""), pieces))
    return _Sent(answer)


class _Sent(Response):
    """An answer that the hub sends as it sends all files: whole ones without the interpreter."""

    def __init__(self, answer: Reply) -> None:
        super().__init__(status_code=answer.status)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        head = scope["method"] == "HEAD"
        await send_reply(self._answer, receive, send, head=head, threads=scope["state"]["threads"])
