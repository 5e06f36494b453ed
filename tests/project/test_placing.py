import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchard.errors import ConflictError, StorageError, UnsafePathError
from orchard.project import Existing, place, staging


def snapshot(directory: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(directory.rglob("*"))
    }


def fill(tree: Path) -> None:
    (tree / "data" / "deep").mkdir(parents=True)
    (tree / "data" / "deep" / "a.csv").write_bytes(b"new a")
    (tree / "model.bin").write_bytes(b"new model")


def test_place_in_an_empty_directory_then_every_file_is_there_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with staging(target) as tree:
        fill(tree)
        placed = place(tree, target)
    assert placed == ["model.bin", "data/deep/a.csv"]
    assert snapshot(target) == {"data": None, "data/deep": None, "data/deep/a.csv": b"new a", "model.bin": b"new model"}


def test_place_when_a_file_is_in_the_way_then_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"mine")
    with staging(tmp_path) as tree:
        fill(tree)
        with pytest.raises(ConflictError, match=r"model.bin.*already exists.*nothing was changed"):
            place(tree, tmp_path)
    assert snapshot(tmp_path) == {"model.bin": b"mine"}


def test_place_over_existing_files_when_asked_then_they_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"mine")
    (tmp_path / "other").write_bytes(b"stays")
    with staging(tmp_path) as tree:
        fill(tree)
        place(tree, tmp_path, Existing.OVERWRITE)
    assert (tmp_path / "model.bin").read_bytes() == b"new model"
    assert (tmp_path / "other").read_bytes() == b"stays"


def test_place_keeping_existing_files_then_only_the_others_are_placed(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"mine")
    with staging(tmp_path) as tree:
        fill(tree)
        assert place(tree, tmp_path, Existing.KEEP) == ["data/deep/a.csv"]
    assert (tmp_path / "model.bin").read_bytes() == b"mine"


def test_place_many_files_in_the_way_then_the_message_names_three_and_counts_the_rest(tmp_path: Path) -> None:
    for name in "abcde":
        (tmp_path / name).write_bytes(b"")
    with staging(tmp_path) as tree:
        for name in "abcde":
            (tree / name).write_bytes(b"")
        with pytest.raises(ConflictError, match=r"'a', 'b', 'c' and 2 more"):
            place(tree, tmp_path)


@pytest.mark.parametrize("existing", list(Existing))
def test_place_when_kinds_differ_then_it_is_refused_whatever_was_asked(tmp_path: Path, existing: Existing) -> None:
    (tmp_path / "model.bin").mkdir()
    (tmp_path / "data").write_bytes(b"a file")
    before = snapshot(tmp_path)
    with staging(tmp_path) as tree:
        (tree / "model.bin").write_bytes(b"x")
        with pytest.raises(ConflictError, match="is a directory"):
            place(tree, tmp_path, existing)
    with staging(tmp_path) as tree:
        (tree / "data").mkdir()
        with pytest.raises(ConflictError, match="is not a directory"):
            place(tree, tmp_path, existing)
    assert snapshot(tmp_path) == before


def test_place_when_a_directory_is_a_planted_link_then_nothing_goes_through_it(tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    target.mkdir()
    (target / "data").symlink_to(outside)
    with staging(target) as tree:
        fill(tree)
        with pytest.raises(UnsafePathError, match="symbolic link"):
            place(tree, target, Existing.OVERWRITE)
    assert snapshot(outside) == {}


def test_place_over_a_link_to_a_file_then_the_link_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    outside, target = tmp_path / "secret", tmp_path / "out"
    outside.write_bytes(b"secret")
    target.mkdir()
    (target / "model.bin").symlink_to(outside)
    with staging(target) as tree:
        fill(tree)
        place(tree, target, Existing.OVERWRITE)
    assert outside.read_bytes() == b"secret"
    assert not (target / "model.bin").is_symlink()


def test_place_a_tree_that_brings_a_staging_directory_then_it_is_refused(tmp_path: Path) -> None:
    with staging(tmp_path) as tree:
        (tree / ".orchard-0123456789abcdef").mkdir()
        with pytest.raises(UnsafePathError, match="reserved"):
            place(tree, tmp_path)


def test_staging_when_the_work_fails_then_directories_we_made_are_gone(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep"
    with pytest.raises(RuntimeError, match="no"), staging(target):
        raise RuntimeError("no")
    assert not (tmp_path / "new").exists()


def test_staging_where_it_cannot_write_then_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file"), staging(tmp_path / "file" / "below"):
        pass


KILLED = """
import os, sys
from pathlib import Path
from orchard.project import Existing, place, staging
target, after = Path(sys.argv[1]), int(sys.argv[2])
moves = 0
real = Path.replace
def counted(self, other):
    global moves
    moves += 1
    if moves > after:
        os.kill(os.getpid(), 9)
    return real(self, other)
Path.replace = counted
with staging(target) as tree:
    for number in range(6):
        (tree / f"dir{number}").mkdir()
        (tree / f"dir{number}" / "file").write_bytes(b"new")
    (tree / "old").write_bytes(b"new")
    place(tree, target, Existing.OVERWRITE)
"""


@pytest.mark.parametrize("after", range(9))
def test_staging_after_a_kill_at_any_move_then_the_next_one_puts_everything_back(tmp_path: Path, after: int) -> None:
    (tmp_path / "old").write_bytes(b"mine")
    script = [sys.executable, "-c", KILLED, str(tmp_path), str(after)]
    killed = subprocess.run(script, check=False)
    with staging(tmp_path) as tree:
        assert list(tree.iterdir()) == []
    if killed.returncode == 0:
        assert (tmp_path / "old").read_bytes() == b"new"
        return
    assert killed.returncode == -signal.SIGKILL
    assert snapshot(tmp_path) == {"old": b"mine"}


def test_staging_while_another_lives_then_it_is_left_alone(tmp_path: Path) -> None:
    with staging(tmp_path) as first:
        (first / "kept").write_bytes(b"x")
        with staging(tmp_path):
            assert (first / "kept").exists()


def test_staging_beside_a_journal_that_came_with_the_files_then_it_is_not_obeyed(tmp_path: Path) -> None:
    planted = tmp_path / ".orchard-0123456789abcdef"
    planted.mkdir(mode=0o755)
    (planted / "journal").write_bytes(b'{"directories":[],"files":["mine"]}')
    (tmp_path / "mine").write_bytes(b"precious")
    with staging(tmp_path):
        pass
    assert (tmp_path / "mine").read_bytes() == b"precious"


def test_place_when_the_disk_fails_half_way_then_everything_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    real = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "c":
            raise OSError(28, "No space left on device", str(target))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with staging(tmp_path) as tree:
        for name in "abc":
            (tree / name).write_bytes(b"new")
        with pytest.raises(StorageError, match="No space left on device; nothing was changed"):
            place(tree, tmp_path, Existing.OVERWRITE)
    assert snapshot(tmp_path) == {"a": b"mine"}


def test_place_where_links_are_not_possible_then_the_old_file_is_moved_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a").write_bytes(b"mine")
    with staging(tmp_path) as tree:
        (tree / "a").write_bytes(b"new")
        place(tree, tmp_path, Existing.OVERWRITE)
    assert snapshot(tmp_path) == {"a": b"new"}
