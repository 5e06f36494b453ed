"""Kitfiles that were read before: reading YAML costs more than all else when nothing has changed (20 of 90 ms).

A note is named by a hash of the Kitfile's bytes and of this program's version, and holds the Kitfile as a config would.
Only what comes back from there exactly as it went in is kept.
"""

from pathlib import Path
from typing import Final

from orchard.errors import OrchardError
from orchard.formats import Kitfile, kitfile_from_json
from orchard.oci import JSON, Hasher, loads
from orchard.project.notes import Notes

DIRECTORY: Final = "cache/kitfiles"
KEPT: Final = 200
LARGEST: Final = 256 << 10  # bytes


class KitfileCache:
    """The cache of one home directory.

    Args:
        home: The home directory.
        version: Of the program: another one may read a Kitfile in another way.
    """

    def __init__(self, home: Path, version: str) -> None:
        self._notes = Notes(home / DIRECTORY, kept=KEPT, largest=LARGEST)
        self._version = version

    def get(self, raw: bytes) -> Kitfile | None:
        """Give a Kitfile, if its bytes were read before."""
        data = self._notes.read(self._name(raw))
        return None if data is None else _read(data)

    def put(self, raw: bytes, kitfile: Kitfile) -> None:
        """Remember a Kitfile, if nothing of it gets lost."""
        try:
            data = kitfile.to_json()
        except OrchardError:  # a parameter that JSON cannot say; packing it will say so
            return
        from orchard.formats import to_value  # noqa: PLC0415 -- what was read before needs no YAML

        back = _read(data)
        if back is None:
            return
        if back == kitfile and _spelt(to_value(back)) == _spelt(to_value(kitfile)):
            self._notes.write(self._name(raw), data)

    def _name(self, raw: bytes) -> str:
        hasher = Hasher()
        hasher.update(f"kitfile 1 {self._version}\0".encode())
        hasher.update(raw)
        return hasher.hex


def _spelt(value: JSON) -> str:
    """Write a value so that 1.0 is not 1, as it is in JSON of Go; the order of keys is no matter."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{_spelt(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_spelt, value)) + "]"
    return repr(value)


def _read(data: bytes) -> Kitfile | None:
    try:
        return kitfile_from_json(loads(data, what="a note", limit=LARGEST))
    except OrchardError:
        return None
