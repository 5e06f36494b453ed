"""The process that runs an ONNX model: ``python -m orchard.deploy.onnx SETTINGS``.

    GET  /                        a form for people
    GET  /health                  {"status":"ok"}
    GET  /v1/models               the model, as OpenAI lists them
    GET  /v2/health/{live,ready}  the Open Inference Protocol (KServe's V2)
    GET  /v2/models/NAME          inputs and outputs
    POST /v2/models/NAME/infer    runs it

Nothing here is imported by the rest of Orchard. It is for one person on one machine: threads of the standard library
serve it, requests are bounded, and other sites cannot reach it through a visitor's browser.
"""

import json
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import onnxruntime

from orchard.deploy.tensors import Expected, describe, read_inputs, write_outputs
from orchard.errors import DeniedError, InvalidError, LimitExceededError, NotFoundError, OrchardError
from orchard.oci import JSON, loads, read_bounded

MAX_BODY: Final = 64 << 20  # bytes of one request
_IDLE: Final = 60.0  # seconds that a connection may say nothing
_STATUS: Final[dict[type[OrchardError], int]] = {
    NotFoundError: 404,
    DeniedError: 403,
    LimitExceededError: 413,
    InvalidError: 400,
    OrchardError: 500,
}
_PAGES: Final = {
    "/": ("form/index.html", "text/html; charset=utf-8"),
    "/form.js": ("form/form.js", "text/javascript; charset=utf-8"),
    "/page.css": ("chat/page.css", "text/css; charset=utf-8"),
}
_SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Model:
    """A model that is loaded.

    Attributes:
        name: What clients call it.
        inputs: What it takes.
        outputs: What it gives.
    """

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        # Nothing but the CPU: an accelerator's provider is the business of whoever deploys for real.
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.inputs = tuple(map(describe, self._session.get_inputs()))
        self.outputs = tuple(map(describe, self._session.get_outputs()))

    def describe(self) -> dict[str, JSON]:
        """Give its metadata, as the protocol does."""

        def ports(of: tuple[Expected, ...]) -> list[JSON]:
            return [one.to_json() for one in of]

        return {
            "name": self.name,
            "platform": "onnxruntime_onnx",
            "versions": [],
            "inputs": ports(self.inputs),
            "outputs": ports(self.outputs),
        }

    def infer(self, request: JSON) -> dict[str, JSON]:
        """Run it.

        Raises:
            InvalidError: If the request is not what the model takes, or the model cannot run on it.
            LimitExceededError: If a tensor is too large.
        """
        arrays = read_inputs(request, self.inputs)
        try:
            results = self._session.run(None, arrays)
        except Exception as error:
            raise InvalidError(f"the model cannot run on this: {error}") from error
        names = (output.name for output in self.outputs)
        return write_outputs(self.name, dict(zip(names, results, strict=True)))


class Handler(BaseHTTPRequestHandler):
    """Answers requests. The server has the model."""

    server: "Server"
    protocol_version = "HTTP/1.1"
    timeout = _IDLE

    def do_GET(self) -> None:
        """Answer a request that only reads."""
        self._answer(self._read)

    def do_POST(self) -> None:
        """Answer a request to run the model."""
        self._answer(self._run)

    def version_string(self) -> str:
        """Name no versions."""
        return "orchard"

    def _answer(self, work: Any) -> None:  # noqa: ANN401 -- one of the two below
        try:
            self._guard()
            status, kind, body = work(unquote(urlsplit(self.path).path))
        except OrchardError as error:
            status = next(_STATUS[one] for one in type(error).__mro__ if one in _STATUS)
            kind, body = "application/json", json.dumps({"error": str(error)}).encode()
            self.close_connection = True  # a body may be unread
        self.send_response(status)
        for name, value in {**_SAFE, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _read(self, path: str) -> tuple[int, str, bytes]:
        if path in _PAGES:
            name, kind = _PAGES[path]
            return 200, kind, (self.server.pages / name).read_bytes()
        model = self.server.model
        answers: dict[str, JSON] = {
            "/health": {"status": "ok"},
            "/v1/models": {"object": "list", "data": [{"id": model.name, "object": "model", "owned_by": "orchard"}]},
            "/v2": {"name": "orchard", "version": "2", "extensions": []},
            "/v2/health/live": {"live": True},
            "/v2/health/ready": {"ready": True},
            f"/v2/models/{model.name}": model.describe(),
            f"/v2/models/{model.name}/ready": {"name": model.name, "ready": True},
        }
        if path not in answers:
            raise NotFoundError(f"{path[:128]}: there is nothing here; the model is at /v2/models/{model.name}")
        return 200, "application/json", json.dumps(answers[path]).encode()

    def _run(self, path: str) -> tuple[int, str, bytes]:
        model = self.server.model
        if path != f"/v2/models/{model.name}/infer":
            raise NotFoundError(f"{path[:128]}: post to /v2/models/{model.name}/infer")
        body = read_bounded(_Body(self), limit=MAX_BODY, what="the request")
        request = loads(body, what="the request", limit=MAX_BODY)
        return 200, "application/json", json.dumps(model.infer(request), allow_nan=False).encode()

    def _guard(self) -> None:
        """Refuse what a page of another site sends through a visitor's browser.

        Raises:
            DeniedError: If a name of somebody else's leads here, or another site posts.
        """
        host = self.headers.get("Host", "")
        name = host.rpartition(":")[0].strip("[]") or host
        if self.server.is_loopback and not _is_loopback(name):
            raise DeniedError("this server is open to its own machine only: use http://127.0.0.1 or http://localhost")
        origin = self.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise DeniedError("this request was sent by a page of another site")


class Server(ThreadingHTTPServer):
    """The server, with the model and its pages."""

    daemon_threads = True

    def __init__(self, host: str, port: int, *, model: Model, pages: Path) -> None:
        self.address_family = _family(host)
        super().__init__((host, port), Handler)
        self.model = model
        self.pages = pages
        self.is_loopback = _is_loopback(host)


class _Body:
    """The body of a request, as long as it says to be."""

    def __init__(self, handler: Handler) -> None:
        length = handler.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            raise InvalidError("a Content-Length is needed")
        self._left = int(length)
        if self._left > MAX_BODY:
            raise LimitExceededError(f"the request is {self._left} bytes, at most {MAX_BODY} are accepted")
        self._file = handler.rfile

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        piece = self._file.read(min(size, self._left))
        self._left -= len(piece)
        return piece


def main(settings: dict[str, Any]) -> None:
    """Serve until a signal comes."""
    wanted = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    model = Model(settings["name"], settings["model"])
    server = Server(settings["host"], settings["port"], model=model, pages=Path(settings["pages"]))
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stderr.write(f"serving {model.name} on port {settings['port']}\n")
    sys.stderr.flush()
    signal.sigwait(wanted)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _is_loopback(name: str) -> bool:
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.tracebacklimit = 0  # what an engine says of a model that it cannot load is all that a person needs
    main(json.loads(sys.argv[1]))
