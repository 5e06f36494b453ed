"""The files that pages need: style, script, fonts, logo. Named by their content, so browsers keep them for ever."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from orchard.oci import Digest

PREFIX: Final = "/static/"

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file.

    Attributes:
        name: Name with a piece of its digest, such as ``app.1a2b3c4d5e6f.css``.
        media_type: What ``Content-Type`` says.
        body: The bytes.
        packed: The same bytes, gzipped; absent where that does not make them fewer.
    """

    name: str
    media_type: str
    body: bytes
    packed: bytes | None


class Assets:
    """All files of one directory, in memory: they are few and small (a test holds them under 120 KB)."""

    def __init__(self, directory: Path) -> None:
        files = sorted(directory.iterdir(), key=lambda path: (path.suffix == ".css", path.name))
        self._names: dict[str, str] = {}
        self._served: dict[str, Asset] = {}
        for path in files:  # style sheets last: they name fonts, whose names must be known by then
            asset = _asset(path, self._names)
            self._names[path.name] = asset.name
            self._served[asset.name] = asset

    def url(self, name: str) -> str:
        """Give the address of a file by its plain name."""
        return PREFIX + self._names[name]

    def answer(self, request: Request) -> Response:
        """Serve one file; to a browser that has it already, say only that."""
        asset = self._served.get(request.path_params["name"])
        if asset is None:
            return Response("not found\n", 404, {"X-Content-Type-Options": "nosniff"}, "text/plain")
        headers = {**_HEADERS, "ETag": f'"{asset.name}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if asset.packed is not None and takes_gzip(request.headers):
            return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
        return Response(asset.body, headers=headers, media_type=asset.media_type)


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Tell whether a client reads gzip."""
    accepted = headers.get("accept-encoding", "").replace(" ", "").lower().split(",")
    return any(coding == "gzip" or (coding.startswith("gzip;") and not coding.endswith("q=0")) for coding in accepted)


def _asset(path: Path, names: Mapping[str, str]) -> Asset:
    body = path.read_bytes()
    if path.suffix == ".css":
        for plain, named in names.items():
            body = body.replace(plain.encode(), named.encode())
    packed = gzip.compress(body, 9, mtime=0)
    return Asset(
        name=f"{path.stem}.{Digest.of(body).short}{path.suffix}",
        media_type=_TYPES[path.suffix],
        body=body,
        packed=packed if len(packed) < len(body) * 0.9 else None,
    )
