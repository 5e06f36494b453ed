"""A place to unpack hostile archives in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.archive_tars import fingerprint

VICTIM = b"the victim's own words"


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to unpack into, with a victim beside it that must not change."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "victim").write_bytes(VICTIM)
    (tmp_path / "victim").write_bytes(VICTIM)
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(tmp_path)
    before = fingerprint(tmp_path, without=inside)
    yield inside
    assert fingerprint(tmp_path, without=inside) == before
