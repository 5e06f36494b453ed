import threading
from collections.abc import Iterator

import pytest

from orchard.store import MemoryStore
from support.stores import Target


@pytest.fixture
def source() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def sink() -> Target:
    return Target()


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
