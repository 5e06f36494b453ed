"""Content that is made on the way in: it resumes by its key, and what is wrong never becomes visible."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchard.errors import IntegrityError, RemoteError, StorageError
from orchard.oci import Digest, Hasher
from orchard.store import Layout
from support.stores import TEXT, get

MIB = 1 << 20
DATA = bytes(range(256)) * (20 * MIB // 256) + b"end"


@dataclass
class Kitchen:
    """Makes ``data``; breaks where it is told to, and remembers from where it was asked to make it."""

    data: bytes = DATA
    breaks_at: int | None = None
    wanted: Digest = field(default_factory=lambda: Digest.of(DATA))
    size: int = len(DATA)
    asked: list[int] = field(default_factory=list)

    def open(self, offset: int) -> Iterator[bytes]:
        self.asked.append(offset)
        while offset < len(self.data):
            end = min(offset + 100_000, len(self.data))
            if self.breaks_at is not None and end > self.breaks_at:
                raise RemoteError("the line is dead")
            yield self.data[offset:end]
            offset = end

    def checker(self) -> Callable[[bytes], None]:
        hasher = Hasher()

        def check(piece: bytes) -> None:
            hasher.update(piece)
            if hasher.size >= self.size and hasher.digest != self.wanted:
                raise IntegrityError("not what was wanted")

        return check


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "store")


def left(layout: Layout) -> list[str]:
    return sorted(path.name for path in (layout.path / "ingest").iterdir())


def test_gather_keeps_what_was_made_under_its_digest(layout: Layout) -> None:
    got = layout.gather("key", Kitchen(), TEXT)

    assert (got.descriptor.digest, got.new) == (Digest.of(DATA), True)
    assert get(layout.repository("a.b/c"), got.descriptor) == DATA
    assert not layout.gather("key", Kitchen(), TEXT).new
    assert left(layout) == []


def test_gather_goes_on_where_an_earlier_run_broke(layout: Layout) -> None:
    with pytest.raises(RemoteError, match="dead"):
        layout.gather("key", Kitchen(breaks_at=18 * MIB), TEXT)
    assert left(layout) == ["key.partial"]
    again = Kitchen()

    got = layout.gather("key", again, TEXT)

    assert got.descriptor.digest == Digest.of(DATA)
    assert 0 < len(DATA) - again.asked[0] <= 8 * MIB
    assert left(layout) == []


def test_gather_with_another_key_starts_anew(layout: Layout) -> None:
    with pytest.raises(RemoteError, match="dead"):
        layout.gather("key", Kitchen(breaks_at=18 * MIB), TEXT)
    other = Kitchen()
    layout.gather("other", other, TEXT)
    assert other.asked == [0]


def test_gather_starts_over_where_an_earlier_run_left_wrong_bytes(layout: Layout) -> None:
    with pytest.raises(RemoteError, match="dead"):
        layout.gather("key", Kitchen(breaks_at=18 * MIB), TEXT)
    partial = layout.path / "ingest/key.partial"
    partial.write_bytes(b"x" * MIB + partial.read_bytes()[MIB:])
    again = Kitchen()

    assert layout.gather("key", again, TEXT).descriptor.digest == Digest.of(DATA)
    assert (len(again.asked), again.asked[1]) == (2, 0)


@pytest.mark.parametrize(
    "kitchen",
    [Kitchen(data=b"x" + DATA[1:]), Kitchen(data=DATA[:-1]), Kitchen(data=DATA + b"x")],
    ids=["other", "shorter", "longer"],
)
def test_gather_keeps_nothing_of_what_is_wrong(layout: Layout, kitchen: Kitchen) -> None:
    with pytest.raises(IntegrityError, match=r"wanted|were expected"):
        layout.gather("key", kitchen, TEXT)
    assert left(layout) == []


def test_gather_refuses_what_the_disk_cannot_hold(layout: Layout) -> None:
    with pytest.raises(StorageError, match="disk full"):
        layout.gather("key", Kitchen(size=1 << 60), TEXT)
