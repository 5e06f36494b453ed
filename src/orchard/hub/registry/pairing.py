"""Which two versions somebody wants to compare."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orchard.oci import Digest, check_tag

if TYPE_CHECKING:
    from orchard.hub.registry.contents import Contents

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version that somebody may read.

    Attributes:
        repository: Where it is.
        name: What it was called there: a tag or a digest.
        contents: What is inside.
    """

    repository: str
    name: str | Digest
    contents: "Contents"


def parse_wanted(repository: str, wanted: str) -> tuple[str, str | Digest]:
    """Tell which version of which repository is wanted.

    Args:
        repository: Where it is, unless another one is named.
        wanted: A tag or a digest, maybe behind the name of another repository and ``:`` or ``@``.

    Raises:
        InvalidError: If it is neither.
    """
    if "@" in wanted:
        name, _, digest = wanted.partition("@")
        return name, Digest.parse(digest)
    if DIGEST.fullmatch(wanted):
        return repository, Digest.parse(wanted)
    name, colon, tag = wanted.rpartition(":")
    return name if colon else repository, check_tag(tag)
