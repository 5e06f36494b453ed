import gzip
import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from orchard.archive import compress
from orchard.errors import (
    ConflictError,
    IntegrityError,
    InvalidDocumentError,
    InvalidError,
    LimitExceededError,
    NotAModelKitError,
    NotFoundError,
    UnsafeArchiveError,
    UsageError,
)
from orchard.formats import (
    CONFIG_TYPE,
    Kitfile,
    Layer,
    LayerKind,
    build_config,
    build_manifest,
    parse_filters,
    parse_kitfile,
    read_modelkit,
)
from orchard.oci import Descriptor, Digest, Readable, Reference
from orchard.project import Existing, Terms, Unpacked, Version, Workspace, read_version
from orchard.project.unpacking import unpack
from orchard.store import Bytes, MemoryStore
from support.hubs import wait_until
from support.projects import noise

KITFILE = """\
manifestVersion: 1.0.0
package:
  name: x
model:
  name: m
  path: model/w.bin
code:
  - path: src
"""
MODEL = "application/vnd.kitops.modelkit.model.v1.tar"
CODE = "application/vnd.kitops.modelkit.code.v1.tar"


def tar(members: dict[str, bytes | None], *, links: dict[str, str] | None = None) -> bytes:
    """Make a tar of files, directories (None) and links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.mode, info.size = (0o755 if content is None else 0o644), len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return out.getvalue()


MODEL_TAR = tar({"model": None, "model/w.bin": b"weights"})
CODE_TAR = tar({"src": None, "src/a.py": b"print()"})


def put(store: MemoryStore, raw: bytes, media_type: str) -> Descriptor:
    descriptor = Descriptor.of(raw, media_type)
    store.push(descriptor, Bytes(raw))
    return descriptor


def make_kit(
    layers: list[tuple[LayerKind, str, bytes, str]] | None = None, kitfile: str = KITFILE
) -> tuple[Version, MemoryStore]:
    """Put a kit into a memory store: kind, path, bytes and media type of each layer."""
    store = MemoryStore()
    if layers is None:
        layers = [
            (LayerKind.MODEL, "model/w.bin", MODEL_TAR, MODEL),
            (LayerKind.CODE, "src", CODE_TAR, CODE),
        ]
    made = [
        Layer(kind=kind, path=path, descriptor=put(store, raw, media_type), diff_id=_diff_id(raw, media_type))
        for kind, path, raw, media_type in layers
    ]
    parsed = parse_kitfile(kitfile.encode())
    config = build_config(parsed, made)
    manifest = build_manifest(put(store, config, CONFIG_TYPE), made)
    store.push(manifest.describe(), Bytes(manifest.raw))
    return read_version(store, manifest.describe()), store


def _diff_id(raw: bytes, media_type: str) -> Digest:
    return Digest.of(gzip.decompress(raw) if media_type.endswith("+gzip") else raw)


def run(version: Version, store: MemoryStore, target: Path, *filters: str, terms: Terms | None = None) -> Unpacked:
    return unpack(version, store, target, filters=parse_filters(filters), terms=terms or Terms())


def files(directory: Path) -> dict[str, bytes]:
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_unpack_then_every_file_and_the_kitfile_are_there(tmp_path: Path) -> None:
    done = run(*make_kit(), tmp_path / "out")
    assert files(tmp_path / "out") == {"Kitfile": KITFILE.encode(), "model/w.bin": b"weights", "src/a.py": b"print()"}
    assert (done.kitfile, len(done.layers), set(done.files)) == (True, 2, set(files(tmp_path / "out")))


FILTERS = [
    pytest.param(("model",), {"model/w.bin"}, id="one-type"),
    pytest.param(("model,kitfile",), {"model/w.bin", "Kitfile"}, id="two-types"),
    pytest.param(("code:src",), {"src/a.py"}, id="path"),
    pytest.param(("code:./src/",), {"src/a.py"}, id="path-spelt-otherwise"),
    pytest.param(("model:m", "code"), {"model/w.bin", "src/a.py"}, id="two-filters"),
    pytest.param(("docs",), set(), id="nothing"),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_unpack_with_filters_then_only_those_layers_are_opened(
    tmp_path: Path, filters: tuple[str, ...], expected: set[str]
) -> None:
    run(*make_kit(), tmp_path / "out", *filters)
    assert set(files(tmp_path / "out")) == expected


def test_unpack_a_compressed_layer_then_it_is_expanded_and_checked(tmp_path: Path) -> None:
    layer = (LayerKind.CODE, "src", gzip.compress(CODE_TAR), f"{CODE}+gzip")
    run(*make_kit([layer], "manifestVersion: 1.0.0\ncode:\n  - path: src\n"), tmp_path)
    assert files(tmp_path)["src/a.py"] == b"print()"


def test_unpack_a_raw_layer_then_it_is_the_file(tmp_path: Path) -> None:
    layer = (LayerKind.CODE, "src/a.py", b"raw bytes", CODE.replace("tar", "raw"))
    run(*make_kit([layer], "manifestVersion: 1.0.0\ncode:\n  - path: src/a.py\n"), tmp_path)
    assert files(tmp_path)["src/a.py"] == b"raw bytes"


COMPRESSED = [
    pytest.param("raw+gzip", b"raw bytes", "gzip", id="raw-gzip"),
    pytest.param("raw+zstd", b"raw bytes", "zstd", id="raw-zstd"),
    pytest.param("tar+zstd", CODE_TAR, "zstd", id="tar-zstd"),
    pytest.param("tar+gzip", CODE_TAR, "gzip", id="tar-gzip"),
]


@pytest.mark.parametrize(("form", "plain", "compression"), COMPRESSED)
def test_unpack_every_form_of_a_compressed_layer_then_what_is_inside_is_checked(
    tmp_path: Path, form: str, plain: bytes, compression: Literal["gzip", "zstd"]
) -> None:
    store = MemoryStore()
    raw = b"".join(compress([plain], compression))
    descriptor = put(store, raw, CODE.replace("tar", form))
    kitfile = parse_kitfile(b"manifestVersion: 1.0.0\ncode:\n  - path: src/a.py\n")
    for promised, target in ((Digest.of(plain), tmp_path / "good"), (Digest.of(b"other"), tmp_path / "bad")):
        layer = Layer(kind=LayerKind.CODE, path="src/a.py", descriptor=descriptor, diff_id=promised)
        config = build_config(kitfile, [layer])
        manifest = build_manifest(put(store, config, CONFIG_TYPE), [layer])
        version = Version(manifest.describe(), manifest, read_modelkit(manifest, config))
        if target.name == "good":
            run(version, store, target)
        else:
            with pytest.raises(IntegrityError, match="diffId"):
                run(version, store, target)
    assert files(tmp_path)["good/src/a.py"] == (plain if "raw" in form else b"print()")
    assert not (tmp_path / "bad").exists()


def test_unpack_a_kit_of_a_very_old_kit_then_names_are_relative_to_the_entry(tmp_path: Path) -> None:
    store = MemoryStore()
    layer = put(store, tar({"w.bin": b"old"}), MODEL)
    config = b'{"manifestVersion":"1.0","package":{},"model":{"name":"m","path":"deep/w.bin"}}'
    manifest = build_manifest(
        put(store, config, CONFIG_TYPE), [Layer(kind=LayerKind.MODEL, path="deep/w.bin", descriptor=layer)]
    )
    store.push(manifest.describe(), Bytes(manifest.raw))
    run(Version(manifest.describe(), manifest, read_modelkit(manifest, config)), store, tmp_path)
    assert files(tmp_path)["deep/w.bin"] == b"old"


def test_unpack_where_a_file_is_in_the_way_then_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w.bin").write_bytes(b"mine")
    with pytest.raises(ConflictError, match=r"model/w\.bin.*already exists"):
        run(*make_kit(), tmp_path)
    assert files(tmp_path) == {"model/w.bin": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


TERMS = [
    pytest.param(Existing.OVERWRITE, b"weights", id="overwrite"),
    pytest.param(Existing.KEEP, b"mine", id="keep"),
]


@pytest.mark.parametrize(("existing", "expected"), TERMS)
def test_unpack_where_a_file_is_in_the_way_when_told_what_to_do_then_it_does_it(
    tmp_path: Path, existing: Existing, expected: bytes
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w.bin").write_bytes(b"mine")
    run(*make_kit(), tmp_path, terms=Terms(existing))
    assert files(tmp_path)["model/w.bin"] == expected
    assert files(tmp_path)["src/a.py"] == b"print()"


def test_unpack_beside_the_same_kitfile_then_it_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "Kitfile").write_text(KITFILE)
    assert not run(*make_kit(), tmp_path).kitfile


def test_unpack_beside_another_kitfile_then_it_is_refused_unless_told(tmp_path: Path) -> None:
    (tmp_path / "Kitfile").write_text("mine")
    with pytest.raises(ConflictError, match=r"Kitfile exists in .* and does not match"):
        run(*make_kit(), tmp_path)
    run(*make_kit(), tmp_path, terms=Terms(Existing.OVERWRITE))
    assert (tmp_path / "Kitfile").read_text() == KITFILE


HOSTILE = [
    pytest.param(tar({"../evil": b"x"}), UnsafeArchiveError, "evil", id="parent"),
    pytest.param(tar({"/evil": b"x"}), UnsafeArchiveError, "evil", id="absolute"),
    pytest.param(tar({}, links={"link": "/etc"}), UnsafeArchiveError, "link", id="symlink"),
    pytest.param(tar({".orchard-0123456789abcdef/journal": b"{}"}), InvalidError, "reserved", id="staging-directory"),
    pytest.param(tar({"a": b"1", "A": b"2"}), UnsafeArchiveError, "A", id="case"),
    pytest.param(MODEL_TAR[:700], InvalidError, "model", id="cut-off"),
    pytest.param(MODEL_TAR + b"more", InvalidError, "model", id="trailing"),
]


@pytest.mark.parametrize(("raw", "error", "message"), HOSTILE)
def test_unpack_a_hostile_layer_then_nothing_appears(
    tmp_path: Path, raw: bytes, error: type[Exception], message: str
) -> None:
    version, store = make_kit([(LayerKind.MODEL, "model/w.bin", raw, MODEL), (LayerKind.CODE, "src", CODE_TAR, CODE)])
    with pytest.raises(error, match=message):
        run(version, store, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_unpack_names_that_differ_by_case_when_told_to_then_both_are_there(tmp_path: Path) -> None:
    raw = tar({"src": None, "src/a": b"1", "src/A": b"2"})
    kit = make_kit([(LayerKind.CODE, "src", raw, CODE)], "manifestVersion: 1.0.0\ncode:\n  - path: src\n")
    run(*kit, tmp_path, terms=Terms(any_names=True))
    assert files(tmp_path)["src/A"] == b"2"


def test_unpack_more_files_than_accepted_then_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LimitExceededError, match="1"):
        run(*make_kit(), tmp_path / "out", terms=Terms(members=1))
    assert list(tmp_path.iterdir()) == []


class Recorder:
    """A source that counts what it gives."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.given = 0

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        with self._store.open(content, offset) as self._body:
            yield self

    def read(self, size: int, /) -> bytes:
        chunk = self._body.read(size)
        self.given += len(chunk)
        return chunk


