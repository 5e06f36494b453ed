import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from orchard.archive import Entry, FileStamp, header, tar_size, write_tar
from orchard.errors import ConflictError, InvalidError, StorageError, UnsafePathError
from orchard.oci import CHUNK
from support.archive_trees import TREES, layer_entries


def entry_of(path: Path) -> Entry:
    status = path.stat()
    return Entry(name=path.name, mode=0o644, size=status.st_size, source=path, stamp=FileStamp.of(status))


@pytest.mark.parametrize("name", TREES)
def test_write_tar_when_kit_packed_the_same_tree_gives_the_same_digest(name: str, tmp_path: Path) -> None:
    tree = TREES[name]
    tree.build(tmp_path)

    entries = layer_entries(tmp_path, tree.layer)
    written = b"".join(write_tar(entries))

    assert (hashlib.sha256(written).hexdigest(), len(written)) == (tree.digest, tree.size)
    assert tar_size(entries) == tree.size


def test_write_tar_when_times_and_names_of_the_root_differ_gives_the_same(tmp_path: Path) -> None:
    tars: list[bytes] = []
    for place in ("one", "two"):
        root = tmp_path / place
        root.mkdir()
        TREES["nested"].build(root)
        os.utime(root / "src/main.py", ns=(len(place), 10**18 + len(place)))
        tars.append(b"".join(write_tar(layer_entries(root, "src"))))

    assert tars[0] == tars[1]


def _long(*lengths: int) -> str:
    return "/".join("abcdefghijklmnopqrstuvwxyz"[place] * length for place, length in enumerate(lengths))


# Length and sha256 of what Go 1.26's archive/tar writes for such a header, with uid 1000 and no time.
GO = {
    "8 GiB - 1": (
        Entry(name="w.bin", mode=0o644, size=2**33 - 1),
        512,
        "081def21055e7d90cb45a91c342b39d121e0165e6ab0bf7ef03defaa449e0007",
    ),
    "8 GiB": (
        Entry(name="w.bin", mode=0o644, size=2**33),
        1536,
        "1636a8cf6f9be42f9aab6efeca02db162f2b071105fb96762b10283bd956d3a0",
    ),
    "8 EiB - 1": (
        Entry(name="w.bin", mode=0o644, size=2**63 - 1),
        1536,
        "1fa57320ad3aae56106de8f387edc8efa716a406cbf06795658bdc873f629e23",
    ),
    "8 GiB, long name": (
        Entry(name=_long(60, 60), mode=0o644, size=2**33),
        1536,
        "0c63ebe16d10ce3ad6ddc79566bec5462b2e12125fecdf4c47b3b6d330ee65a7",
    ),
    "1 TiB, unicode": (
        Entry(name="模型.bin", mode=0o755, size=2**40),
        1536,
        "38064c5a064fd705eaeba0d531b08f834714908f2bf98abf45282b03813658f6",
    ),
    "prefix 155, name 100": (
        Entry(name=_long(155, 100), mode=0o644, size=7),
        512,
        "06680f3fdf76d9bcab7271e7f3e973fa4321c42c2da275b61da13bfd17e27b98",
    ),
    "prefix 156": (
        Entry(name=_long(156, 100), mode=0o644, size=7),
        1536,
        "dffee1ad66625221653ba2c7d6c54ff39ac6987620075d4bcf43d9adac98df80",
    ),
    "name 101": (
        Entry(name=_long(155, 101), mode=0o644, size=7),
        1536,
        "f9cb17ed4ad0146fa422a8bc531688380b94298991b7c5da3ea47c198ef6e195",
    ),
    "slash at the cut": (
        Entry(name=_long(99, 150, 60), mode=0o644, size=7),
        1536,
        "6393bafc95504215b57719d37b1a2ec79fa2ed85585b378dcf9bc6e1af626470",
    ),
    "unicode directory": (
        Entry(name="é" * 60 + "/" + "é" * 60, mode=0o755, is_directory=True),
        1536,
        "4ee30dd01df9045093307fe8a69048e289e90ce1b18ad733c50a77ee376b4141",
    ),
    "slashes at the cut": (
        Entry(name="y" * 98 + "/é/ä/" + "z" * 9, mode=0o644, size=3),
        1536,
        "87a53e41b8402952ebe9a868983e2ca0a2318bd22a59b27e9fd5f13dc5ce5eed",
    ),
    "all mode bits": (
        Entry(name="x", mode=0o7777, is_directory=True),
        512,
        "7288a7694b5ddce1b10f0998a8cb4b5d7448d836f7a439b8ad28d49ac29f4130",
    ),
}


