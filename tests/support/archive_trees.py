"""Small trees, and the digests of the layers that `kit` 1.7.0 makes of them."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchard.archive import Entry, FileStamp


@dataclass(frozen=True)
class Node:
    """A file of these bytes, or a directory if there are none."""

    mode: int
    content: bytes | None = None


def file(content: bytes = b"", mode: int = 0o644) -> Node:
    return Node(mode, content)


def directory(mode: int = 0o755) -> Node:
    return Node(mode)


@dataclass(frozen=True)
class Tree:
    """What a context holds, the path of one layer in it, and the digest of that layer uncompressed.

    Attributes:
        nodes: Every path; directories that are only implied have mode 0755.
        layer: Path of the layer below the context; "." for all of it.
        digest: Hexadecimal sha256 of the tar that `kit pack` 1.7.0 stores.
        size: Its length.
    """

    nodes: Mapping[str, Node]
    layer: str
    digest: str
    size: int

    def build(self, root: Path) -> None:
        """Make the tree below a directory; the umask does not matter."""
        modes: dict[Path, int] = {}
        for name, node in self.nodes.items():
            path = root / name
            for parent in reversed(path.relative_to(root).parents[:-1]):
                (root / parent).mkdir(exist_ok=True)
                modes.setdefault(root / parent, 0o755)
            modes[path] = node.mode
            if node.content is None:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(node.content)
        for path in sorted(modes, reverse=True):
            path.chmod(modes[path])


def layer_entries(root: Path, layer: str) -> list[Entry]:
    """List what `kit` puts into a layer: its ancestors, itself, its content depth first and by bytes."""
    parts = [] if layer == "." else layer.split("/")
    ancestors = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    entries = [_entry(root, name) for name in ancestors]
    if (root / layer).is_dir():
        entries.extend(_content(root, "" if layer == "." else layer + "/"))
    return entries


def _content(root: Path, prefix: str) -> Iterator[Entry]:
    for path in sorted((root / prefix).iterdir(), key=os.fsencode):
        entry = _entry(root, prefix + path.name)
        yield entry
        if entry.is_directory:
            yield from _content(root, entry.name + "/")


def _entry(root: Path, name: str) -> Entry:
    path = root / name
    status = path.lstat()
    mode = status.st_mode & 0o7777
    if path.is_dir():
        return Entry(name=name, mode=mode, is_directory=True)
    return Entry(name=name, mode=mode, size=status.st_size, source=path, stamp=FileStamp.of(status))


def _noise(size: int) -> bytes:
    return hashlib.shake_128(b"orchard").digest(size)


def _long(*lengths: int) -> str:
    """Make a path whose parts have these lengths."""
    return "/".join("abcdefghijklmnopqrstuvwxyz"[place] * length for place, length in enumerate(lengths))


TREES: dict[str, Tree] = {
    "one_file": Tree(
        {"weights.bin": file(b"weights\n")},
        "weights.bin",
        "bc4c5da7d0e5ff21a28dcad5c09fee59cd4fbe229a5b3dd83aeec6763a1d6217",
        2048,
    ),
    "one_file_deep_down": Tree(
        {"a/b/c.txt": file(b"c"), "a/other": file(b"no")},
        "a/b/c.txt",
        "39658d12e095b706f91d503c215d226edeb492b59476c009db8ffd47939dd1fe",
        3072,
    ),
    "nested": Tree(
        {"src/main.py": file(b"print()\n"), "src/lib/util.py": file(b"x = 1\n"), "src/lib/data/t.csv": file(b"a,b\n")},
        "src",
        "9aa37b7608f2dda0e535d6beed455fca6685af2ca395fd359bb9439a61e5ca41",
        5632,
    ),
    "walk_order": Tree(
        {
            "d/a/z": file(b"1"),
            "d/a/b": file(b"2"),
            "d/a.b": file(b"3"),
            "d/a-": file(b"4"),
            "d/A": file(),
            "d/b": file(),
        },
        "d",
        "77ebb1dc999039d6ce473017b22ce954b9aa11d0ba3cdeb0dda5fa80cf88341f",
        7168,
    ),
    "whole_context": Tree(
        {"data/t.csv": file(b"1\n"), "notes.md": file(b"# n\n")},
        ".",
        "505eef4fff35b5f2532b9126b05e157a1902126e858e183a3a18bd285475f1f8",
        3584,
    ),
    "name_of_100": Tree(
        {f"d/{_long(97)}1": file(b"100")}, "d", "c637e11f6915a98b4ca88f19d5d1c6cc331837669217fe76e99e6cdd12f1cda2", 2560
    ),
    "name_of_101": Tree(
        {f"d/{_long(98)}1": file(b"101")}, "d", "9f22a2d4d68c088565efdae8566b76af82e4fb02585756cec6c932fd39d4b576", 2560
    ),
    "name_of_101_unsplittable": Tree(
        {_long(101): file(b"101")}, _long(101), "83dc5637a39c9825a64511cf9e6f7d7cb2d785baa1427e8251e02ccb97c7931f", 3072
    ),
    "name_of_255": Tree(
        {"d/" + _long(255): file(b"255")}, "d", "c3a3fe1a2a9df3752d92b2d5457933568d25fff131d842132ed55d588d0ac5f2", 3584
    ),
    "prefix_of_155": Tree(
        {_long(77, 77, 100): file(b"full"), _long(77, 77): directory(0o700)},
        "a" * 77,
        "4741b8fd8519911ab77a22d36fcd853fd4c2c3a19e22c2312588eda489871256",
        3072,
    ),
    "prefix_of_156": Tree(
        {_long(78, 77, 100): file(b"over")},
        "a" * 78,
        "11616b48edde1bd2199accee72b939cf00024e28c2e448b8e760b6094a2e78a2",
        4096,
    ),
    "slash_at_the_cut": Tree(
        {_long(99, 150, 60): file(b"cut"), _long(99, 150, 3): directory()},
        "a" * 99,
        "bc2d9993cb0b5c12a64eeacd2ce8cc0f5b8c018149bf5ba5368085bdf2371737",
        6656,
    ),
    "directory_too_long": Tree(
        {_long(40, 101): directory(0o711), _long(40, 101, 3): file(b"")},
        "a" * 40,
        "e1ef2e8d0ecac993d025dbde579f52f9637fe53ba88dbc60cab446fb4cdaffef",
        3584,
    ),
    "unicode": Tree(
        {
            "d/café.txt": file(b"NFC"),
            "d/cafe\u0301.md": file(b"NFD"),
            "d/\u6a21\u578b/\u6743\u91cd.bin": file(b"CJK"),
            "d/\U0001f333\U0001f34e.txt": file(b"emoji"),
            "d/\u0440\u0443\u0441": directory(),
        },
        "d",
        "6a6c11c538341b4eeada7819b075eced543595ee41b078a4dc29eb4f6dabcb9f",
        12800,
    ),
    "unicode_long": Tree(
        {
            f"d/{'é' * 60}/{'x' * 90}": file(b"long"),
            f"d/{'y' * 98}/é/z": file(b"slashes at the cut"),
            f"d/{'y' * 96}/é/ä/é/{'z' * 10}": file(b"more slashes at the cut"),
        },
        "d",
        "77151d6bcc8523fb440d93e6841ebff238df4a86ffeef28814c63c636cc6d342",
        16384,
    ),
    "empty_directories": Tree(
        {"d/empty/deeper": directory(), "d/x": directory(0o700)},
        "d",
        "720ceae081a7c7a87ab49162897d7eb9a7bc1475e2295476c953860ed3bf1e3f",
        3072,
    ),
    "empty_layer": Tree(
        {"d": directory()}, "d", "82955527e9113a83dfcd9c8af02854da8f854f5d56ab8a7becdfb03b5c453ca7", 1536
    ),
    "empty_files": Tree(
        {"d/a": file(), "d/b": file(), "d/sub/c": file()},
        "d",
        "d56fd1fa8c3dcdef7d9804a6fce8c98ccc1f14edca61b0b42a9141f89e577e1a",
        3584,
    ),
    "modes": Tree(
        {
            f"d/f{mode:04o}": file(b"m", mode)
            for mode in (0o644, 0o755, 0o600, 0o444, 0o4755, 0o2755, 0o666, 0o777, 0o7777)
        }
        | {"d/sticky": directory(0o1777), "d/group": directory(0o2775), "d/private/x": file(mode=0o400)},
        "d",
        "ef7082eb04f0192e9846a26ad0b78796f28882c3ea9043fc94972b3597e6206f",
        12800,
    ),
    "odd_names": Tree(
        {
            "d/with space": file(b"1"),
            "d/ leading": file(b"2"),
            "d/new\nline": file(b"3"),
            "d/tab\t\x01\x7f": file(b"4"),
            "d/-rf": file(b"5"),
            "d/a=b;c'\"*?": file(b"7"),
            "d/back\\slash": file(b"8"),
        },
        "d",
        "e5ce3cd239450e98f68623e10445a5242891c7398e240648a7161cddc208edc6",
        8704,
    ),
    "sizes": Tree(
        {f"d/{size}": file(_noise(size)) for size in (0, 1, 511, 512, 513, 1023, 1024, 1025)},
        "d",
        "3c948c7e7670610131bfb82c7a87f5a3c93288471e9bdf168f7ee4b6d8269088",
        11776,
    ),
    "around_a_chunk": Tree(
        {
            f"d/{(256 << 10) + more:07}": file(_noise((256 << 10) + more))
            for more in (-513, -512, -1, 0, 1, 512, 262144)
        },
        "d",
        "53dc0b76fcaa3d21d702bf0ff8130c1f09af86d1858b0e2985ddf22457260177",
        2102272,
    ),
    "many_files": Tree(
        {f"d/{n % 7}/{n:04}.txt": file(b"%d\n" % n * (n % 50)) for n in range(1500)},
        "d",
        "df4063dd5ce48c7fb0284936132419de1bf53416537b9091de2461e557b16794",
        1525760,
    ),
}
