"""Archives that other tools, or nobody sane, have written: very many files, names of any bytes."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard.archive import Limits
from orchard.errors import LimitExceededError, UnsafeArchiveError
from orchard.formats import CONFIG_TYPE, Code, Kitfile, Layer, LayerKind, build_config, build_manifest, parse_filters
from orchard.oci import Descriptor
from orchard.project import Existing, Terms, Unpacked, Version, all_or_nothing, read_version
from orchard.project.unpacking import unpack
from orchard.store import Bytes, MemoryStore

CODE = "application/vnd.kitops.modelkit.code.v1.tar"


def tar(names: Iterator[bytes] | list[bytes], *, content: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        for name in names:
            info = tarfile.TarInfo(os.fsdecode(name))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def kit(raw: bytes) -> tuple[Version, MemoryStore]:
    store = MemoryStore()

    def put(data: bytes, media_type: str) -> Descriptor:
        content = Descriptor.of(data, media_type)
        store.push(content, Bytes(data))
        return content

    layer = Layer(kind=LayerKind.CODE, path="src", descriptor=put(raw, CODE))
    config = build_config(Kitfile(code=(Code(path="src"),)), [layer])
    manifest = build_manifest(put(config, CONFIG_TYPE), [layer])
    store.push(manifest.describe(), Bytes(manifest.raw))
    return read_version(store, manifest.describe()), store


def run(raw: bytes, target: Path, terms: Terms | None = None) -> Unpacked:
    version, store = kit(raw)
    return unpack(version, store, target, filters=parse_filters(["code"]), terms=terms or Terms())


@pytest.mark.slow
@pytest.mark.unmeasured
def test_unpack_a_tree_of_very_many_files_then_it_takes_seconds_and_the_limit_holds(tmp_path: Path) -> None:
    count = 99_000 if os.environ.get("ORCHARD_SOAK") == "1" else 30_000
    raw = tar([f"src/{number // 500}/{number}".encode() for number in range(count)], content=b"")
    done = run(raw, tmp_path / "out")
    assert len(done.files) == count
    with pytest.raises(LimitExceededError, match="more than 1000 "):
        run(raw, tmp_path / "small", Terms(members=1000))
    assert not (tmp_path / "small").exists()


NAMES = [
    pytest.param(b"src/a\nb", id="newline"),
    pytest.param(b"src/a\rb", id="carriage-return"),
    pytest.param(b"src/a\x1b[31mb", id="escape"),
    pytest.param(b"src/a\x7fb", id="delete"),
]
NOT_UNICODE = [
    pytest.param(b"src/\xff\xfe", id="invalid"),
    pytest.param(b"src/caf\xe9", id="latin-1"),
    pytest.param(b"src/\xed\xa0\x80", id="surrogate"),
]


@pytest.mark.parametrize("name", NAMES)
def test_unpack_a_name_of_strange_characters_then_it_comes_back(tmp_path: Path, name: bytes) -> None:
    assert [os.fsencode(path) for path in run(tar([name]), tmp_path).files] == [name]
    assert Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).read_bytes() == b"x"


@pytest.mark.parametrize("name", NAMES)
def test_unpack_a_name_of_strange_characters_over_a_file_then_a_failure_puts_the_file_back(
    tmp_path: Path, name: bytes
) -> None:
    # The journal has to hold the name too.
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.parent.mkdir()
    path.write_bytes(b"mine")
    with pytest.raises(RuntimeError, match="later"):
        _place_and_fail(tmp_path, os.fsdecode(name))
    assert path.read_bytes() == b"mine"
    assert [entry.name for entry in tmp_path.iterdir()] == ["src"]


def _place_and_fail(target: Path, name: str) -> None:
    with all_or_nothing(target, Existing.OVERWRITE) as placement:
        staged = placement.tree() / name
        staged.parent.mkdir()
        staged.write_bytes(b"theirs")
        placement.place(staged.parents[len(Path(name).parents) - 1])
        raise RuntimeError("later")


@pytest.mark.parametrize("name", NOT_UNICODE)
def test_unpack_a_name_that_is_not_unicode_then_one_clean_line_says_so(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(UnsafeArchiveError, match="is not UTF-8") as raised:
        run(tar([name]), tmp_path / "out", Terms(any_names=True))
    assert str(raised.value).isprintable()
    assert not (tmp_path / "out").exists()


def test_limits_then_the_default_is_what_the_command_line_says() -> None:
    assert Limits().members == Terms().members == 100_000
