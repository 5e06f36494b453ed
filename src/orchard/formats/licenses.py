"""Telling which license a text is, by sentences that only that license has."""

import re
from typing import Final

MAX_LICENSE: Final = 256 << 10  # characters that are looked at; the longest text known here has 40 000

_WORDS: Final = re.compile(r"[a-z0-9]+")

# SPDX identifiers, and those of Hugging Face where SPDX has none. All phrases must be there, in lower case, with one
# blank for everything that is neither a letter nor a digit.
_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "Apache-2.0": ("apache license version 2 0 january 2004",),
    "MIT": (
        "free of charge to any person obtaining a copy of this software",
        "to deal in the software without restriction",
    ),
    "GPL-2.0": ("gnu general public license version 2 june 1991",),
    "GPL-3.0": ("gnu general public license version 3 29 june 2007",),
    "LGPL-2.1": ("gnu lesser general public license version 2 1 february 1999",),
    "LGPL-3.0": ("gnu lesser general public license version 3 29 june 2007",),
    "AGPL-3.0": ("gnu affero general public license version 3 19 november 2007",),
    "MPL-2.0": (
        "mozilla public license version 2 0",
        "covered software is provided under this license on an as is basis",
    ),
    "CC-BY-4.0": ("creative commons attribution 4 0 international public license",),
    "CC-BY-SA-4.0": ("creative commons attribution sharealike 4 0 international public license",),
    "CC0-1.0": ("cc0 1 0 universal",),
    "Unlicense": ("free and unencumbered software released into the public domain",),
    "creativeml-openrail-m": ("creativeml open rail m",),
    "bigscience-openrail-m": ("bigscience open rail m license",),
    "llama2": ("llama 2 community license agreement",),
    "llama3": ("llama 3 community license agreement",),
    "llama3.1": ("llama 3 1 community license agreement",),
    "llama3.2": ("llama 3 2 community license agreement",),
    "llama3.3": ("llama 3 3 community license agreement",),
}
_FURTHER: Final = ("BSD-2-Clause", "BSD-3-Clause", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "ODC-By-1.0")
_NOTHING: Final = frozenset(("", "other", "unknown"))
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}")
_BSD: Final = (
    "redistribution and use in source and binary forms with or without modification are permitted provided that"
)
_BSD_3: Final = "endorse or promote products derived from this software without specific prior written permission"
_BSD_4: Final = "all advertising materials mentioning features or use of this software"


def detect_license(text: str) -> str:
    """Give the identifier of the license that a text is; empty if it is none known here, or several at once."""
    words = " ".join(_WORDS.findall(text[:MAX_LICENSE].lower()))
    found = [name for name, phrases in _PHRASES.items() if all(phrase in words for phrase in phrases)]
    if _BSD in words and _BSD_4 not in words:
        found.append("BSD-3-Clause" if _BSD_3 in words else "BSD-2-Clause")
    return found[0] if len(found) == 1 else ""


def spdx(name: str) -> str:
    """Write a license as SPDX does where it is one known here (model cards write ``apache-2.0``); else as it is.

    Empty for what says nothing (``other``, ``unknown``), and for what cannot be an identifier.
    """
    if name.lower() in _NOTHING or _IDENTIFIER.fullmatch(name) is None:
        return ""
    return next((known for known in (*_PHRASES, *_FURTHER) if known.lower() == name.lower()), name)
