"""Whether a text is an SPDX license expression, by its grammar and by what license identifiers look like."""

import re
from typing import Final

MAX_EXPRESSION: Final = 512  # characters

_PIECE: Final = re.compile(r"[()]|[^\s()]+")
_ID: Final = re.compile(r"[A-Za-z0-9.-]+\+?")
_OWN: Final = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
# Identifiers that the list has without a version; any other one ends with one, as Apache-2.0 does.
_WORDS: Final = frozenset(
    (
        "0BSD", "Abstyles", "Beerware", "curl", "DOC", "Fair", "FTL", "Glide", "HPND", "ICU", "IJG", "ISC", "JSON",
        "Libpng", "libtiff", "MIT", "MIT-0", "MirOS", "MS-PL", "MS-RL", "NCSA", "Naumen", "Net-SNMP", "NTP", "OML",
        "OpenSSL", "PostgreSQL", "psfrag", "psutils", "Ruby", "Sleepycat", "TCL", "TMate", "Unlicense", "Vim", "W3C",
        "WTFPL", "X11", "Xnet", "xpp", "Zed", "Zlib", "AAL", "ClArtistic",
    )
)  # fmt: skip
# The list grows every few months, so an identifier of a known family passes in any version.
_FAMILIES: Final = re.compile(
    r"(?:A?GPL|LGPL|GFDL|Apache|MPL|EPL|CDDL|CPL|EUPL|CECILL|OFL|OSL|AFL|Artistic|CC-BY(?:-NC)?(?:-SA|-ND)?|CC0"
    r"|CDLA-[A-Za-z]+|ODbL|ODC-By|PDDL|BSL|BUSL|BSD|MulanPSL|PSF|PHP|Python|ZPL|Zend|SSPL|Unicode(?:-DFS)?|ECL|OPL|RPL"
    r"|QPL|IPL|LPL|UPL|NASA|NPOSL|BlueOak|Elastic|PolyForm-[A-Za-z-]+|bzip2)-[0-9].*"
)
_RULES: Final = (re.compile(r"iw[ix]"), re.compile(r"i&i"), re.compile(r"\(i\)"))


def is_spdx(text: str) -> bool:
    """Tell whether a text may stand where an SPDX license expression is wanted (SPDX spec, annex D)."""
    if len(text) > MAX_EXPRESSION:
        return False
    shape = "".join(_sign(piece) for piece in _PIECE.findall(text))
    for _ in shape:  # each round makes it shorter, or nothing is left to do
        shorter = shape
        for rule in _RULES:
            shorter = rule.sub("i", shorter)
        if shorter == shape:
            break
        shape = shorter
    return shape == "i"


def _sign(piece: str) -> str:
    """Give one character for what a piece is: a license ``i``, another word ``x``, or an operator."""
    if piece in {"(", ")"}:
        return piece
    if piece in {"AND", "OR"}:
        return "&"
    if piece == "WITH":
        return "w"
    bare = piece.removesuffix("+")
    if bare in _WORDS or _FAMILIES.fullmatch(bare) or _OWN.fullmatch(piece):
        return "i"
    return "x" if _ID.fullmatch(piece) else "?"
