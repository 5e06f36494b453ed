import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchard.errors import ConflictError, StorageError, UnsafePathError
from orchard.project import Existing, all_or_nothing


def snapshot(directory: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(directory.rglob("*"))
    }


def fill(tree: Path) -> None:
    (tree / "data" / "deep").mkdir(parents=True)
    (tree / "data" / "deep" / "a.csv").write_bytes(b"new a")
    (tree / "model.bin").write_bytes(b"new model")


def put(target: Path, existing: Existing = Existing.REFUSE, *, write: Callable[[Path], object] = fill) -> list[str]:
    with all_or_nothing(target, existing) as placement:
        tree = placement.tree()
        write(tree)
        return placement.place(tree)


def write_letters(tree: Path, letters: str) -> None:
    for name in letters:
        (tree / name).write_bytes(b"new")


def test_place_in_an_empty_directory_then_every_file_is_there_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with all_or_nothing(target) as placement:
        fill(tree := placement.tree())
        placed = placement.place(tree)
    assert placed == ["model.bin", "data/deep/a.csv"]
    assert snapshot(target) == {"data": None, "data/deep": None, "data/deep/a.csv": b"new a", "model.bin": b"new model"}


def test_place_when_a_file_is_in_the_way_then_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"mine")
    with pytest.raises(ConflictError, match=r"model.bin.*already exists.*nothing was changed"):
        put(tmp_path)
    assert snapshot(tmp_path) == {"model.bin": b"mine"}


def test_place_over_existing_files_when_asked_then_they_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"mine")
    (tmp_path / "other").write_bytes(b"stays")
    put(tmp_path, Existing.OVERWRITE)
    assert (tmp_path / "model.bin").read_bytes() == b"new model"
    assert (tmp_path / "other").read_bytes() == b"stays"


def test_place_keeping_existing_files_then_only_the_others_are_placed(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"mine")
    assert put(tmp_path, Existing.KEEP) == ["data/deep/a.csv"]
    assert (tmp_path / "model.bin").read_bytes() == b"mine"


def test_place_many_files_in_the_way_then_the_message_names_three_and_counts_the_rest(tmp_path: Path) -> None:
    for name in "abcde":
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ConflictError, match=r"'a', 'b', 'c' and 2 more"):
        put(tmp_path, write=lambda tree: write_letters(tree, "abcde"))


@pytest.mark.parametrize("existing", list(Existing))
def test_place_when_kinds_differ_then_it_is_refused_whatever_was_asked(tmp_path: Path, existing: Existing) -> None:
    (tmp_path / "model.bin").mkdir()
    (tmp_path / "data").write_bytes(b"a file")
    before = snapshot(tmp_path)
    with pytest.raises(ConflictError, match="is a directory"):
        put(tmp_path, existing, write=lambda tree: (tree / "model.bin").write_bytes(b"x"))
    with pytest.raises(ConflictError, match="is not a directory"):
        put(tmp_path, existing, write=lambda tree: (tree / "data").mkdir())
    assert snapshot(tmp_path) == before


def test_place_when_a_directory_is_a_planted_link_then_nothing_goes_through_it(tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    target.mkdir()
    (target / "data").symlink_to(outside)
    with pytest.raises(UnsafePathError, match="symbolic link"):
        put(target, Existing.OVERWRITE)
    assert snapshot(outside) == {}


def test_place_over_a_link_to_a_file_then_the_link_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    outside, target = tmp_path / "secret", tmp_path / "out"
    outside.write_bytes(b"secret")
    target.mkdir()
    (target / "model.bin").symlink_to(outside)
    put(target, Existing.OVERWRITE)
    assert outside.read_bytes() == b"secret"
    assert not (target / "model.bin").is_symlink()


def test_place_a_tree_that_brings_a_staging_directory_then_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafePathError, match="reserved"):
        put(tmp_path, write=lambda tree: (tree / ".orchard-0123456789abcdef").mkdir())