class Lying:
    """A source that gives other bytes than it has."""

    def __init__(self, store: MemoryStore, change: Callable[[bytes], bytes]) -> None:
        self._store = store
        self._change = change

    def open(self, content: Descriptor, offset: int = 0) -> io.BytesIO:
        with self._store.open(content, offset) as body:
            return io.BytesIO(self._change(body.read(1 << 20)))


LIES = [
    pytest.param(lambda raw: raw[:-1] + b"!", id="last-byte"),
    pytest.param(lambda raw: b"!" + raw[1:], id="first-byte"),
    pytest.param(lambda raw: raw[:-512], id="too-short"),
    pytest.param(lambda raw: raw + bytes(512), id="too-long"),
]


@pytest.mark.parametrize("change", LIES)
def test_unpack_from_a_source_that_lies_then_nothing_appears(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    version, store = make_kit()
    with pytest.raises(IntegrityError):
        unpack(version, Lying(store, change), tmp_path / "out", filters=parse_filters(()))
    assert list(tmp_path.iterdir()) == []


def test_unpack_when_the_diff_id_is_wrong_then_it_is_refused(tmp_path: Path) -> None:
    raw = gzip.compress(CODE_TAR)
    store = MemoryStore()
    layer = Layer(
        kind=LayerKind.CODE,
        path="src",
        descriptor=put(store, raw, f"{CODE}+gzip"),
        diff_id=Digest.of(b"something else"),
    )
    config = build_config(parse_kitfile(b"manifestVersion: 1.0.0\ncode:\n  - path: src\n"), [layer])
    manifest = build_manifest(put(store, config, CONFIG_TYPE), [layer])
    version = Version(manifest.describe(), manifest, read_modelkit(manifest, config))
    with pytest.raises(IntegrityError, match="diffId"):
        run(version, store, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_unpack_then_a_layer_can_be_used_while_the_next_one_is_on_its_way(tmp_path: Path) -> None:
    version, store = make_kit()
    seen: list[bool] = []

    class Watching:
        """A source whose second layer comes only when the first one is in place."""

        @contextmanager
        def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
            if content == version.kit.layers[1].descriptor:
                wait_until((tmp_path / "model/w.bin").exists)
                seen.append(True)
            with store.open(content, offset) as body:
                yield body

    unpack(version, Watching(), tmp_path, filters=parse_filters(()))
    assert seen == [True]


def test_unpack_when_a_later_layer_is_damaged_then_the_earlier_ones_go_again(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"mine")
    version, store = make_kit()

    class Damaged:
        @contextmanager
        def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
            if content == version.kit.layers[1].descriptor:
                wait_until((tmp_path / "model/w.bin").exists)
                yield io.BytesIO(bytes(content.size))
            else:
                with store.open(content, offset) as body:
                    yield body

    with pytest.raises(IntegrityError):
        unpack(version, Damaged(), tmp_path, filters=parse_filters(()))
    assert files(tmp_path) == {"kept": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_unpack_where_a_file_is_in_the_way_then_the_content_is_not_read_to_its_end(tmp_path: Path) -> None:
    raw = tar({"src": None, "src/a.py": b"print()", "src/big": bytes(64 << 20)})
    version, store = make_kit([(LayerKind.CODE, "src", raw, CODE)], "manifestVersion: 1.0.0\ncode:\n  - path: src\n")
    source = Recorder(store)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_bytes(b"mine")
    with pytest.raises(ConflictError, match=r"src/a\.py' already exists"):
        unpack(version, source, tmp_path, filters=parse_filters(()))
    assert source.given < 16 << 20
    assert files(tmp_path) == {"src/a.py": b"mine"}


BIG = [
    pytest.param(8 << 20, id="whole-blocks"),
    pytest.param((9 << 20) + 4097, id="with-a-rest"),
]


@pytest.mark.parametrize("size", BIG)
@pytest.mark.parametrize("form", ["tar", "raw"])
def test_unpack_a_big_file_then_every_byte_is_there(tmp_path: Path, size: int, form: str) -> None:
    content = noise(size)
    raw = content if form == "raw" else tar({"src": None, "src/big": content})
    layer = (LayerKind.CODE, "src/big", raw, CODE.replace("tar", form))
    run(*make_kit([layer], "manifestVersion: 1.0.0\ncode:\n  - path: src/big\n"), tmp_path)
    assert (tmp_path / "src/big").read_bytes() == content


def test_read_version_of_an_image_then_it_says_what_it_is() -> None:
    store = MemoryStore()
    config = put(store, b"{}", "application/vnd.oci.image.config.v1+json")
    manifest = build_manifest(config, [])
    store.push(manifest.describe(), Bytes(manifest.raw))
    with pytest.raises(NotAModelKitError, match="container image, not a ModelKit"):
        read_version(store, manifest.describe())


def test_read_version_of_a_broken_manifest_then_its_digest_is_in_the_message() -> None:
    raw = b'{"schemaVersion": 2, "layers": 3}'
    broken = Descriptor.of(raw, "application/vnd.oci.image.manifest.v1+json")
    with pytest.raises(InvalidDocumentError, match=str(broken.digest)):
        read_version(Bytes(raw), broken)


def test_find_what_is_nowhere_then_the_next_step_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, environ={})
    with pytest.raises(NotFoundError, match="x:latest: not in the local store; see: orchard list"):
        workspace.find(Reference.parse("x"))


def test_push_without_a_registry_then_an_example_is_given(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a registry is needed here"):
        Workspace(tmp_path, environ={}).push(Reference.parse("x:y"))


def test_kitfile_without_layers_then_only_itself_is_unpacked(tmp_path: Path) -> None:
    assert isinstance(make_kit([], "manifestVersion: 1.0.0\npackage:\n  name: x\n")[0].kit.kitfile, Kitfile)
    done = run(*make_kit([], "manifestVersion: 1.0.0\npackage:\n  name: x\n"), tmp_path)
    assert set(done.files) == {"Kitfile"}
