"""Addresses of files in versions: ``modelkit://registry/repository:tag/path``.

    address = "modelkit://" reference [ "/" path ]

The reference needs a tag or a digest, because else nobody could tell where it ends. Everything up to there is as in
``orchard.oci.Reference``: without a registry it is in the local store.
"""

import re
from typing import Final, NamedTuple

from orchard.errors import InvalidReferenceError
from orchard.oci import Reference

PROTOCOL: Final = "modelkit"

_WITH_PORT: Final = re.compile(r"[^@:]*:[0-9]+|\[[^@]*\](:[0-9]+)?")
_SURELY_HOST: Final = re.compile(r"localhost:.*|\[.*|[^:]*\..*")


class Address(NamedTuple):
    """A place in a version.

    Attributes:
        name: The reference as it was written.
        reference: The version.
        path: Below its root; "" is the root.
    """

    name: str
    reference: Reference
    path: str


def split_address(text: str) -> Address:
    """Find out where a reference ends and a path begins.

    >>> split_address("modelkit://localhost:8080/team/model:v1/data/train.csv")[::2]
    ('localhost:8080/team/model:v1', 'data/train.csv')

    Args:
        text: An address, with or without its scheme.

    Raises:
        InvalidReferenceError: If there is neither a tag nor a digest in it, or it breaks the grammar.
    """
    bare = text.removeprefix(f"{PROTOCOL}://").strip("/")
    parts = bare.split("/")
    ends = [number for number, part in enumerate(parts) if ":" in part or "@" in part]
    # The first colon may be that of a port: the reference ends at a later one then. A tag may be a number too.
    first = parts[0]
    if ends[:1] == [0] and _WITH_PORT.fullmatch(first) and (len(ends) > 1 or _SURELY_HOST.fullmatch(first)):
        del ends[0]
    if not ends:
        raise InvalidReferenceError(
            f"{PROTOCOL}://{bare[:160]}: needs a tag or a digest, as in "
            f"{PROTOCOL}://registry.example.com/team/model:v1/data/train.csv"
        )
    name = "/".join(parts[: ends[0] + 1])
    return Address(name, Reference.parse(name), "/".join(filter(None, parts[ends[0] + 1 :])))
