"""Notebooks of Jupyter (nbformat 4 and 3): what runs them and what is in them. Nothing is executed or rendered."""

import re
from collections import Counter
from typing import Any, Final

import msgspec

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.documents import NotebookInsight

MAX_NOTEBOOK: Final = 32 << 20  # bytes
MAX_CELLS: Final = 20_000
_HEADING: Final = re.compile(r"^\s{0,3}#{1,6}[ \t]+([^\n]{1,300})", re.MULTILINE)


class _Cell(msgspec.Struct):
    cell_type: str
    source: msgspec.Raw = msgspec.Raw()
    outputs: msgspec.Raw = msgspec.Raw()
    execution_count: int | float | None = None
    prompt_number: int | float | None = None  # of nbformat 3
    level: int = 0  # of its headings


class _Sheet(msgspec.Struct):
    cells: list[_Cell] = []


class _Kernel(msgspec.Struct):
    display_name: str = ""
    name: str = ""
    language: str = ""


class _Language(msgspec.Struct):
    name: str = ""
    version: str = ""


class _Metadata(msgspec.Struct):
    kernelspec: _Kernel | None = None
    language_info: _Language | None = None


class _Notebook(msgspec.Struct):
    nbformat: int
    nbformat_minor: int = 0
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    cells: list[_Cell] = []
    worksheets: list[_Sheet] = []


def notebook_of(raw: bytes, *, what: str) -> NotebookInsight:
    """Keep what a notebook says.

    Raises:
        InvalidDocumentError: If it is none.
        LimitExceededError: If it has more cells than anybody's, or is nested too deeply.
    """
    if raw.count(b'"cell_type"') > MAX_CELLS or raw.count(b'"cells"') > MAX_CELLS:
        raise LimitExceededError(f"{what}: more than {MAX_CELLS} cells")
    try:
        said = msgspec.json.decode(raw, type=_Notebook)
    except RecursionError as error:
        raise LimitExceededError(f"{what}: nested too deeply") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidDocumentError(f"{what}: not a notebook: {str(error)[:200]}") from error
    cells = said.cells or [cell for sheet in said.worksheets for cell in sheet.cells]
    kernel, language = said.metadata.kernelspec or _Kernel(), said.metadata.language_info or _Language()
    return NotebookInsight(
        title=next(filter(None, map(_title, cells)), ""),
        kernel=(kernel.display_name or kernel.name)[:200],
        language=f"{language.name or kernel.language} {language.version}".strip()[:200],
        cells=dict(Counter(cell.cell_type[:64] for cell in cells).most_common(16)),
        outputs=sum(bytes(cell.outputs).count(b'"output_type"') for cell in cells),
        executed=sum(cell.execution_count is not None or cell.prompt_number is not None for cell in cells),
        format=f"{said.nbformat}.{said.nbformat_minor}"[:16],
    )


def _title(cell: _Cell) -> str:
    if cell.cell_type not in {"markdown", "heading"}:
        return ""
    try:
        source: Any = msgspec.json.decode(cell.source, type=str | list[str])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    written = source if isinstance(source, str) else "".join(source)
    if cell.cell_type == "heading":
        return written.strip()[:300]
    found = _HEADING.search(written)
    return found[1].strip().rstrip("#").strip() if found else ""
