"""How much of somebody else's archive we accept."""

from typing import Final

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds that are checked before memory is taken or a file is made; passing one is a ``LimitExceededError``.

    Attributes:
        members: Files and directories of one unpack, directories that the archive only implies included.
        total: Bytes: of one uncompressed stream when it is read, of all file content when it is extracted.
        header: Bytes of one extended header (PAX ``x`` and ``g``, GNU ``L`` and ``K``).
        name: Bytes of a member's name in UTF-8.
        component: Bytes of one part of a name, between two slashes.
        depth: Components of a name.
        ratio: Uncompressed bytes for each compressed one, looked at from ``ratio_after`` on.
        ratio_after: Uncompressed bytes that are given without looking at the ratio.
        window: Bytes of history that a zstd frame may ask us to keep; a power of two.
    """

    members: int = 100_000
    total: int = 4 << 40
    header: int = 1 << 20
    name: int = 4096
    component: int = 255
    depth: int = 64
    ratio: int = 200
    ratio_after: int = 100 << 20
    window: int = 128 << 20


DEFAULTS: Final = Limits()
