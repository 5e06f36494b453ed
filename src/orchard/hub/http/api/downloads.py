"""Files of versions as answers: bytes that strangers made, which must never run in the origin of the hub's pages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from orchard.hub.http.api.problems import problem
from orchard.hub.http.asgi import Headers
from orchard.hub.http.ranges import parse_range
from orchard.hub.http.replies import Reply, reply
from orchard.hub.registry import Content

# No sniffing, no script, no frame, no form, and no other site may use it (security notes 5.5).
_SAFE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"accept-ranges", b"bytes"),
)
_SIP: Final = 64 << 10  # bytes of one piece, of which the server keeps some twenty for each client
_TEXT: Final = "text/plain; charset=utf-8"
_OTHER: Final = "application/octet-stream"
# Images that cannot hold a script. An SVG can, so it is shown as the text that it is.
_IMAGES: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "avif": "image/avif", "bmp": "image/bmp",
}  # fmt: skip
_TEXTS: Final = frozenset(
    (
        "txt", "md", "markdown", "rst", "adoc", "json", "jsonl", "ndjson", "yaml", "yml", "toml", "ini", "cfg", "conf",
        "csv", "tsv", "xml", "html", "htm", "xhtml", "svg", "css", "js", "mjs", "ts", "tsx", "jsx", "py", "pyi",
        "ipynb", "sh", "bash", "c", "h", "cc", "cpp", "hpp", "cu", "go", "rs", "java", "jl", "r", "rb", "php", "lua",
        "sql", "ps1", "bat", "tex", "bib", "log", "diff", "patch", "jinja", "jinja2", "j2", "proto", "gitignore",
        "gitattributes", "dockerignore", "kitignore", "lock", "env", "pbtxt", "model_card",
    )
)  # fmt: skip
_TEXT_NAMES: Final = frozenset(
    ("kitfile", "license", "licence", "notice", "copying", "readme", "authors", "changelog", "makefile", "dockerfile")
)
_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')
_PLAIN: Final = re.compile(r"[^A-Za-z0-9 ._+=@()\[\]-]")


@dataclass(frozen=True, slots=True)
class Download:
    """One file, as an operation gives it.

    Attributes:
        path: Of the file in its version.
        size: Its bytes.
        content: Where they are.
        tag: A name that changes with them.
        lasting: Whether the address means these bytes for ever.
        attached: Whether a browser is to save it, whatever it is.
    """

    path: str
    size: int
    content: Content
    tag: str
    lasting: bool = False
    attached: bool = False


def media_type(path: str) -> str:
    """Give the type that a file is sent as: never one that a browser runs."""
    name = path.rpartition("/")[2].lower()
    suffix = name.rpartition(".")[2]
    if suffix in _IMAGES:
        return _IMAGES[suffix]
    return _TEXT if suffix in _TEXTS or name in _TEXT_NAMES else _OTHER


def send(found: Download, headers: Mapping[bytes, bytes]) -> Reply:
    """Answer with a file, or a part of it, or that the client has it already."""
    common = _headers(found)
    known = headers.get(b"if-none-match", b"").decode("latin-1")
    if known.strip() == "*" or found.tag in _TAG.findall(known):
        return Reply(304, common)
    condition = headers.get(b"if-range")
    unchanged = condition is None or condition.decode("latin-1") == f'"{found.tag}"'
    wanted = parse_range(headers.get(b"range", b"").decode("latin-1") if unchanged else None, found.size)
    if wanted == "unsatisfiable":
        size = [(b"content-range", b"bytes */%d" % found.size)]
        return problem(416, f"{found.path!r} has {found.size} bytes", headers=size)
    if wanted == "whole":
        if not found.size:
            return reply(200, common)
        part = range(found.size) if found.content.file is None else None
        length = (b"content-length", b"%d" % found.size)
        return Reply(200, [*common, length], content=found.content, part=part, sip=_SIP)
    span = b"bytes %d-%d/%d" % (wanted.start, wanted.stop - 1, found.size)
    more = [(b"content-range", span), (b"content-length", b"%d" % len(wanted))]
    return Reply(206, [*common, *more], content=found.content, part=wanted, sip=_SIP)


def _headers(found: Download) -> Headers:
    kind = media_type(found.path)
    name = found.path.rpartition("/")[2]
    how = "attachment" if found.attached or kind == _OTHER else "inline"
    said = f"{how}; filename=\"{_PLAIN.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"
    lasting = b"private, max-age=31536000, immutable" if found.lasting else b"private, no-cache"
    return [
        *_SAFE,
        (b"content-type", kind.encode()),
        (b"content-disposition", said.encode()),
        (b"etag", b'"%b"' % found.tag.encode()),
        (b"cache-control", lasting),
    ]
