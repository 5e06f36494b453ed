"""Notebooks as texts: what people wrote into the cells, without what running them left there."""

from typing import Final

from orchard.errors import OrchardError
from orchard.oci import JSON, loads

MAX_NOTEBOOK: Final = 1 << 20

_NAMES: Final = {"code": "code", "markdown": "markdown", "raw": "raw"}


def is_notebook(path: str) -> bool:
    """Tell by its name whether a file is a Jupyter notebook."""
    return path.lower().endswith(".ipynb")


def notebook_text(raw: str) -> str:
    """Give the sources of the cells, each below a line that says what it is; what is no notebook stays as it is."""
    if not raw:
        return raw
    try:
        value = loads(raw.encode(), what="notebook", limit=MAX_NOTEBOOK)
    except OrchardError:
        return raw
    cells = value.get("cells") if isinstance(value, dict) else None
    if not isinstance(cells, list):
        return raw
    return "".join(map(_cell, cells))


def _cell(cell: JSON) -> str:
    if not isinstance(cell, dict):
        return "# %% ?\n"
    kind, source = cell.get("cell_type"), cell.get("source")
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str))
    end = "" if not text or text.endswith("\n") else "\n"
    return f"# %% [{_NAMES.get(kind, '?') if isinstance(kind, str) else '?'}]\n{text}{end}"
