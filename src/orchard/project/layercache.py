"""What layers became, remembered: a tree that did not change is not read again.

Below the home directory, one small file for each layer that was packed, named by a hash of all that the layer was made
of: names, modes, and for each file its size, its times, its number and its device. Nothing depends on these files. One
that is damaged, or that another process deletes, is one that is not there.

A file that changes within the same tick of the clock after it was read looks as before (Git calls it racily clean). So
what was changed less than two seconds before the tree was looked at, or in the future, is not remembered: FAT counts in
steps of two seconds, all others in smaller ones.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from orchard.errors import InvalidDigestError
from orchard.oci import Descriptor, Digest, Hasher
from orchard.project.layering import Plan
from orchard.project.notes import Notes

DIRECTORY: Final = "cache/layers"
KEPT: Final = 1000  # files; about 300 bytes each
MAX_SIZE: Final = 4096  # bytes of one file
MARGIN_NS: Final = 2_000_000_000


class _Stored(msgspec.Struct, frozen=True):
    version: int
    fingerprint: str
    digest: str
    diff_id: str
    size: int


class Known(msgspec.Struct, frozen=True):
    """What a layer became.

    Attributes:
        digest: Of the blob.
        diff_id: Of its content before compression.
        size: Bytes of the blob.
    """

    digest: Digest
    diff_id: Digest
    size: int

    def descriptor(self, media_type: str) -> Descriptor:
        """Name the blob."""
        return Descriptor(media_type=media_type, digest=self.digest, size=self.size)


class LayerCache:
    """The cache of one home directory. Make it before the files are looked at: what is younger is not remembered.

    Args:
        home: The home directory.
        now: Nanoseconds since 1970, by the clock that stamps files.
    """

    def __init__(self, home: Path, now: Callable[[], int] = time.time_ns) -> None:
        self._notes = Notes(home / DIRECTORY, kept=KEPT, largest=MAX_SIZE)
        self._trusted_until = now() - MARGIN_NS

    def get(self, plan: Plan) -> Known | None:
        """Give what a layer became, if the same files were packed before."""
        fingerprint = _fingerprint(plan)
        data = self._notes.read(fingerprint)
        if data is None:
            return None
        try:
            stored = msgspec.json.decode(data, type=_Stored)
            if stored.version == 1 and stored.fingerprint == fingerprint and stored.size >= 0:
                return Known(Digest.parse(stored.digest), Digest.parse(stored.diff_id), stored.size)
        except (msgspec.MsgspecError, UnicodeDecodeError, InvalidDigestError):
            pass
        return None

    def put(self, plan: Plan, known: Known) -> None:
        """Remember what a layer became, if its files are old enough."""
        if _newest(plan) > self._trusted_until:
            return
        fingerprint = _fingerprint(plan)
        stored = _Stored(1, fingerprint, str(known.digest), str(known.diff_id), known.size)
        self._notes.write(fingerprint, msgspec.json.encode(stored))


def _newest(plan: Plan) -> int:
    stamps = [entry.stamp for entry in plan.entries if not entry.is_directory]
    if None in stamps:
        return time.time_ns() * 2  # what was never looked at is never trusted
    return max((max(stamp.mtime_ns, stamp.ctime_ns) for stamp in stamps if stamp is not None), default=0)


def _fingerprint(plan: Plan) -> str:
    """Hash all that the bytes of a layer come from. No name holds a NUL, so no two plans look the same."""
    parts = [f"layer 1\0{plan.encoding.form.value}\0{plan.encoding.compression}"]
    for entry in plan.entries:
        stamp = None if entry.is_directory else entry.stamp
        said = f"{stamp.size} {stamp.mtime_ns} {stamp.ctime_ns} {stamp.inode} {stamp.device}" if stamp else ""
        parts.append(f"{entry.name}\0{entry.mode} {entry.size} {said}")
    hasher = Hasher()
    hasher.update("\0".join(parts).encode("utf-8", "surrogateescape"))
    return hasher.hex
