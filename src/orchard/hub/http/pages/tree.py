"""The files of a version, directory by directory, and what is shown of one of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from orchard.errors import OrchardError
from orchard.hub.http.pages.addresses import leaf_url
from orchard.hub.http.pages.text import clip, visible
from orchard.oci import Digest

if TYPE_CHECKING:
    from orchard.formats import FileIndex
    from orchard.hub.registry import StoredFile
    from orchard.insight import Insight

MAX_ENTRIES: Final = 1000
MAX_SHOWN: Final = 256 << 10  # bytes of a text that is shown
MAX_NOTEBOOK: Final = 4 << 20
_CELLS: Final = 200
_OUTPUT: Final = 8 << 10
_WEIGHTS: Final = frozenset(("safetensors", "gguf", "onnx", "torch", "pickle"))
_MARKDOWN: Final = (".md", ".markdown")
IMAGES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


@dataclass(frozen=True, slots=True)
class Beside:
    """Gives addresses of files of a version."""

    repository: str
    version: str | Digest

    def __call__(self, path: str, picture: bool) -> str:  # noqa: FBT001 -- one of two kinds of address
        """Give the address of a file: of its bytes if it is a picture, else of its page."""
        return leaf_url(self.repository, self.version, "raw" if picture else "files", rest=path)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a directory in a list.

    Attributes:
        name: The last part of its path.
        files: How many files are below it, if it is a directory.
        kind: What the file was taken for.
    """

    name: str
    path: str
    size: int
    files: int = 0
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a notebook.

    Attributes:
        body: What it says.
        code: Whether that is code.
        output: What came of it, as text.
    """

    body: Markup
    code: bool
    output: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What is shown of a file.

    Attributes:
        kind: ``text``, ``document``, ``notebook``, ``table``, ``image`` or ``none``.
        body: The text, with its words told apart; or the document.
        cells: Of a notebook.
        insight: What is known of it.
        note: What to know about what is shown.
    """

    kind: str
    body: Markup = field(default_factory=Markup)
    cells: Sequence[Cell] = ()
    insight: "Insight | None" = None
    note: str = ""


def entries(index: "FileIndex", above: str, kinds: dict[str, str]) -> tuple[list[Entry], int]:
    """List what is directly in a directory, directories first; and tell how much more there is."""
    start = len(above) + 1 if above else 0
    sizes: dict[str, list[int]] = {}
    files = []
    for file in index.below(above):
        name, slash, _ = file.path[start:].partition("/")
        if slash:
            sizes.setdefault(name, []).append(file.size)
        else:
            files.append(Entry(name, file.path, file.size, kind=kinds.get(file.path, "")))
    below = [Entry(name, f"{above}/{name}" if above else name, sum(all_), len(all_)) for name, all_ in sizes.items()]
    found = sorted(below, key=lambda entry: entry.name) + files
    return found[:MAX_ENTRIES], max(0, len(found) - MAX_ENTRIES)


def crumbs(path: str) -> list[tuple[str, str]]:
    """List the directories above a path, and itself: each with its last part."""
    parts = path.split("/") if path else []
    return [("/".join(parts[: at + 1]), part) for at, part in enumerate(parts)]


def preview(found: "StoredFile", insight: "Insight | None", place: Beside) -> Preview:
    """Show a file, as far as it can be shown and nothing in it can run."""
    path = found.file.path
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    kind = "" if insight is None else str(insight.__struct_config__.tag)
    if kind == "unreadable":
        return Preview("none", insight=insight, note=getattr(insight, "why", ""))
    if kind in {"table", *_WEIGHTS}:
        return Preview("table" if kind == "table" else "none", insight=insight)
    if suffix in IMAGES:
        return Preview("image", insight=insight)
    return _readable(found, suffix, place)


def _readable(found: "StoredFile", suffix: str, place: Beside) -> Preview:
    path, size = found.file.path, found.file.size
    if suffix == ".ipynb" and size <= MAX_NOTEBOOK:
        return _notebook(_text(found, MAX_NOTEBOOK), path, place)
    text = _text(found, MAX_SHOWN)
    if text is None:
        return Preview("none")
    from orchard.hub.http.pages import markdown  # noqa: PLC0415 -- a hub's start needs no parsers of languages

    cut = f"Only the first {MAX_SHOWN >> 10} KiB are shown." if size > MAX_SHOWN else ""
    if suffix in _MARKDOWN:
        beyond = f"Only the first {markdown.MAX_MARKDOWN >> 10} KiB are shown."
        note = beyond if len(text) > markdown.MAX_MARKDOWN else ""
        return Preview("document", markdown.render(text, path, place), note=note)
    return Preview("text", markdown.source(text, path), note=cut)


def _text(found: "StoredFile", most: int) -> str | None:
    """Read the beginning of a file, if it is text."""
    raw = b"".join(found.content.read(0, min(found.file.size, most))) if found.file.size else b""
    whole = found.file.size <= most
    try:
        text = raw.decode() if whole else raw[: raw.rfind(b"\n") + 1 or most].decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _notebook(text: str | None, path: str, place: Beside) -> Preview:
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return Preview("none", note="This is no notebook: it is not JSON.")
    found = value.get("cells") if isinstance(value, dict) else None
    if not isinstance(found, list):
        return Preview("none", note="This notebook has no cells that can be shown.")
    cut = f"Only the first {_CELLS} of {len(found):,} cells are shown." if len(found) > _CELLS else ""
    shown = [_cell(cell, path, place) for cell in found[:_CELLS] if isinstance(cell, dict)]
    return Preview("notebook", cells=shown, note=cut)


def _cell(cell: dict[str, object], path: str, place: Beside) -> Cell:
    from orchard.hub.http.pages import markdown  # noqa: PLC0415 -- as above

    text = _joined(cell.get("source"))
    if cell.get("cell_type") == "markdown":
        return Cell(markdown.render(text, path, place), code=False)
    outputs = cell.get("outputs")
    said = [_output(one) for one in outputs if isinstance(one, dict)] if isinstance(outputs, list) else []
    return Cell(markdown.source(text, "cell.py"), code=True, output=clip("\n".join(filter(None, said)), _OUTPUT))


def _output(output: dict[str, object]) -> str:
    """Give what came of a cell as text; whatever else it is could run something, and is only named."""
    data = output.get("data")
    if isinstance(data, dict):
        text = _joined(data.get("text/plain"))
        return text or f"({', '.join(str(visible(str(key)))[:60] for key in list(data)[:4])} is not shown)"
    return _joined(output.get("text")) or _joined(output.get("evalue"))


def _joined(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def readable(error: OrchardError) -> str:
    """Say why a version cannot be looked into."""
    return f"The hub cannot look into this version: {error}"
