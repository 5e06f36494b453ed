import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

from orchard.archive import Limits
from orchard.errors import IntegrityError, InvalidError, LimitExceededError, UnsafeArchiveError
from orchard.formats import FileIndex, LayerKind, parse_filters
from orchard.oci import Digest, Reference
from orchard.project import Held, IndexCache, OpenVersion, Terms, Workspace, index_version
from orchard.store import Bytes
from support.archive_tars import END, block, directory, member
from support.kits import dataset_kit
from support.projects import make_project

BIG = bytes(range(256)) * 8192  # 2 MiB
TAR = directory("d") + member("d/a", b"first", mode=0o755) + member("d/big", BIG) + END


def shown(index: FileIndex) -> list[tuple[str, int, int, int]]:
    return [(file.path, file.size, file.mode, file.offset) for file in index]


def test_index_when_a_layer_is_a_tar_then_reads_headers_only() -> None:
    version, store = dataset_kit(("d", TAR, "tar"))

    index = index_version(version, store)

    assert shown(index) == [("d/a", 5, 0o755, 1024), ("d/big", 2 << 20, 0o644, 2048)]
    assert index.file("d/a").digest is None
    assert index.directories == ("d",)
    assert [size for _, size in store.reads] == [256 << 10, 1024]


def test_index_when_a_layer_is_one_bare_file_then_reads_nothing() -> None:
    version, store = dataset_kit(("data/raw.csv", b"1,2\n", "raw"))

    index = index_version(version, store)

    assert shown(index) == [("data/raw.csv", 4, 0o644, 0)]
    assert index.file("data/raw.csv").digest == str(Digest.of(b"1,2\n"))
    assert store.reads == []


def test_index_when_a_layer_is_compressed_then_knows_digests_too() -> None:
    version, store = dataset_kit(("d", gzip.compress(TAR), "tar+gzip"))

    index = index_version(version, store)

    assert shown(index) == [("d/a", 5, 0o755, 1024), ("d/big", 2 << 20, 0o644, 2048)]
    assert index.file("d/big").digest == str(Digest.of(BIG))
    assert [size for _, size in store.reads] == [None]


def test_index_when_a_layer_is_one_compressed_file_then_measures_it_once(tmp_path: Path) -> None:
    version, store = dataset_kit(("train.csv", gzip.compress(BIG), "raw+gzip"))
    for _ in range(2):
        index = index_version(version, store, cache=IndexCache(tmp_path))
        assert shown(index) == [("train.csv", len(BIG), 0o644, 0)]
        assert index.file("train.csv").digest == str(Digest.of(BIG))
    assert len(store.reads) == 1

    with OpenVersion(version, Held(store, version.kit.layers)) as opened:
        assert opened.read("train.csv", offset=300, size=3) == BIG[300:303]


def test_index_when_digests_are_wanted_then_reads_the_layer_once() -> None:
    version, store = dataset_kit(("d", TAR, "tar"))

    index = index_version(version, store, hashed=True)

    assert index.file("d/a").digest == str(Digest.of(b"first"))
    assert [size for _, size in store.reads] == [None]


def test_index_when_it_is_an_old_kit_then_paths_are_those_that_are_unpacked(tmp_path: Path) -> None:
    version, store = dataset_kit(("data/sub/d", member("a", b"1") + END, "tar"))
    old = replace(version, kit=replace(version.kit, layers=(replace(version.kit.layers[0], legacy=True),)))

    assert [file.path for file in index_version(old, store)] == ["data/sub/a"]
    assert [file.path for file in index_version(old, store, cache=IndexCache(tmp_path))] == ["data/sub/a"]
    assert [file.path for file in index_version(version, store, cache=IndexCache(tmp_path))] == ["a"]


def test_index_when_a_project_was_packed_then_lists_what_unpack_writes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home", environ={})
    workspace.pack(make_project(tmp_path / "project"), tag="x:1")
    version, store = workspace.find(Reference.parse("x:1"))

    index = index_version(version, store, hashed=True)

    out = tmp_path / "out"
    workspace.unpack(Reference.parse("x:1"), out, filters=parse_filters(()), terms=Terms())
    written = {p.relative_to(out).as_posix(): p for p in out.rglob("*") if p.is_file() and p.name != "Kitfile"}
    assert {file.path: file.digest for file in index} == {
        path: str(Digest.of(file.read_bytes())) for path, file in written.items()
    }
    assert index.file("model/weights.bin").kind is LayerKind.MODEL


