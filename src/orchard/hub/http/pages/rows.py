"""The rows of the table of versions as HTML, written here and not in a template: a template took five times as long.

Every value goes through ``_safe``, which does what templates do with every expression: what hides is made visible, and
what would be an element is text.
"""

import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from orchard.hub.http.pages import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from orchard.hub.http.pages.cells import Cell, Piece
    from orchard.hub.http.pages.columns import Column
    from orchard.hub.http.pages.sheets import Row

_CLIP: Final = 24
_COPY: Final = (
    '<svg class="todo" aria-hidden="true"><use href="#icon-copy"/></svg>'
    '<svg class="done" aria-hidden="true"><use href="#icon-check"/></svg></button>'
)
_TRUST: Final = (
    '<span class="trust" title="Not signed, scanned or deployed yet">'
    '<span class="sr-only">not signed, scanned or deployed yet</span>'
    '<svg aria-hidden="true"><use href="#icon-sign"/></svg><svg aria-hidden="true"><use href="#icon-shield"/></svg>'
    '<svg aria-hidden="true"><use href="#icon-play"/></svg><span aria-hidden="true">not yet</span></span>'
)
_CHANGED: Final = (
    '<span class="changed" title="Another than in the version before"></span><span class="sr-only"> changed</span>'
)
_PLAIN: Final = re.compile(r"[ !#-%(-;=?-~]*", re.ASCII).fullmatch  # nothing hides in it, and nothing can be markup
_NOTHING: Final = '<span class="soft">&ndash;</span>'


def _safe(value: str) -> str:
    """Write a text so that it is text wherever it stands: between elements, or in an attribute in quotes."""
    return value if _PLAIN(value) else _escaped(value)


@lru_cache(1 << 12)
def _escaped(value: str) -> str:
    return str(escape(text.visible(value)))


def body(rows: "Sequence[Row]", now: "datetime") -> Markup:
    """Write all rows."""
    if not rows:
        return Markup()
    pick = len(rows) > 1
    ages = partial(text.ago, now=now)
    starts = [_starts(column) for _, column in rows[0].cells]
    written = [_row(row, number if pick else None, ages, starts=starts) for number, row in enumerate(rows)]
    return Markup("\n".join(written))  # noqa: S704 -- made of what ``_safe`` gave


def _starts(column: "Column") -> tuple[str, str]:
    """Write how cells of a column begin: those like others, and the best one."""
    start = f'<td role="cell" data-label="{_safe(column.title)}"'
    return (
        (f'{start} class="n">', f'{start} class="n best">') if column.kind == "number" else (f"{start}>", f"{start}>")
    )


def _row(
    row: "Row", number: int | None, ago: "Callable[[datetime], str]", *, starts: "Sequence[tuple[str, str]]"
) -> str:
    cells = [
        f"{start[cell.best]}{_inside(cell, row, ago)}</td>" for (cell, _), start in zip(row.cells, starts, strict=True)
    ]
    return f'<tr role="row">{_version(row, number)}{"".join(cells)}</tr>'


def _version(row: "Row", number: int | None) -> str:
    url, short, digest = _safe(row.url), _safe(row.short), _safe(row.digest)
    tags = "".join([f'<a class="tag" href="{_safe(at)}">{_safe(tag)}</a>' for tag, at in row.tags])
    tags = tags or f'<a class="tag bare" href="{url}">untagged</a>'
    more = f'<a class="go text-xs" href="{url}">{row.more} more</a>' if row.more else ""
    return (
        f'<th role="rowheader" scope="row"><div class="v">{_choice(row, number)}'
        f'<div><div class="tags">{tags}{more}</div>'
        f'<span class="digest"><a class="go" href="{url}"><code>{short}</code></a><button type="button" class="copy" '
        f'data-copy="{digest}" aria-label="Copy the digest {short}">{_COPY}</span></div></div></th>'
    )


def _choice(row: "Row", number: int | None) -> str:
    """Write the two circles that choose what is compared: at first the newest two."""
    if number is None:
        return ""
    digest, label = _safe(row.digest), _safe(row.label)
    start = f'<input type="radio" form="compare" value="{digest}" name='
    old = f'{start}"base" aria-label="Compare from {label}"{" checked" if number == 1 else ""}>'
    new = f'{start}"head" aria-label="Compare to {label}"{"" if number else " checked"}>'
    return f'<span class="p">{old}{new}</span>'


def _inside(cell: "Cell", row: "Row", ago: "Callable[[datetime], str]") -> str:
    kind, pieces, best = cell
    if kind == "trust":
        return _TRUST
    if kind == "pushed":
        when = (
            f'<time datetime="{text.machine_time(row.pushed)}" title="{text.exact_time(row.pushed)}">{ago(row.pushed)}'
        )
        return f'<div>{when}</time></div><div class="soft">{_safe(text.clip(row.pushed_by, _CLIP))}</div>'
    code = kind == "code"
    return "".join([_piece(piece, code=code, best=best) for piece in pieces]) or _NOTHING


def _piece(piece: "Piece", *, code: bool, best: bool) -> str:
    said = _safe(piece.text)
    if code and not piece.soft:
        said = f"<code>{said}</code>"
    if piece.url:
        said = f'<a class="go" href="{_safe(piece.url)}" rel="noreferrer nofollow">{said}</a>'
    soft = ' class="soft"' if piece.soft else ""
    title = f' title="{_safe(piece.title)}"' if piece.title else ""
    spoken = '<span class="sr-only"> best</span>' if best else ""
    return f"<div{soft}{title}>{said}{_CHANGED if piece.changed else ''}{spoken}</div>"
