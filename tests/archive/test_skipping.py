import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive import SkippingReader, members
from orchard.errors import InvalidError
from support.archive_tars import END, member, tar


class Recorded:
    """Content that notes which parts were read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads: list[tuple[int, int]] = []

    def read_at(self, offset: int, size: int) -> bytes:
        assert 0 <= offset <= offset + size <= len(self.data)
        self.reads.append((offset, size))
        return self.data[offset : offset + size]

    def reader(self) -> SkippingReader:
        return SkippingReader(self.read_at, len(self.data))


def test_members_when_content_is_skipped_then_it_is_not_read() -> None:
    content = Recorded(member("a", bytes(10 << 20)) + member("b", bytes(10 << 20)) + END)

    found = [(each.name, each.size, each.offset) for each in members(content.reader())]

    assert found == [("a", 10 << 20, 512), ("b", 10 << 20, 1024 + (10 << 20))]
    assert [size for _, size in content.reads] == [256 << 10, 64 << 10, 1024]


def test_members_when_files_are_small_then_few_reads_take_them_all() -> None:
    content = Recorded(b"".join(member(f"f{number}", bytes(20_000)) for number in range(2000)) + END)

    found = [each.name for each in members(content.reader())]

    assert len(found) == 2000
    assert len(content.reads) < 20


@given(
    sizes=st.lists(st.sampled_from([0, 1, 511, 512, 513, 70_000, 300_000, 600_000]), max_size=12),
    read=st.sets(st.integers(0, 11)),
)
def test_members_when_some_content_is_read_then_is_as_from_a_stream(sizes: list[int], read: set[int]) -> None:
    raw = b"".join(member(f"f{n}", bytes([n + 1]) * size) for n, size in enumerate(sizes)) + END

    def listed(body: SkippingReader | io.BytesIO) -> list[tuple[str, int, int, bytes]]:
        return [
            (each.name, each.size, each.offset, each.content.read_whole() if number in read else b"")
            for number, each in enumerate(members(body))
        ]

    assert listed(Recorded(raw).reader()) == listed(io.BytesIO(raw))


@pytest.mark.parametrize("cut", [1, 511, 512, 1024, 1025, 400_000])
def test_members_when_the_end_is_missing_then_says_so_though_content_is_skipped(cut: int) -> None:
    raw = (member("a", bytes(500_000)) + END)[:-cut]

    with pytest.raises(InvalidError, match=r"ends within|ends without|instead of the two"):
        list(members(Recorded(raw).reader()))


def test_members_when_something_follows_the_end_then_says_so() -> None:
    with pytest.raises(InvalidError, match="bytes follow the end"):
        list(members(Recorded(tar(member("a", bytes(500_000))).read() + b"x").reader()))
