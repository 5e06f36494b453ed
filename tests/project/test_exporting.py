"""Exports: the same versions give the same bytes, and an interrupted one goes on where it was."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest

from orchard.errors import ConflictError, IntegrityError, RemoteError, StorageError
from orchard.oci import Descriptor, Digest, Readable, Reference, mediatype
from orchard.project import Exported, Item, export_file, export_stream
from orchard.store import Layout, MemoryStore
from support.projects import noise
from support.stores import Recorder, describe, put_index, put_manifest

MIB = 1 << 20
BIG, SMALL = noise(3 * MIB, 1), noise(1000, 2)


@dataclass
class Shelf:
    """A store with one version, that counts what is read of it."""

    store: MemoryStore = field(default_factory=MemoryStore)
    breaks_after: int | None = None
    change: Callable[[bytes], bytes] = bytes
    opened: list[tuple[Descriptor, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = put_manifest(self.store, BIG, SMALL)
        self.signature = put_manifest(self.store, b"signature", subject=self.root.to_json(), artifactType="x/sig")

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        self.opened.append((content, offset))
        breaks = self.breaks_after if content.size == len(BIG) else None
        return Recorder(self.store, breaks_after=breaks, change=self.change).open(content, offset)

    def resolve(self, target: str) -> Descriptor:
        return self.store.resolve(target)

    def tags(self) -> list[str]:
        return []

    def referrers(self, subject: Digest) -> list[Descriptor]:
        return [self.signature] if subject == self.root.digest else []

    @property
    def item(self) -> Item:
        return Item(Reference.parse("x:v1"), self.root, self)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def whole(shelf: Shelf) -> bytes:
    stream = BytesIO()
    export_stream([shelf.item], stream)
    shelf.opened.clear()
    return stream.getvalue()


def export(shelf: Shelf, target: Path) -> Exported:
    return export_file([shelf.item], target)


def test_file_and_stream_are_the_same_bytes_in_any_order(shelf: Shelf, tmp_path: Path) -> None:
    exported = export(shelf, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == whole(shelf)
    assert (exported.size, exported.reused) == (len(whole(shelf)), 0)
    assert (exported.blobs, exported.referrers) == (6, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]
    other = Item(Reference.parse("y:v1"), shelf.root, shelf)
    one, two = BytesIO(), BytesIO()
    export_stream([shelf.item, other], one)
    export_stream([other, shelf.item, other], two)
    assert one.getvalue() == two.getvalue()


def test_interrupted_export_goes_on_within_the_blob(shelf: Shelf, tmp_path: Path) -> None:
    expected = whole(shelf)
    shelf.breaks_after = 2 * MIB
    with pytest.raises(RemoteError, match="the connection broke"):
        export(shelf, tmp_path / "a.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.partial"]
    written = (tmp_path / "a.tar.partial").stat().st_size
    assert written >= 2 * MIB
    shelf.breaks_after = None
    shelf.opened.clear()
    exported = export(shelf, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == expected
    assert exported.reused == written
    assert [offset for content, offset in shelf.opened if content.size == len(BIG)] == [2 * MIB]


@pytest.mark.parametrize("cut", [0, 100, 512, 3000, 20_000, MIB, 3 * MIB, -1], ids=str)
def test_export_goes_on_from_any_place(shelf: Shelf, tmp_path: Path, cut: int) -> None:
    expected = whole(shelf)
    (tmp_path / "a.tar.partial").write_bytes(expected[:cut])
    exported = export(shelf, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == expected
    assert exported.reused <= len(expected[:cut])
    again = sum(content.size - offset for content, offset in shelf.opened if content.size == len(BIG))
    assert again <= len(expected) - len(expected[:cut]) + 1024


@pytest.mark.parametrize("place", [5, 600, 5000, MIB, -700, -3 * MIB], ids=str)
def test_export_mends_what_an_earlier_run_left_damaged(shelf: Shelf, tmp_path: Path, place: int) -> None:
    expected = whole(shelf)
    damaged = bytearray(expected + b"and more")
    damaged[place] ^= 1
    (tmp_path / "a.tar.partial").write_bytes(damaged)
    exported = export(shelf, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == expected
    assert exported.reused < len(expected)


def test_damaged_start_of_a_blob_is_written_again(shelf: Shelf, tmp_path: Path) -> None:
    expected = whole(shelf)
    start = expected.index(BIG)
    damaged = bytearray(expected[: start + 2 * MIB])
    damaged[start + MIB] ^= 1
    (tmp_path / "a.tar.partial").write_bytes(damaged)
    export(shelf, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == expected
    assert [offset for content, offset in shelf.opened if content.size == len(BIG)] == [2 * MIB, 0]


def test_export_when_the_source_lies_leaves_no_file(shelf: Shelf, tmp_path: Path) -> None:
    shelf.change = lambda chunk: chunk.replace(b"sig", b"SIG")
    item = Item(Reference.parse("x:v1"), shelf.signature, shelf)
    for _ in range(2):
        with pytest.raises(IntegrityError):
            export_file([item], tmp_path / "a.tar")
        assert not (tmp_path / "a.tar").exists()


def test_export_onto_a_file_refuses_unless_told(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("mine")
    with pytest.raises(ConflictError, match="--overwrite"):
        export(shelf, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_text() == "mine"
    export_file([shelf.item], tmp_path / "a.tar", overwrite=True)
    assert (tmp_path / "a.tar").read_bytes() == whole(shelf)


def test_export_into_a_directory_that_is_not_there_says_so(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"a\.tar\.partial: No such file"):
        export(shelf, tmp_path / "missing/a.tar")


def test_export_from_a_layout_finds_referrers_of_referrers(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    repository = layout.repository("localhost/x")
    root = put_manifest(repository, b"layer")
    signature = put_manifest(repository, b"signature", subject=root.to_json())
    put_manifest(repository, b"about the signature", subject=signature.to_json())
    put_manifest(repository, b"about something else", subject=describe(b"x", mediatype.OCI_MANIFEST).to_json())
    repository.tag(put_manifest(repository, b"an older signature"), f"sha256-{root.digest.hex}.sig")
    item = Item(Reference.parse("x:v1"), root, repository)
    assert export_stream([item], BytesIO()).referrers == 3


def test_export_of_an_index_takes_its_manifests(shelf: Shelf) -> None:
    root = put_index(shelf.store, shelf.root)
    stream = BytesIO()
    exported = export_stream([Item(Reference.parse("x:v1"), root, shelf)], stream)
    assert (exported.blobs, exported.referrers) == (7, 1)
    assert BIG in stream.getvalue()
