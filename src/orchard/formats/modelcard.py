"""The front matter of a model card: YAML between two lines of dashes at the head of a README (Hugging Face)."""

from typing import Final

from orchard.errors import InvalidError
from orchard.formats.licenseexpr import is_spdx
from orchard.oci import JSON

MAX_CARD: Final = 256 << 10  # bytes of a README that anybody looks at

_FENCE: Final = "---"
# Hugging Face writes licenses in lower case; these are the ones whose SPDX identifier is not that with capitals.
_LICENSES: Final = {
    identifier.lower(): identifier
    for identifier in (
        "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "GPL-2.0", "GPL-3.0", "AGPL-3.0",
        "LGPL-2.1", "LGPL-3.0", "MPL-2.0", "ISC", "Unlicense", "WTFPL", "Zlib", "CC0-1.0", "CC-BY-2.0", "CC-BY-2.5",
        "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0",
        "CC-BY-ND-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0",
        "CC-BY-NC-SA-4.0", "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "ODbL-1.0", "PDDL-1.0",
        "OFL-1.1", "OSL-3.0", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2", "AFL-3.0", "Artistic-2.0", "BSL-1.0",
        "NCSA", "PostgreSQL", "MS-PL", "ECL-2.0",
    )
}  # fmt: skip


def read_card(raw: bytes) -> dict[str, JSON]:
    """Read the front matter of a README; empty if it has none, or none that can be read."""
    text = raw[:MAX_CARD].decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.startswith(f"{_FENCE}\n"):
        return {}
    front, fence, _ = text.removeprefix(f"{_FENCE}\n").partition(f"\n{_FENCE}")
    if not fence:
        return {}
    from orchard.formats.kitfileyaml import any_value  # noqa: PLC0415 -- loading YAML takes 26 ms
    from orchard.formats.yamlevents import read_tree  # noqa: PLC0415 -- likewise

    try:
        tree = read_tree(front, what="front matter")
        value = any_value(tree, lambda _line, _text: None) if tree is not None else None
    except InvalidError:
        return {}
    return value if isinstance(value, dict) else {}


def card_texts(card: dict[str, JSON], key: str) -> list[str]:
    """Give what stands under a key that may hold one text or several."""
    value = card.get(key)
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str) and item]


def card_licenses(card: dict[str, JSON]) -> list[str]:
    """Give the licenses that SPDX knows too."""
    found = (_LICENSES.get(name.lower(), name) for name in card_texts(card, "license"))
    return [name for name in found if is_spdx(name)]
