"""Clients that cost little, so that what is measured is the server: wrk for small requests, bare sockets for blobs."""

import base64
import hashlib
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Final, Self

from bench.servers import Server

MIB: Final = 1 << 20
ACCEPTED: Final = "application/vnd.oci.image.manifest.v1+json"  # docker-registry hides them from whoever says nothing
_UNITS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_CREATED: Final = 201
_OK: Final = 200
_SLICE: Final = 256 << 10  # bytes that a slow client takes at once
_PAUSE: Final = 0.5  # seconds between two of its slices


@dataclass(frozen=True, slots=True)
class Answered:
    """Many small requests, one kind.

    Attributes:
        rate: Requests a second.
        cpu_us: CPU microseconds of the server for each.
        p50_ms: Half of them took less.
        p99_ms: All but a hundredth of them took less.
    """

    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Moved:
    """One blob, moved.

    Attributes:
        speed: GB/s.
        cpu_seconds: Of the server, for each GiB.
        growth_mib: By how much the server's memory grew at most.
    """

    speed: float
    cpu_seconds: float
    growth_mib: float


class Client:
    """Somebody who asks a registry.

    Args:
        server: The registry.
        authorization: What is shown at the door.
    """

    def __init__(self, server: Server, authorization: str | None = None) -> None:
        self.server = server
        self.headers = {} if authorization is None else {"Authorization": authorization}

    def ask(
        self, method: str, path: str, body: bytes = b"", *, wanted: int = _OK, headers: Mapping[str, str] | None = None
    ) -> tuple[HTTPResponse, bytes]:
        """Ask once.

        Raises:
            RuntimeError: If the answer is another than wanted.
        """
        connection = HTTPConnection(self.server.host, timeout=120)
        connection.request(method, path, body or None, {**self.headers, **(headers or {})})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        if response.status != wanted:
            raise RuntimeError(f"{method} {path}: {response.status} {data[:300]!r}")
        return response, data

    def log_in(self, password: str, scope: str) -> None:
        """Get a registry token as clients do, and show it from now on."""
        basic = base64.b64encode(f"admin:{password}".encode()).decode()
        asking = Client(self.server, f"Basic {basic}")
        _, data = asking.ask("GET", f"/token?service=orchard&scope={scope}")
        self.headers = {"Authorization": f"Bearer {json.loads(data)['token']}"}

    def push_blob(self, repository: str, data: bytes) -> dict[str, str | int]:
        """Push a small blob and describe it."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        place = self._start(repository)
        self.ask("PUT", f"{place}{_joined(place)}digest={digest}", data, wanted=_CREATED)
        return {"mediaType": "application/octet-stream", "digest": digest, "size": len(data)}

    def push_manifest(self, repository: str, reference: str, manifest: Mapping[str, object]) -> bytes:
        """Push a manifest and give its bytes."""
        raw = json.dumps(manifest).encode()
        kind = {"Content-Type": str(manifest["mediaType"])}
        self.ask("PUT", f"/v2/{repository}/manifests/{reference}", raw, wanted=_CREATED, headers=kind)
        return raw

    def hammer(self, path: str, *, connections: int, seconds: int, script: Path | None = None) -> Answered:
        """Ask the same, or what a script says, as often as the server answers, with wrk.

        Raises:
            RuntimeError: If an answer is none of success.
        """
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Accept: {ACCEPTED}"]
        words += [] if script is None else ["-s", str(script)]
        for name, value in self.headers.items():
            words += ["-H", f"{name}: {value}"]
        before = self.server.cpu_seconds
        said = subprocess.run([*words, f"http://{self.server.host}{path}"], check=True, capture_output=True, text=True)
        spent = self.server.cpu_seconds - before
        text = said.stdout
        if "Non-2xx" in text or "Socket errors" in text:
            raise RuntimeError(text)
        count = int(_found(r"(\d+) requests in", text))
        return Answered(
            rate=float(_found(r"Requests/sec:\s+([\d.]+)", text)),
            cpu_us=spent / count * 1e6,
            p50_ms=_milliseconds("50%", text),
            p99_ms=_milliseconds("99%", text),
        )

    def download(self, repository: str, digest: str, size: int) -> Moved:
        """Get a blob and throw it away.

        Raises:
            RuntimeError: If it does not come whole.
        """
        buffer = memoryview(bytearray(MIB))
        with self._measured() as measured, socket.create_connection(_address(self.server.host)) as line:
            line.sendall(self._head("GET", f"/v2/{repository}/blobs/{digest}"))
            left = size - len(_body_of(line))
            while left > 0:
                taken = line.recv_into(buffer)
                if not taken:
                    raise RuntimeError(f"{left} bytes of {digest} did not come")
                left -= taken
        return measured.moved(size)

    def upload(self, repository: str, pieces: "Pieces") -> Moved:
        """Push a blob by one PATCH and one PUT.

        Raises:
            RuntimeError: If it is not taken.
        """
        with self._measured() as measured:
            place = self._start(repository)
            with socket.create_connection(_address(self.server.host)) as line:
                kind = {"Content-Type": "application/octet-stream", "Content-Length": str(pieces.size)}
                line.sendall(self._head("PATCH", place, kind))
                for piece in pieces:
                    line.sendall(piece)
                response = HTTPResponse(line)
                response.begin()
                response.read()
                place = _path(response.headers["Location"])
            self.ask("PUT", f"{place}{_joined(place)}digest={pieces.digest}", wanted=_CREATED)
        return measured.moved(pieces.size)

    def pull_slowly(self, repository: str, digest: str, content: bytes, *, clients: int) -> int:
        """Get a blob by many connections at once that all take it slowly; give the number of those that fail."""
        slow = []
        for _ in range(clients):
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLICE)
            line.connect(_address(self.server.host))
            line.sendall(self._head("GET", f"/v2/{repository}/blobs/{digest}"))
            slow.append(_Slow(line))
        buffer = bytearray(_SLICE)
        waiting = slow
        while waiting:
            began = time.monotonic()
            for one in waiting:
                one.take(buffer, content)
            waiting = [one for one in waiting if not one.ended]
            time.sleep(max(0.0, _PAUSE - (time.monotonic() - began)))  # noqa: TID251 -- to be slow
        return sum(one.got != len(content) for one in slow)

    def _start(self, repository: str) -> str:
        response, _ = self.ask("POST", f"/v2/{repository}/blobs/uploads/", wanted=202)
        return _path(response.headers["Location"])

    def _head(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        lines = {"Host": self.server.host, **self.headers, **(headers or {})}
        return "".join(
            [f"{method} {path} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in lines.items()), "\r\n"]
        ).encode()

    def _measured(self) -> "_Measuring":
        return _Measuring(self.server)


class Pieces:
    """A blob of random bytes that is never whole in memory; each one is another.

    Attributes:
        size: Its bytes.
        digest: Its digest.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._first = os.urandom(min(size, MIB))
        self._rest = os.urandom(MIB)
        hasher = hashlib.sha256()
        for piece in self:
            hasher.update(piece)
        self.digest = f"sha256:{hasher.hexdigest()}"

    def __iter__(self) -> Iterator[bytes | memoryview]:
        yield self._first
        left = self.size - len(self._first)
        while left > 0:
            yield memoryview(self._rest)[: min(left, MIB)]
            left -= MIB


