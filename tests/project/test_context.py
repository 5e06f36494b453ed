import os
import socket
from pathlib import Path

import pytest

from orchard.errors import LimitExceededError, NotFoundError, StorageError, UnsafePathError
from orchard.project import Context


class Leaves:
    """Ignores the names it is given, and all below them."""

    def __init__(self, *names: str, descend: bool = False) -> None:
        self._names = names
        self._descend = descend

    def matches(self, path: str, /) -> bool:
        return any(path == name or path.startswith(f"{name}/") for name in self._names)

    def may_descend(self, path: str, /) -> bool:
        return self._descend and path in self._names


def names(context: Context, path: str) -> list[str]:
    return [entry.name + ("/" if entry.is_directory else "") for entry in context.entries(path)]


def make(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_entries_of_a_file_then_its_ancestors_come_first(tmp_path: Path) -> None:
    context = Context(make(tmp_path, "a/b/c.bin", "a/b/d.bin", "a/e"), ignored=Leaves())
    assert names(context, "a/b/c.bin") == ["a/", "a/b/", "a/b/c.bin"]


def test_entries_of_a_directory_then_they_are_walked_in_byte_order_depth_first(tmp_path: Path) -> None:
    context = Context(make(tmp_path, "d/a/x", "d/a.b", "d/B", "d/é"), ignored=Leaves())
    assert names(context, "d/") == ["d/", "d/B", "d/a/", "d/a/x", "d/a.b", "d/é"]


def test_entries_of_the_whole_context_then_it_has_no_entry_of_its_own(tmp_path: Path) -> None:
    context = Context(make(tmp_path, "x", "y/z"), ignored=Leaves())
    assert names(context, ".") == ["x", "y/", "y/z"]


CLAIMS = [
    pytest.param(
        ("model", "."), ".", ["model-card.md", "modeling.py", "models/", "models/x"], id="prefix-is-not-parent"
    ),
    pytest.param(("model", "."), "model", ["model/", "model/w"], id="child-keeps-its-own"),
    pytest.param(("./model/", "."), ".", ["model-card.md", "modeling.py", "models/", "models/x"], id="spelt-otherwise"),
    pytest.param(("model/w", "model"), "model", ["model/"], id="file-inside-directory"),
]


@pytest.mark.parametrize(("claimed", "layer", "expected"), CLAIMS)
def test_entries_when_layers_intersect_then_the_most_specific_owns_the_file(
    tmp_path: Path, claimed: tuple[str, ...], layer: str, expected: list[str]
) -> None:
    make(tmp_path, "model/w", "model-card.md", "models/x", "modeling.py")
    assert names(Context(tmp_path, ignored=Leaves(), claimed=claimed), layer) == expected


def test_entries_with_dots_in_a_name_then_they_are_packed(tmp_path: Path) -> None:
    assert names(Context(make(tmp_path, "d/a..b", "d/..c"), ignored=Leaves()), "d") == ["d/", "d/..c", "d/a..b"]


def test_entries_when_ignored_then_they_and_what_is_below_stay_out(tmp_path: Path) -> None:
    make(tmp_path, "d/keep", "d/cache/x", "d/cache/y")
    assert names(Context(tmp_path, ignored=Leaves("d/cache")), "d") == ["d/", "d/keep"]


def test_entries_below_an_ignored_directory_that_has_exceptions_then_they_are_looked_for(tmp_path: Path) -> None:
    class AllButOne:
        def matches(self, path: str, /) -> bool:
            return path == "d/cache"

        def may_descend(self, path: str, /) -> bool:
            return path == "d/cache"

    make(tmp_path, "d/cache/x")
    assert names(Context(tmp_path, ignored=AllButOne()), "d") == ["d/", "d/cache/x"]


@pytest.mark.parametrize("ignored", ["d", "d/x"])
def test_entries_of_a_path_that_is_ignored_then_the_contradiction_is_an_error(tmp_path: Path, ignored: str) -> None:
    context = Context(make(tmp_path, "d/x"), ignored=Leaves(ignored))
    with pytest.raises(UnsafePathError, match=r"d/x: the Kitfile claims this path but \.kitignore"):
        context.entries("d/x")


@pytest.mark.parametrize("path", ["missing", "d/missing"])
def test_entries_of_a_missing_path_then_it_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotFoundError, match=f"{path}: the Kitfile names this path, but it does not exist"):
        Context(make(tmp_path, "d/x"), ignored=Leaves()).entries(path)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x"])
