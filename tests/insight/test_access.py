from pathlib import Path

import pytest

from orchard.errors import StorageError
from orchard.insight import OnDisk, read_header, read_onnx

EXAMPLES = Path(__file__).parents[2] / "examples" / "digits" / "model"


def test_on_disk_gives_any_part(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(range(100)))
    with OnDisk(tmp_path / "f") as file:
        assert file.size == 100
        assert file.read_at(10, 5) == bytes(range(10, 15))
        assert file.read_at(100, 0) == b""


def test_on_disk_when_it_is_not_there_then_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read: No such file"):
        OnDisk(tmp_path / "nothing")


def test_on_disk_when_it_is_a_directory_then_says_so(tmp_path: Path) -> None:
    with OnDisk(tmp_path) as file, pytest.raises(StorageError, match="cannot be read: Is a directory"):
        file.read_at(0, 1)


def test_on_disk_when_it_has_become_shorter_then_says_so(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(100))
    with OnDisk(tmp_path / "f") as file:
        (tmp_path / "f").write_bytes(b"")
        with pytest.raises(StorageError, match="has become shorter"):
            file.read_at(0, 100)


def test_read_header_when_it_is_onnx_then_reads_it() -> None:
    with OnDisk(EXAMPLES / "digits.onnx") as file:
        assert read_header(file, "digits.onnx") == read_onnx(file)