class TestCache:
    def test_when_it_was_seen_before_then_reads_nothing(self, tmp_path: Path) -> None:
        version, store = dataset_kit(("d", TAR, "tar"))
        first = index_version(version, store, cache=IndexCache(tmp_path))
        store.reads.clear()

        second = index_version(version, store, cache=IndexCache(tmp_path))

        assert shown(second) == shown(first)
        assert store.reads == []

    def test_when_digests_are_wanted_and_not_known_then_reads_again(self, tmp_path: Path) -> None:
        version, store = dataset_kit(("d", TAR, "tar"))
        index_version(version, store, cache=IndexCache(tmp_path))

        hashed = index_version(version, store, cache=IndexCache(tmp_path), hashed=True)
        store.reads.clear()

        assert index_version(version, store, cache=IndexCache(tmp_path)).file("d/a").digest == hashed.file("d/a").digest
        assert store.reads == []

    def test_when_a_registry_told_it_in_parts_then_nobody_else_believes_it(self, tmp_path: Path) -> None:
        version, store = dataset_kit(("d", TAR, "tar"))
        index_version(version, store, cache=IndexCache(tmp_path, "evil.example:5000"))
        store.reads.clear()

        index_version(version, store, cache=IndexCache(tmp_path, "good.example"))
        index_version(version, store, cache=IndexCache(tmp_path))

        assert len(store.reads) == 4
        store.reads.clear()
        index_version(version, store, cache=IndexCache(tmp_path, "third.example"))
        assert store.reads == []

    @pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'{"version":1,"layer":"sha256:0","hashed":true}'])
    def test_when_it_is_damaged_then_reads_again(self, tmp_path: Path, damage: bytes) -> None:
        version, store = dataset_kit(("d", TAR, "tar"))
        first = index_version(version, store, cache=IndexCache(tmp_path))
        for path in (tmp_path / "cache" / "index").rglob("*.json"):
            path.write_bytes(damage)

        assert shown(index_version(version, store, cache=IndexCache(tmp_path))) == shown(first)

    def test_when_it_belongs_to_another_layer_then_is_not_believed(self, tmp_path: Path) -> None:
        version, store = dataset_kit(("d", TAR, "tar"))
        other, elsewhere = dataset_kit(("d", member("lie", b"") + END, "tar"))
        index_version(version, store, cache=IndexCache(tmp_path))
        index_version(other, elsewhere, cache=IndexCache(tmp_path))
        truth, lie = sorted(
            (tmp_path / "cache" / "index" / "verified").iterdir(), key=lambda path: b"lie" in path.read_bytes()
        )
        truth.write_bytes(lie.read_bytes())

        assert [file.path for file in index_version(version, store, cache=IndexCache(tmp_path))] == ["d/a", "d/big"]

    def test_when_there_are_very_many_then_the_oldest_go(self, tmp_path: Path) -> None:
        version, store = dataset_kit(("d", TAR, "tar"))
        cache = IndexCache(tmp_path)
        content = index_version(version, store)
        assert len(content) == 2
        (tmp_path / "cache" / "index" / "verified").mkdir(parents=True)
        for number in range(600):
            (tmp_path / "cache" / "index" / "verified" / f"sha256-{number}.json").touch()

        index_version(version, store, cache=cache)

        assert len(list((tmp_path / "cache" / "index" / "verified").iterdir())) == 500

    def test_when_it_cannot_be_written_then_that_is_no_failure(self, tmp_path: Path) -> None:
        version, store = dataset_kit(("d", TAR, "tar"))
        (tmp_path / "cache").write_text("in the way")

        assert len(index_version(version, store, cache=IndexCache(tmp_path))) == 2


@pytest.mark.parametrize(
    ("tar", "error", "why"),
    [
        pytest.param(member("../x") + END, UnsafeArchiveError, "not a plain relative path", id="climbs"),
        pytest.param(member("/x") + END, UnsafeArchiveError, "not a plain relative path", id="absolute"),
        pytest.param(block("x", kind=b"2", link=b"/etc") + END, UnsafeArchiveError, "is a symbolic link", id="link"),
        pytest.param(member("x") * 2 + END, UnsafeArchiveError, "is in the version twice", id="twice"),
        pytest.param(member("x") + member("x/y") + END, UnsafeArchiveError, "a file and a directory", id="through"),
        pytest.param(member("x")[:-512], InvalidError, "ends without", id="cut off"),
        pytest.param(b"no tar at all" * 100, InvalidError, "is no number of a tar header", id="no tar"),
        pytest.param(member("x") + END + b"y", InvalidError, "bytes follow the end", id="tail"),
    ],
)
@pytest.mark.parametrize("form", ["tar", "tar+gzip"])
def test_index_when_unpacking_would_refuse_a_layer_then_refuses_it(
    tar: bytes, error: type[Exception], why: str, form: str
) -> None:
    version, store = dataset_kit(("d", gzip.compress(tar) if form == "tar+gzip" else tar, form))

    with pytest.raises(error, match=why):
        index_version(version, store)


def test_index_when_layers_hold_too_much_together_then_says_so() -> None:
    layers = [(f"d{n}", member(f"d{n}/a") + member(f"d{n}/b") + END, "tar") for n in range(3)]
    version, store = dataset_kit(*layers)

    with pytest.raises(LimitExceededError, match="more than 5 files and directories"):
        index_version(version, store, limits=Limits(members=5))


def test_index_when_a_compressed_layer_is_not_the_promised_one_then_says_that_first() -> None:
    version, _ = dataset_kit(("d", gzip.compress(TAR), "tar+gzip"))
    lying = Bytes(bytes(version.kit.layers[0].descriptor.size))

    with pytest.raises(IntegrityError, match="does not match"):
        index_version(version, lying)
