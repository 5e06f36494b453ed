"""What somebody else may not be able to unpack, said when it is packed."""

from collections.abc import Iterable, Iterator

from orchard.archive import DEFAULTS, Entry, folded, is_portable


def warnings(entries: Iterable[Entry]) -> Iterator[str]:
    """Say which names ``unpack`` refuses by default: those that some systems take for others, and too many of them."""
    seen: dict[tuple[str, str], str] = {}
    files = 0
    for entry in entries:
        files += not entry.is_directory
        parent, _, name = entry.name.rpartition("/")
        if not is_portable(name):
            yield f"{entry.name}: Windows cannot hold this name; unpacking it needs --any-names"
        other = seen.setdefault((parent, folded(name)), entry.name)
        if other != entry.name:
            yield f"{entry.name} and {other} are one name on some systems; unpacking them needs --any-names"
    if files > DEFAULTS.members:
        yield f"{files} files; unpacking more than {DEFAULTS.members} needs --max-files {files}"