def test_entries_of_a_path_outside_then_it_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(UnsafePathError, match=r"leaves the directory|absolute paths"):
        Context(tmp_path, ignored=Leaves()).entries(path)


def test_context_of_a_missing_directory_then_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere: no such directory"):
        Context(tmp_path / "nowhere", ignored=Leaves())


def test_entries_through_links_that_stay_inside_then_they_are_followed(tmp_path: Path) -> None:
    make(tmp_path, "blobs/1", "blobs/tree/leaf")
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "model.bin").symlink_to("../blobs/1")
    (tmp_path / "snapshot" / "more").symlink_to(tmp_path / "blobs" / "tree")
    context = Context(tmp_path, ignored=Leaves())
    assert names(context, "snapshot") == ["snapshot/", "snapshot/model.bin", "snapshot/more/", "snapshot/more/leaf"]
    assert context.entries("snapshot/model.bin")[-1].size == len("blobs/1")


@pytest.mark.parametrize("layer", ["d", "d/link", "d/link/x"])
def test_entries_through_a_link_that_leads_outside_then_it_is_refused_with_its_target(
    tmp_path: Path, layer: str
) -> None:
    outside = make(tmp_path / "outside", "x")
    inside = make(tmp_path / "inside", "d/y")
    (inside / "d" / "link").symlink_to(outside)
    with pytest.raises(UnsafePathError, match=r"link.*leads out of the project.*outside"):
        Context(inside, ignored=Leaves()).entries(layer)


def test_entries_through_a_link_outside_that_is_ignored_then_nobody_minds(tmp_path: Path) -> None:
    make(tmp_path, "d/y")
    (tmp_path / "d" / "link").symlink_to("/etc")
    assert names(Context(tmp_path, ignored=Leaves("d/link")), "d") == ["d/", "d/y"]


def test_entries_through_a_link_that_leads_nowhere_then_it_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "d/y")
    (tmp_path / "d" / "link").symlink_to("nowhere")
    with pytest.raises(UnsafePathError, match="d/link: this link leads nowhere"):
        Context(tmp_path, ignored=Leaves()).entries("d")


def test_entries_through_a_link_in_a_circle_then_it_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "d/y")
    (tmp_path / "d" / "again").symlink_to(".")
    with pytest.raises(UnsafePathError, match="d/again: this link leads back"):
        Context(tmp_path, ignored=Leaves()).entries("d")


def test_entries_through_a_link_to_itself_then_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises((UnsafePathError, StorageError), match="loop"):
        Context(tmp_path, ignored=Leaves()).entries(".")


def test_entries_with_a_pipe_then_it_is_refused_and_not_dropped(tmp_path: Path) -> None:
    make(tmp_path, "d/y")
    os.mkfifo(tmp_path / "d" / "pipe")
    with pytest.raises(UnsafePathError, match="d/pipe: only files and directories"):
        Context(tmp_path, ignored=Leaves()).entries("d")


def test_entries_with_a_socket_as_the_layer_then_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(UnsafePathError, match="s: only files and directories"):
            Context(tmp_path, ignored=Leaves()).entries("s")


def test_entries_nested_too_deeply_then_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "/".join(["d"] * 70)).mkdir(parents=True)
    with pytest.raises(LimitExceededError, match="nested deeper than 64"):
        Context(tmp_path, ignored=Leaves()).entries(".")


@pytest.mark.skipif(os.geteuid() == 0, reason="MISSING: root can read every directory")
def test_entries_of_an_unreadable_directory_then_it_is_named(tmp_path: Path) -> None:
    make(tmp_path, "d/secret/x")
    (tmp_path / "d" / "secret").chmod(0)
    with pytest.raises(StorageError, match="d/secret: cannot be read"):
        Context(tmp_path, ignored=Leaves()).entries("d")


def test_entries_then_modes_and_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    make(tmp_path, "d/run.sh")
    (tmp_path / "d" / "run.sh").chmod(0o4755)
    (tmp_path / "d").chmod(0o1777)
    directory, file = Context(tmp_path, ignored=Leaves()).entries("d")
    assert (directory.mode, directory.size, directory.source) == (0o1777, 0, None)
    assert (file.mode, file.size, file.source) == (0o4755, len("d/run.sh"), str(tmp_path / "d" / "run.sh"))