class _Measuring:
    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> Self:
        self._server.forget_peak()
        self._resident = self._server.resident_mib
        self._cpu = self._server.cpu_seconds
        self._began = time.perf_counter()
        self.seconds = 0.0
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began

    def moved(self, size: int) -> Moved:
        spent = self._server.cpu_seconds - self._cpu
        growth = self._server.peak_mib - self._resident
        return Moved(size / self.seconds / 1e9, spent / (size / (1 << 30)), growth)


class _Slow:
    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._begun = False
        self.got = 0
        self.ended = False

    def take(self, buffer: bytearray, content: bytes) -> None:
        """Take what has come, up to a slice of it; what is wrong ends it."""
        try:
            if not self._begun:
                self._line.settimeout(60)
                piece = _body_of(self._line)
                self._line.settimeout(0)
                self._begun = True
            else:
                piece = bytes(memoryview(buffer)[: self._line.recv_into(buffer)])
                self.ended = not piece
        except BlockingIOError:
            return
        except (OSError, RuntimeError):
            self.ended = True
            return
        if content[self.got : self.got + len(piece)] != piece:
            self.ended = True
            return
        self.got += len(piece)
        self.ended = self.ended or self.got == len(content)
        if self.ended:
            self._line.close()


def _body_of(line: socket.socket) -> bytes:
    """Read the head of an answer; give what came with it of the body.

    Raises:
        RuntimeError: If it is no success.
    """
    data = b""
    while b"\r\n\r\n" not in data:
        more = line.recv(64 << 10)
        if not more:
            raise RuntimeError("no answer")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise RuntimeError(head.decode("latin-1"))
    return body


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    return name, int(port)


def _path(location: str) -> str:
    return re.sub(r"^https?://[^/]+", "", location)


def _joined(place: str) -> str:
    return "&" if "?" in place else "?"


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(text)
    return found[1]


def _milliseconds(share: str, text: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", text)
    if found is None:
        raise RuntimeError(text)
    return float(found[1]) * _UNITS[found[2]]
