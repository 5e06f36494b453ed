"""What an agent skill says of itself: the YAML between two lines ``---`` at the top of its ``SKILL.md``."""

from typing import Final, NamedTuple

from orchard.errors import InvalidError
from orchard.formats.yamltree import Mapping, Scalar

MAX_SKILL: Final = 64 << 10  # bytes of a file that are looked at
MAX_TEXT: Final = 4096  # characters of one value

_LINE: Final = "---"


class Skill(NamedTuple):
    """What a skill says of itself; empty where it says nothing."""

    name: str = ""
    description: str = ""
    license: str = ""


def read_skill(text: str) -> Skill:
    """Read the front matter of a ``SKILL.md``; one that is missing or broken says nothing."""
    first, *lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if first != _LINE or _LINE not in lines:
        return Skill()
    from orchard.formats.yamlevents import read_tree  # noqa: PLC0415 -- ruamel loads only to read YAML

    try:
        tree = read_tree("\n".join(lines[: lines.index(_LINE)]), what="front matter")
    except InvalidError:
        return Skill()
    if not isinstance(tree, Mapping):
        return Skill()
    said = {key.text: " ".join(value.text.split()) for key, value in tree.entries if isinstance(value, Scalar)}
    return Skill(*(said.get(name, "")[:MAX_TEXT] for name in Skill._fields))