def test_staging_when_the_work_fails_then_directories_we_made_are_gone(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep"
    with pytest.raises(RuntimeError, match="no"), all_or_nothing(target):
        raise RuntimeError("no")
    assert not (tmp_path / "new").exists()


def test_staging_where_it_cannot_write_then_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file"), all_or_nothing(tmp_path / "file" / "below"):
        pass


KILLED = """
import os, sys
from pathlib import Path
from orchard.project import Existing, all_or_nothing
target, after = Path(sys.argv[1]), int(sys.argv[2])
moves = 0
real = os.replace
def counted(*names):
    global moves
    moves += 1
    if moves > after:
        os.kill(os.getpid(), 9)
    return real(*names)
os.replace = counted
with all_or_nothing(target, Existing.OVERWRITE) as placement:
    for layer in range(3):
        tree = placement.tree()
        (tree / "shared").mkdir()
        for number in range(2):
            (tree / f"dir{layer}{number}").mkdir()
            (tree / f"dir{layer}{number}" / "file").write_bytes(b"new")
        (tree / "shared" / f"file{layer}").write_bytes(b"new")
        if layer:
            (tree / f"old{layer}").write_bytes(b"new")
        placement.place(tree)
    if len(sys.argv) > 3:
        raise SystemExit("failed")
"""
OLD: dict[str, bytes | None] = {"old1": b"mine", "old2": b"mine"}


def kill(directory: Path, after: int, *words: str) -> int:
    for name, content in OLD.items():
        (directory / name).write_bytes(content or b"")
    return subprocess.run([sys.executable, "-c", KILLED, str(directory), str(after), *words], check=False).returncode


@pytest.mark.parametrize("after", range(13))
def test_placing_after_a_kill_at_any_move_then_the_next_one_puts_everything_back(tmp_path: Path, after: int) -> None:
    code = kill(tmp_path, after)
    with all_or_nothing(tmp_path) as placement:
        assert list(placement.tree().iterdir()) == []
    if code == 0:
        assert (tmp_path / "old1").read_bytes() == b"new"
        return
    assert code == -signal.SIGKILL
    assert snapshot(tmp_path) == OLD


@pytest.mark.parametrize("after", range(11, 24))
def test_placing_after_a_kill_while_it_undoes_then_the_next_one_goes_on(tmp_path: Path, after: int) -> None:
    assert kill(tmp_path, after, "fail") in {-signal.SIGKILL, 1}
    with all_or_nothing(tmp_path):
        pass
    assert snapshot(tmp_path) == OLD


def test_placing_when_a_later_layer_fails_then_the_placed_ones_are_undone(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"mine")
    with pytest.raises(RuntimeError, match="second"):
        _place_and_fail(tmp_path)
    assert snapshot(tmp_path) == {"kept": b"mine"}


def _place_and_fail(target: Path) -> None:
    with all_or_nothing(target) as placement:
        tree = placement.tree()
        fill(tree)
        placement.place(tree)
        assert (target / "model.bin").read_bytes() == b"new model"
        raise RuntimeError("second")


def test_placing_beside_a_journal_that_was_cut_off_then_the_whole_lines_are_undone(tmp_path: Path) -> None:
    stage = tmp_path / ".orchard-0123456789abcdef"
    (stage / "0").mkdir(parents=True)
    stage.chmod(0o700)
    (tmp_path / "half").write_bytes(b"placed")
    (tmp_path / "mine").write_bytes(b"mine")
    (stage / "journal").write_bytes(
        b'{"tree":"0","directories":[],"files":["half"]}\n{"tree":"1","directories":[],"files":["mi'
    )
    with all_or_nothing(tmp_path):
        pass
    assert snapshot(tmp_path) == {"mine": b"mine"}


CHECKS = [
    pytest.param("there", False, ConflictError, "'there' already exists", id="file"),
    pytest.param("there", True, ConflictError, "is not a directory", id="file-for-a-directory"),
    pytest.param("directory", False, ConflictError, "is a directory", id="directory-for-a-file"),
    pytest.param("link", True, UnsafePathError, "symbolic link", id="link"),
    pytest.param(".orchard-0123456789abcdef", True, UnsafePathError, "reserved", id="reserved"),
]


@pytest.mark.parametrize(("path", "is_directory", "error", "match"), CHECKS)
def test_check_when_something_is_in_the_way_then_it_is_refused_before_anything_is_fetched(
    tmp_path: Path, path: str, *, is_directory: bool, error: type[Exception], match: str
) -> None:
    (tmp_path / "there").write_bytes(b"")
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("directory")
    with pytest.raises(error, match=match), all_or_nothing(tmp_path) as placement:
        placement.check(path, is_directory=is_directory)


def test_check_of_what_is_free_then_it_is_admitted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with all_or_nothing(tmp_path) as placement:
        for path in ("data", "new", "new/deep"):
            placement.check(path, is_directory=True)
        for path in ("data/a", "new/b", "new/deep/c"):
            placement.check(path, is_directory=False)
    assert snapshot(tmp_path) == {"data": None}


def test_staging_while_another_lives_then_it_is_left_alone(tmp_path: Path) -> None:
    with all_or_nothing(tmp_path) as placement:
        (first := placement.tree()).joinpath("kept").write_bytes(b"x")
        with all_or_nothing(tmp_path):
            assert (first / "kept").exists()


def test_staging_beside_a_journal_that_came_with_the_files_then_it_is_not_obeyed(tmp_path: Path) -> None:
    planted = tmp_path / ".orchard-0123456789abcdef"
    planted.mkdir(mode=0o755)
    (planted / "journal").write_bytes(b'{"tree":"0","directories":[],"files":["mine"]}\n')
    (tmp_path / "mine").write_bytes(b"precious")
    with all_or_nothing(tmp_path):
        pass
    assert (tmp_path / "mine").read_bytes() == b"precious"


def test_place_when_the_disk_fails_half_way_then_everything_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    real = os.replace

    def failing(source: str, target: str) -> None:
        if source.endswith("/c"):
            raise OSError(28, "No space left on device", target)
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    complaint = "No space left on device; nothing was changed"
    with pytest.raises(StorageError, match=complaint):
        put(tmp_path, Existing.OVERWRITE, write=lambda tree: write_letters(tree, "abc"))
    assert snapshot(tmp_path) == {"a": b"mine"}


def test_place_where_links_are_not_possible_then_the_old_file_is_moved_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a").write_bytes(b"mine")
    with all_or_nothing(tmp_path, Existing.OVERWRITE) as placement:
        (tree := placement.tree()).joinpath("a").write_bytes(b"new")
        placement.place(tree)
    assert snapshot(tmp_path) == {"a": b"new"}
