"""What differs between two versions: values of the Kitfile, contents of files; what is equal is not read."""

from pathlib import Path

import pytest

from orchard.oci import JSON
from orchard.project import (
    EVERY_BYTE,
    USUAL,
    Change,
    Comparison,
    CompressionName,
    Effort,
    FileChange,
    Kind,
    Level,
    Recipe,
    Side,
    Workspace,
    compare,
    side,
)
from orchard.project.comparing.values import changes, flatten
from support.projects import noise, write_files

MIB = 1 << 20


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": {"b": 1, "c": {}}}, {"a.b": 1, "a.c": {}}),
        ({"a": [1, 2]}, {"a": [1, 2]}),
        ({"a": []}, {"a": []}),
        ({"a": [{"name": "x", "v": 1}, {"name": "y"}]}, {"a[x].name": "x", "a[x].v": 1, "a[y].name": "y"}),
        ({"a": [{"path": "p"}, {"path": "q"}]}, {"a[p].path": "p", "a[q].path": "q"}),
        ({"a": [{"name": "x"}, {"name": "x"}]}, {"a[0].name": "x", "a[1].name": "x"}),
        ({"a": [{"name": "x"}, 3]}, {"a[0].name": "x", "a[1]": 3}),
        ({"a": [[1], [2]]}, {"a[0]": [1], "a[1]": [2]}),
        (None, {"": None}),
    ],
)
def test_flatten_gives_every_leaf_by_its_path(value: JSON, expected: dict[str, JSON]) -> None:
    assert flatten(value) == expected


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (1, 1.0, True),
        (0.1, 0.10, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (None, False, False),
        ([1, 2], [1.0, 2], True),
        ([1, 2], [2, 1], False),
        ([True], [1], False),
        ({}, {}, True),
    ],
    ids=str,
)
def test_values_are_equal_if_they_mean_the_same(one: JSON, two: JSON, same: bool) -> None:  # noqa: FBT001 -- a column
    assert (list(changes({"x": one}, {"x": two})) == []) is same


def test_changes_say_what_became_of_each_value() -> None:
    found = list(changes({"a": 1, "b": 2, "c": None}, {"b": 3, "c": None, "d": 4}))
    assert found == [
        Change(Kind.REMOVED, "a", before=1),
        Change(Kind.CHANGED, "b", 2, 3),
        Change(Kind.ADDED, "d", after=4),
    ]


KITFILE = """\
manifestVersion: 1.0.0
package: {name: x}
model: {name: m, path: model, parameters: {lr: %s, layers: [1, 2]}}
docs: [{path: README.md}]
"""


class Shop:
    """Packs versions of one project and compares them."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.workspace = Workspace(base / "home", environ={})

    def pack(
        self, tag: str, files: dict[str, bytes], *, lr: str = "0.1", compression: CompressionName = "none"
    ) -> None:
        readme = {"Kitfile": KITFILE % lr, "README.md": "# x\n"}
        directory = write_files(self.base / tag, {**readme, **{f"model/{name}": data for name, data in files.items()}})
        self.workspace.pack(directory, tag=f"x:{tag}", recipe=Recipe(compression=compression))

    def compare(self, *, level: Level = Level.ALL, effort: Effort = USUAL) -> Comparison:
        return compare(side(self.workspace, "x:one"), side(self.workspace, "x:two"), level=level, effort=effort)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def told(files: tuple[FileChange, ...] | None) -> dict[str, str]:
    assert files is not None
    return {change.path: change.kind.value for change in files}


def test_files_are_compared_by_what_is_in_them(shop: Shop) -> None:
    same = {"same": b"same", "empty": b"", "big": noise(5 * MIB)}
    shop.pack("one", {**same, "size": b"1", "content": b"old", "gone": b"x"})
    shop.pack("two", {**same, "size": b"22", "content": b"new", "new": b"y"})
    found = shop.compare()
    assert told(found.files) == {
        "model/content": "changed", "model/gone": "removed", "model/new": "added", "model/size": "changed"
    }  # fmt: skip
    assert (len(found.shared), len(found.only_first), len(found.only_second)) == (1, 1, 1)
    assert (found.kitfile, found.same_config, found.identical) == ((), False, False)


def test_file_whose_mode_alone_changed_is_changed(shop: Shop) -> None:
    shop.pack("one", {"run": b"x"})
    write_files(shop.base / "two", {"Kitfile": KITFILE % "0.1", "README.md": "# x\n", "model/run": "x"})
    (shop.base / "two/model/run").chmod(0o755)
    shop.workspace.pack(shop.base / "two", tag="x:two")
    (change,) = shop.compare().files or ()
    assert (change.kind, change.before and change.before.mode, change.after and change.after.mode) == (
        Kind.CHANGED, 0o644, 0o755
    )  # fmt: skip


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_same_files_in_other_layers_are_the_same(shop: Shop, compression: CompressionName) -> None:
    files = {"a": noise(1000), "b": b"b"}
    shop.pack("one", files)
    shop.pack("two", files, compression=compression)
    found = shop.compare()
    assert (found.shared, found.files) == ((), ())


def test_parameters_are_compared_as_values(shop: Shop) -> None:
    shop.pack("one", {"a": b"a"}, lr="0.10")
    shop.pack("two", {"a": b"a"}, lr="0.2")
    found = shop.compare(level=Level.KITFILE)
    assert found.kitfile == (Change(Kind.CHANGED, "model.parameters.lr", 0.1, 0.2),)
    assert found.files is None
    assert shop.compare(level=Level.LAYERS).kitfile is None


def test_content_is_read_only_as_far_as_allowed_and_needed(shop: Shop) -> None:
    early = bytearray(noise(7 * MIB))
    shop.pack("one", {"early": bytes(early), "large": noise(9 * MIB), "small": b"1"})
    early[0] ^= 1
    shop.pack("two", {"early": bytes(early), "large": noise(9 * MIB, 2), "small": b"2"})
    assert told(shop.compare(effort=Effort(content=8 * MIB)).files) == {
        "model/early": "changed", "model/large": "unknown", "model/small": "changed"
    }  # fmt: skip
    assert told(shop.compare(effort=EVERY_BYTE).files)["model/large"] == "changed"


def test_layers_that_both_have_are_not_looked_into(shop: Shop) -> None:
    shop.pack("one", {"big": noise(MIB)}, lr="1")
    shop.pack("two", {"big": noise(MIB)}, lr="2")
    one, two = side(shop.workspace, "x:one"), side(shop.workspace, "x:two")
    for layer in one.version.kit.layers:
        path = shop.workspace.layout.path_of(layer.descriptor)
        assert path is not None
        path.unlink()
    found = compare(one, two)
    assert isinstance(one, Side)
    assert (found.files, len(found.shared)) == ((), 2)
