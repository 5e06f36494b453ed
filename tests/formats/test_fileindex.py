import pytest

from orchard.errors import NotFoundError, UnsafeArchiveError
from orchard.formats import FileIndex, Layer, LayerFile, LayerFiles, LayerKind
from orchard.oci import Descriptor


def layer(path: str = "a") -> Layer:
    media_type = "application/vnd.kitops.modelkit.code.v1.tar"
    return Layer(kind=LayerKind.CODE, path=path, descriptor=Descriptor.of(path.encode(), media_type))


def held(*paths: str, directories: tuple[str, ...] = ()) -> LayerFiles:
    return LayerFiles(tuple(LayerFile(path, 1, 0o644, 512) for path in paths), directories)


INDEX = FileIndex([(layer("b"), held("b/y", "b/x/z", "b.txt", directories=("b", "b/empty"))), (layer(), held("a"))])


def test_file_index_then_is_sorted_by_path() -> None:
    assert [file.path for file in INDEX] == ["a", "b.txt", "b/x/z", "b/y"]
    assert len(INDEX) == 4
    assert INDEX.directories == ("b", "b/empty", "b/x")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ["a", "b.txt", "b/x/z", "b/y"]),
        ("b", ["b/x/z", "b/y"]),
        ("b/x", ["b/x/z"]),
        ("b/y", ["b/y"]),
        ("b.txt", ["b.txt"]),
        ("c", []),
    ],
)
def test_below_then_gives_what_lies_there(path: str, expected: list[str]) -> None:
    assert [file.path for file in INDEX.below(path)] == expected


def test_file_when_it_is_there_then_knows_its_layer() -> None:
    assert INDEX.file("b/y").layer.path == "b"
    assert INDEX.file("b/y").kind is LayerKind.CODE


@pytest.mark.parametrize(
    ("path", "why"), [("b", "'b' is a directory"), ("c", "'c' is not in this version"), ("", "dir")]
)
def test_file_when_it_is_not_there_then_says_what_is(path: str, why: str) -> None:
    with pytest.raises(NotFoundError, match=why):
        INDEX.file(path)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        pytest.param(held("a"), held("a"), "'a' is in the version twice", id="a file twice"),
        pytest.param(held("a"), held("a/b"), "'a' is a file and a directory", id="through a file"),
        pytest.param(held("a/b/c"), held("a/b"), "'a/b' is a file and a directory", id="in place of a directory"),
        pytest.param(held("a"), held(directories=("a",)), "'a' is a file and a directory", id="a named directory"),
    ],
)
def test_file_index_when_layers_contradict_one_another_then_refuses_them(
    first: LayerFiles, second: LayerFiles, why: str
) -> None:
    with pytest.raises(UnsafeArchiveError, match=why):
        FileIndex([(layer("x"), first), (layer("y"), second)])
