"""Reading large blobs once."""

import ctypes
import gc
import mmap
import os
from pathlib import Path

import pytest

from orchard.oci import chunks
from orchard.store import Bytes, Layout
from orchard.store.reading import LARGE
from support.projects import noise
from support.stores import describe


def cached(path: Path) -> float:
    """Give the share of a file that is in the page cache."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as memory:
        pages = -(-len(memory) // mmap.PAGESIZE)
        there = (ctypes.c_ubyte * pages)()
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        assert ctypes.CDLL(None).mincore(ctypes.c_void_p(address), ctypes.c_size_t(len(memory)), there) == 0
        share = sum(page & 1 for page in there) / pages
        del address
        gc.collect()  # the mapping cannot be closed while something points into it
        return share


@pytest.fixture
def blob(tmp_path: Path) -> tuple[Layout, bytes, Path]:
    layout = Layout(tmp_path / "layout")
    data = noise(1 << 20) * (LARGE >> 20) + b"end"
    content = describe(data)
    layout.repository("x/y").push(content, Bytes(data))
    path = layout.path_of(content)
    assert path is not None
    return layout, data, path


def read(layout: Layout, data: bytes, offset: int = 0) -> bytes:
    with layout.repository("x/y").open(describe(data), offset) as body:
        return b"".join(chunks(body))


def forget(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def test_read_what_is_not_in_the_page_cache_then_it_does_not_stay_there(blob: tuple[Layout, bytes, Path]) -> None:
    layout, data, path = blob
    forget(path)
    if cached(path) > 0.1:
        pytest.skip("this file system keeps everything in the page cache")
    assert read(layout, data) == data
    assert cached(path) < 0.3


def test_read_what_is_in_the_page_cache_then_it_stays_there(blob: tuple[Layout, bytes, Path]) -> None:
    layout, data, path = blob
    path.read_bytes()
    if cached(path) < 0.9:
        pytest.skip("this file system keeps nothing in the page cache")
    assert read(layout, data) == data
    assert cached(path) > 0.7


def test_read_from_an_offset_then_the_rest_comes(blob: tuple[Layout, bytes, Path]) -> None:
    layout, data, path = blob
    forget(path)
    assert read(layout, data, 12_345) == data[12_345:]
