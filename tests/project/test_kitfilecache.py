"""A Kitfile that was read before is the same Kitfile, to the last digit; what cannot be is read again."""

from pathlib import Path

import pytest

from orchard.errors import InvalidDocumentError
from orchard.formats import parse_kitfile
from orchard.project import Workspace
from orchard.project.kitfilecache import DIRECTORY, KitfileCache

HEAD = b"manifestVersion: 1.0.0\npackage:\n  name: x\n"
RAW = HEAD + b"model:\n  name: m\n  path: w\n  parameters:\n    a: {y: 1.50, x: [true, null, '1'], h: 0xFF}\n"


@pytest.fixture
def cache(tmp_path: Path) -> KitfileCache:
    return KitfileCache(tmp_path, "1")


def test_cache_gives_back_what_was_read(cache: KitfileCache) -> None:
    kitfile = parse_kitfile(RAW)
    assert cache.get(RAW) is None
    cache.put(RAW, kitfile)
    found = cache.get(RAW)
    assert found == kitfile
    assert found is not None
    assert found.to_json() == kitfile.to_json()


@pytest.mark.parametrize("number", [b"1.0", b"1e3", b"-0.0"])
def test_cache_keeps_nothing_that_would_come_back_otherwise(cache: KitfileCache, number: bytes) -> None:
    raw = RAW.replace(b"1.50", number)
    cache.put(raw, parse_kitfile(raw))
    assert cache.get(raw) is None


def test_cache_of_another_version_of_the_program_knows_nothing(cache: KitfileCache, tmp_path: Path) -> None:
    cache.put(RAW, parse_kitfile(RAW))
    assert KitfileCache(tmp_path, "2").get(RAW) is None
    assert cache.get(RAW + b"\n") is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b'{"package": 1}', b'{"a": 1}', b"\xff"])
def test_cache_that_is_damaged_knows_nothing(cache: KitfileCache, tmp_path: Path, damage: bytes) -> None:
    cache.put(RAW, parse_kitfile(RAW))
    for path in (tmp_path / DIRECTORY).iterdir():
        path.write_bytes(damage)
    assert cache.get(RAW) is None


def test_cache_in_which_one_bit_has_changed_knows_nothing(cache: KitfileCache, tmp_path: Path) -> None:
    cache.put(RAW, parse_kitfile(RAW))
    (path,) = (tmp_path / DIRECTORY).iterdir()
    sound = path.read_bytes()
    for number in range(len(sound)):
        path.write_bytes(sound[:number] + bytes((sound[number] ^ 1,)) + sound[number + 1 :])
        assert cache.get(RAW) is None


def test_pack_with_a_broken_kitfile_then_it_is_told_each_time(tmp_path: Path) -> None:
    (tmp_path / "Kitfile").write_bytes(HEAD + b"wrong: 1\n")
    with Workspace(tmp_path / "home", environ={}, version="1") as workspace:
        for _ in range(2):
            with pytest.raises(InvalidDocumentError, match="wrong"):
                workspace.pack(tmp_path)


def test_pack_again_then_config_and_manifest_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"w")
    (tmp_path / "Kitfile").write_bytes(RAW)
    with Workspace(tmp_path / "home", environ={}, version="1") as workspace:
        first, second = workspace.pack(tmp_path), workspace.pack(tmp_path)
    assert (tmp_path / "home" / DIRECTORY).exists()
    assert first.descriptor == second.descriptor