@pytest.mark.parametrize(("entry", "length", "digest"), GO.values(), ids=GO.keys())
def test_header_when_go_wrote_the_same_gives_the_same_bytes(entry: Entry, length: int, digest: str) -> None:
    blocks = header(entry)

    assert (len(blocks), hashlib.sha256(blocks).hexdigest()) == (length, digest)
    assert tar_size([entry]) == length + -(-entry.size // 512) * 512 + 1024


def test_header_when_a_mode_has_type_bits_leaves_them_out() -> None:
    assert header(Entry(name="x", mode=0o100644)) == header(Entry(name="x", mode=0o644))


@pytest.mark.parametrize("name", ["", ".", "..", "/x", "x/", "./x", "a//b", "a/./b", "a/../b", "../x", "a/..", "a\0b"])
def test_header_when_the_name_is_no_plain_path_refuses(name: str) -> None:
    with pytest.raises(UnsafePathError, match="is not a plain relative path"):
        header(Entry(name=name, mode=0o644))
    with pytest.raises(UnsafePathError, match="is not a plain relative path"):
        list(write_tar([Entry(name=name, mode=0o644)]))


def test_header_when_the_name_is_not_utf_8_refuses() -> None:
    with pytest.raises(InvalidError, match=r"'\\\\xe9cole': the name is not UTF-8; rename the file"):
        header(Entry(name=os.fsdecode(b"\xe9cole"), mode=0o644))


@pytest.mark.parametrize("name", ["a..b", "...", ".hidden", "..x", "a/..b", " ", "back\\slash", "C:"])
def test_header_when_the_name_only_looks_odd_keeps_it(name: str) -> None:
    with tarfile.open(fileobj=io.BytesIO(header(Entry(name=name, mode=0o644)) + bytes(1024))) as archive:
        assert archive.getnames() == [name]


def test_write_tar_when_there_is_nothing_gives_two_zero_blocks() -> None:
    assert b"".join(write_tar([])) == bytes(1024)
    assert tar_size([]) == 1024


def test_write_tar_when_files_are_small_gives_large_pieces(tmp_path: Path) -> None:
    TREES["many_files"].build(tmp_path)

    pieces = list(write_tar(layer_entries(tmp_path, "d")))

    assert max(map(len, pieces)) <= CHUNK
    assert min(map(len, pieces[:-1])) >= CHUNK - 4096


def test_write_tar_when_a_file_is_large_gives_it_in_chunks(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(4 * CHUNK))

    sizes = [len(piece) for piece in write_tar([entry_of(tmp_path / "w.bin")])]

    assert sizes == [CHUNK, CHUNK, CHUNK, CHUNK, 512 + 1024]


def test_write_tar_when_there_is_no_stamp_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")

    stamped = entry_of(tmp_path / "x")

    assert b"".join(write_tar([replace(stamped, stamp=None)])) == b"".join(write_tar([stamped]))


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def _replace(path: Path) -> None:
    status = path.stat()
    path.with_name("new").write_bytes(path.read_bytes())
    os.utime(path.with_name("new"), ns=(status.st_atime_ns, status.st_mtime_ns))
    path.with_name("new").replace(path)


def _link(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to("real")


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _no_parent(path: Path) -> None:
    path.parent.rename(path.parent.with_name("gone"))
    path.parent.write_bytes(b"")


CHANGES: dict[str, Callable[[Path], None]] = {
    "grew": _grow,
    "shrank": lambda path: os.truncate(path, 10),
    "emptied": lambda path: os.truncate(path, 0),
    "touched": _touch,
    "replaced by an equal one": _replace,
    "vanished": Path.unlink,
    "became a link": _link,
    "became a fifo": _fifo,
    "parent became a file": _no_parent,
}


@pytest.mark.parametrize("size", [100, 3 * CHUNK], ids=["small", "large"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_write_tar_when_a_file_changed_since_it_was_found_refuses(
    tmp_path: Path, change: Callable[[Path], None], size: int
) -> None:
    path = tmp_path / "d" / "w.bin"
    path.parent.mkdir()
    path.write_bytes(bytes(size))
    entry = entry_of(path)
    change(path)

    with pytest.raises(ConflictError, match=r"'w.bin' changed while it was being packed; try again"):
        list(write_tar([entry]))


@pytest.mark.parametrize("change", ["grew", "shrank", "touched"])
@pytest.mark.parametrize("stamped", [True, False], ids=["stamped", "unstamped"])
def test_write_tar_when_a_file_changes_while_it_is_read_refuses(tmp_path: Path, change: str, *, stamped: bool) -> None:
    path = tmp_path / "w.bin"
    path.write_bytes(bytes(3 * CHUNK))
    entry = entry_of(path) if stamped else replace(entry_of(path), stamp=None)
    pieces = write_tar([entry])
    next(pieces)
    assert len(next(pieces)) == CHUNK
    CHANGES[change](path)

    with pytest.raises(ConflictError, match=r"'w.bin' changed while it was being packed"):
        list(pieces)


def test_write_tar_when_the_size_of_an_entry_is_wrong_refuses(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")

    for size in (4, 6):
        with pytest.raises(ConflictError, match="'x' changed while it was being packed"):
            list(write_tar([Entry(name="x", mode=0o644, size=size, source=tmp_path / "x")]))


def test_write_tar_when_a_file_cannot_be_opened_names_it(tmp_path: Path) -> None:
    entry = Entry(name="d/x", mode=0o644, size=1, source=tmp_path / ("n" * 300))

    with pytest.raises(StorageError, match="cannot read 'd/x': File name too long"):
        list(write_tar([entry]))


def test_write_tar_when_a_file_cannot_be_read_names_it(tmp_path: Path) -> None:
    entry = Entry(name="d/x", mode=0o644, size=1, source=tmp_path)

    with pytest.raises(StorageError, match="cannot read 'd/x': Is a directory"):
        list(write_tar([entry]))


def test_write_tar_when_stopped_early_closes_the_file(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(3 * CHUNK))
    before = len(list(Path("/dev/fd").iterdir()))

    pieces = write_tar([entry_of(tmp_path / "w.bin")])
    next(pieces)
    next(pieces)
    during = len(list(Path("/dev/fd").iterdir()))
    del pieces

    assert (during, len(list(Path("/dev/fd").iterdir()))) == (before + 1, before)


@pytest.mark.parametrize("name", sorted(TREES.keys() - {"many_files"}))
def test_write_tar_when_tarfile_reads_it_finds_the_same(name: str, tmp_path: Path) -> None:
    TREES[name].build(tmp_path)
    entries = layer_entries(tmp_path, TREES[name].layer)

    with tarfile.open(fileobj=io.BytesIO(b"".join(write_tar(entries))), encoding="utf-8") as archive:
        found = [(info.name, info.mode, info.size, info.isdir(), info.uid, info.gid, info.mtime) for info in archive]

    assert found == [(entry.name, entry.mode, entry.size, entry.is_directory, 1000, 0, 0) for entry in entries]
