"""Notebooks of Jupyter (nbformat 4 and 3): what runs them and what is in them. Nothing is executed or rendered."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.documents import NotebookInsight
from orchard.insight.plain import document, mapping, text
from orchard.oci import JSON

MAX_NOTEBOOK: Final = 32 << 20  # bytes
MAX_CELLS: Final = 20_000
_MAX_OLD: Final = 2 << 20  # bytes of the sheets of nbformat 3
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


class _Notebook(msgspec.Struct):
    nbformat: int
    nbformat_minor: int = 0
    metadata: msgspec.Raw = msgspec.Raw()
    cells: list[_Cell] = []
    worksheets: msgspec.Raw = msgspec.Raw()  # of nbformat 3


def notebook_of(raw: bytes, *, what: str) -> NotebookInsight:
    """Keep what a notebook says.

    Raises:
        InvalidDocumentError: If it is none.
        LimitExceededError: If it has more cells than anybody's, or is nested too deeply.
    """
    if raw.count(b'"cell_type"') > MAX_CELLS:
        raise LimitExceededError(f"{what}: more than {MAX_CELLS} cells")
    try:
        said = msgspec.json.decode(raw, type=_Notebook)
        sheets = bytes(said.worksheets) if not said.cells and len(said.worksheets) <= _MAX_OLD else b""
        cells = [cell for sheet in msgspec.json.decode(sheets or b"[]", type=list[_Sheet]) for cell in sheet.cells]
    except RecursionError as error:
        raise LimitExceededError(f"{what}: nested too deeply") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidDocumentError(f"{what}: not a notebook: {str(error)[:200]}") from error
    cells = said.cells or cells
    metadata = mapping(document(bytes(said.metadata) or b"{}", what=what))
    kernel, language = mapping(metadata.get("kernelspec")), mapping(metadata.get("language_info"))
    return NotebookInsight(
        title=next(filter(None, map(_title, cells)), ""),
        kernel=text(kernel.get("display_name"), 200) or text(kernel.get("name"), 200),
        language=" ".join(filter(None, _language(kernel, language))),
        cells=dict(Counter(cell.cell_type[:64] for cell in cells).most_common(16)),
        outputs=sum(bytes(cell.outputs).count(b'"output_type"') for cell in cells),
        executed=sum(cell.execution_count is not None or cell.prompt_number is not None for cell in cells),
        format=f"{said.nbformat}.{said.nbformat_minor}"[:16],
    )


def _language(kernel: Mapping[str, JSON], language: Mapping[str, JSON]) -> tuple[str, str]:
    return text(language.get("name"), 200) or text(kernel.get("language"), 200), text(language.get("version"), 200)


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
