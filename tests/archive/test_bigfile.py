"""Big files on a disk that does not take them."""

import errno
import os
from pathlib import Path

import pytest

from orchard.archive import Extractor
from orchard.archive.bigfile import BIG
from orchard.errors import StorageError
from support.archive_tars import member, tar


def test_big_file_when_the_disk_is_full_then_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StorageError, match=r"disk full: cannot write 'w\.bin'"):
        Extractor(tmp_path).extract_tar(tar(member("w.bin", bytes(BIG))))
