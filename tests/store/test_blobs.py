"""How content gets into a layout, and what becomes of what did not get in."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchard.errors import IntegrityError, InvalidDigestError, NotFoundError, OrchardError, RemoteError, StorageError
from orchard.oci import Descriptor, Digest
from orchard.store import Bytes, Layout, LocalRepository
from support.stores import TEXT, Pattern, Recorder, describe, get, put

MIB = 1 << 20
LARGE = Pattern(5 * MIB + 321)
CONTENT = LARGE.describe()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "store")


@pytest.fixture
def repository(layout: Layout) -> LocalRepository:
    return layout.repository("example.com/model")


def left(layout: Layout) -> list[str]:
    """Name what interrupted runs left."""
    return sorted(path.name for path in (layout.path / "ingest").iterdir())


def interrupted(repository: LocalRepository, after: int) -> Path:
    """Push large content until the source breaks, and give the partial file."""
    with pytest.raises(RemoteError, match="the connection broke"):
        repository.push(CONTENT, Recorder(LARGE, breaks_after=after))
    return Path(f"sha256-{CONTENT.digest.hex}.partial")


# ---- ingest ----


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 700_000), max_size=12))
def test_ingest_of_pieces_of_any_size_keeps_them_all(layout: Layout, sizes: list[int]) -> None:
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)]

    got = layout.ingest(iter(pieces), TEXT)

    assert got.descriptor == describe(b"".join(pieces))
    assert get(layout.repository("a.b/c"), got.descriptor) == b"".join(pieces)
    assert left(layout) == []


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB, 3 * MIB + 4097])
def test_ingest_around_the_block_size_keeps_every_byte(layout: Layout, size: int) -> None:
    data = os.urandom(size)

    got = layout.ingest([data], TEXT, algorithm="sha512")

    path = layout.path_of(got.descriptor)
    assert path is not None
    assert path.read_bytes() == data
    assert got.descriptor.digest == Digest.of(data, "sha512")


def test_ingest_when_the_content_is_there_then_says_so(layout: Layout) -> None:
    first = layout.ingest([b"some"], TEXT)
    second = layout.ingest([b"so", b"me"], "other/type")

    assert (first.new, second.new) == (True, False)
    assert second.descriptor.media_type == "other/type"
    assert left(layout) == []


def test_ingest_when_the_stream_fails_then_nothing_is_left(layout: Layout) -> None:
    def stream() -> Iterator[bytes]:
        yield b"x" * (3 * MIB)
        raise OrchardError("the file changed while it was read")

    with pytest.raises(OrchardError, match="the file changed"):
        layout.ingest(stream(), TEXT)

    assert left(layout) == []


def test_ingest_when_the_algorithm_is_unknown_then_refused(layout: Layout) -> None:
    with pytest.raises(InvalidDigestError, match="md5"):
        layout.ingest([b""], TEXT, algorithm="md5")


def test_blob_may_be_read_by_others_and_written_by_its_owner(layout: Layout) -> None:
    before = os.umask(0o022)
    try:
        path = layout.path_of(layout.ingest([b"x"], TEXT).descriptor)
    finally:
        os.umask(before)

    assert path is not None
    assert path.stat().st_mode & 0o7777 == 0o644


# ---- resume ----


@pytest.mark.parametrize("after", [MIB, MIB + 1, 3 * MIB - 1, 5 * MIB + 300])
def test_push_when_it_was_cut_off_then_goes_on_from_there(
    layout: Layout, repository: LocalRepository, after: int
) -> None:
    partial = interrupted(repository, after)
    assert left(layout) == [partial.name]
    source = Recorder(LARGE)

    repository.push(CONTENT, source)

    assert source.opened == [(CONTENT.digest, after // MIB * MIB)]
    assert get(repository, CONTENT) == b"".join(LARGE.pieces())
    assert left(layout) == []


def test_push_when_it_was_cut_off_early_then_nothing_is_worth_keeping(
    layout: Layout, repository: LocalRepository
) -> None:
    interrupted(repository, MIB - 1)

    assert left(layout) == []


def test_push_when_it_was_interrupted_then_goes_on_from_there(repository: LocalRepository) -> None:
    read = 0

    def interrupt(chunk: bytes) -> bytes:
        nonlocal read
        read += len(chunk)
        if read > 3 * MIB:
            raise KeyboardInterrupt
        return chunk

    with pytest.raises(KeyboardInterrupt):
        repository.push(CONTENT, Recorder(LARGE, change=interrupt))

    source = Recorder(LARGE)
    repository.push(CONTENT, source)
    assert source.opened[0][1] in {2 * MIB, 3 * MIB}
    assert get(repository, CONTENT) == b"".join(LARGE.pieces())


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: b"!" + raw[1:], id="first byte"),
        pytest.param(lambda raw: raw[:-1] + b"!", id="last byte"),
        pytest.param(lambda raw: bytes(len(raw)), id="zeros, as after a power cut"),
        pytest.param(lambda raw: raw + bytes(20 * MIB), id="longer than the content"),
    ],
)
def test_push_when_the_partial_file_is_damaged_then_starts_over(
    layout: Layout, repository: LocalRepository, damage: Callable[[bytes], bytes]
) -> None:
    partial = layout.path / "ingest" / interrupted(repository, 3 * MIB)
    partial.write_bytes(damage(partial.read_bytes()))
    source = Recorder(LARGE)

    repository.push(CONTENT, source)

    assert source.opened[-1] == (CONTENT.digest, 0)
    assert get(repository, CONTENT) == b"".join(LARGE.pieces())
    assert left(layout) == []


def test_push_when_partial_and_source_are_damaged_then_nothing_is_left(
    layout: Layout, repository: LocalRepository
) -> None:
    partial = layout.path / "ingest" / interrupted(repository, 3 * MIB)
    partial.write_bytes(bytes(3 * MIB))

    with pytest.raises(IntegrityError, match="does not match"):
        repository.push(CONTENT, Recorder(LARGE, change=lambda chunk: bytes(len(chunk))))

    assert left(layout) == []
    assert not repository.exists(CONTENT)


def test_push_when_all_was_there_but_the_name_then_the_source_is_not_asked(
    layout: Layout, repository: LocalRepository
) -> None:
    whole = Pattern(2 * MIB)
    content = whole.describe()
    (layout.path / "ingest").mkdir(parents=True)
    (layout.path / "ingest" / f"sha256-{content.digest.hex}.partial").write_bytes(b"".join(whole.pieces()))
    source = Recorder(whole)

    repository.push(content, source)

    assert source.opened == []
    assert repository.exists(content)


def test_push_when_another_writes_the_same_then_both_finish(layout: Layout, repository: LocalRepository) -> None:
    partial = layout.path / "ingest" / interrupted(repository, 3 * MIB)
    with partial.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        source = Recorder(LARGE)

        repository.push(CONTENT, source)

    assert source.opened == [(CONTENT.digest, 0)]
    assert repository.exists(CONTENT)
    assert left(layout) == [partial.name]
    assert layout.sweep(partials=True).bytes > 0
    assert left(layout) == []


def test_push_when_the_source_pushes_the_same_meanwhile_then_both_finish(
    layout: Layout, repository: LocalRepository
) -> None:
    pushed: list[bool] = []

    def push_too(chunk: bytes) -> bytes:
        if not pushed:
            pushed.append(True)
            repository.push(CONTENT, LARGE)
        return chunk

    repository.push(CONTENT, Recorder(LARGE, change=push_too))

    assert get(repository, CONTENT) == b"".join(LARGE.pieces())
    assert left(layout) == []


# ---- what is no blob ----


def test_blob_when_it_is_a_symbolic_link_then_it_is_not_there_and_replaced(
    layout: Layout, repository: LocalRepository, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    content = describe(b"secret")
    path = layout.path / "blobs/sha256" / content.digest.hex
    path.parent.mkdir(parents=True)
    path.symlink_to(secret)

    assert not repository.exists(content)
    assert layout.path_of(content) is None
    with pytest.raises(StorageError, match="symbolic link"), repository.open(content):
        pass
    put(repository, b"secret")
    assert not path.is_symlink()
    assert secret.read_bytes() == b"secret"
    assert get(repository, content) == b"secret"


def test_blob_when_it_is_a_pipe_then_nobody_hangs(layout: Layout, repository: LocalRepository) -> None:
    content = describe(b"")
    path = layout.path / "blobs/sha256" / content.digest.hex
    path.parent.mkdir(parents=True)
    os.mkfifo(path)

    assert not repository.exists(content)
    with pytest.raises(StorageError, match="not a regular file"), repository.open(content):
        pass


def test_blob_when_the_directory_is_a_file_then_it_is_not_there(layout: Layout, repository: LocalRepository) -> None:
    layout.path.mkdir()
    (layout.path / "blobs").write_bytes(b"")

    assert not repository.exists(describe(b"x"))
    with pytest.raises(NotFoundError), repository.open(describe(b"x")):
        pass
    with pytest.raises(StorageError, match="blobs"):
        put(repository, b"x")
    assert left(layout) == []


def test_temporary_when_it_is_a_symbolic_link_then_it_is_not_followed(
    layout: Layout, repository: LocalRepository, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (layout.path / "ingest").mkdir(parents=True)
    (layout.path / "ingest" / f"sha256-{CONTENT.digest.hex}.partial").symlink_to(victim)

    with pytest.raises(StorageError, match="symbolic link"):
        repository.push(CONTENT, LARGE)

    assert victim.read_bytes() == b"precious"


def test_blob_when_the_disk_fails_while_it_is_read_then_said(repository: LocalRepository) -> None:
    content = put(repository, b"some bytes")

    with repository.open(content, 1) as body, pytest.raises(StorageError, match=content.digest.hex):
        body.read(-1)


def test_push_when_more_is_promised_than_the_disk_holds_then_refused_at_once(
    layout: Layout, repository: LocalRepository
) -> None:
    absurd = Descriptor(media_type=TEXT, digest=Digest.of(b"x"), size=2**62)
    source = Recorder(Bytes(b"x"))

    with pytest.raises(StorageError, match=f"disk full: .*: {2**62} bytes are needed, [0-9]+ are free"):
        repository.push(absurd, source)

    assert source.opened == []
    assert left(layout) == []
