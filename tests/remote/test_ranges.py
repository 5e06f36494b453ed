"""Large blobs, read through as many connections as pay. Servers and time are real, but no time is asserted."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from orchard.errors import IntegrityError
from orchard.oci import STRIDE, Descriptor, Digest, Verifying, chunks, mediatype
from orchard.remote import Options, Registry, RemoteRepository, Retry, Web
from support.capped import CappedServer
from support.clients import FakeTime
from support.faultserver import FaultServer, redirect, status

SIZE = 64 << 20
RATE = 50_000_000  # so slow that one connection leaves the reader waiting


@pytest.fixture(scope="module")
def blob(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ranges") / "blob"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture(scope="module")
def wanted(blob: Path) -> Descriptor:
    with blob.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Descriptor(media_type=mediatype.OCTET_STREAM, digest=Digest("sha256", digest), size=SIZE)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    def ours() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "range"}

    assert not ours()
    yield
    assert not ours()


def repository(stack: ExitStack, host: str, **options: int) -> RemoteRepository:
    chosen = Options(retry=Retry(first=0.01, attempts=3), **options)  # type: ignore[arg-type]  # all numbers
    return stack.enter_context(Registry(host, options=chosen)).repository("team/model")


def read(repo: RemoteRepository, wanted: Descriptor) -> int:
    with repo.open(wanted) as body:
        return sum(map(len, chunks(Verifying(body, wanted), STRIDE)))


def read_from(server: CappedServer, wanted: Descriptor, **options: int) -> int:
    with ExitStack() as stack:
        return read(repository(stack, server.host, **options), wanted)


def test_server_that_limits_a_connection_is_asked_for_ranges(blob: Path, wanted: Descriptor) -> None:
    with CappedServer(blob, RATE) as server:
        assert read_from(server, wanted) == SIZE

    assert server.ranges[0] is None
    assert len(server.ranges) > 4
    assert server.most > 2


def test_reader_that_does_not_wait_asks_once(blob: Path, wanted: Descriptor) -> None:
    with CappedServer(blob) as server, ExitStack() as stack:
        still = Registry(server.host, timing=FakeTime().timing)  # no time passes, so none is spent waiting

        assert read(stack.enter_context(still).repository("team/model"), wanted) == SIZE

    assert server.ranges == [None]


def test_one_connection_only_where_so_chosen(blob: Path, wanted: Descriptor) -> None:
    with CappedServer(blob, 4 * RATE) as server:
        assert read_from(server, wanted, ranges=1) == SIZE

    assert (server.ranges, server.most) == ([None], 1)


def test_range_that_breaks_is_continued(blob: Path, wanted: Descriptor) -> None:
    with CappedServer(blob, RATE, cuts=3) as server:
        assert read_from(server, wanted) == SIZE

    assert server.cuts == 0


def test_server_that_gives_no_ranges_is_read_through_one_connection(blob: Path, wanted: Descriptor) -> None:
    with CappedServer(blob, RATE, gives_ranges=False) as server, ExitStack() as stack:
        repo = repository(stack, server.host)

        assert read(repo, wanted) == SIZE
        asked = len(server.ranges)
        assert read(repo, wanted) == SIZE

    assert len(server.ranges) == asked + 1  # it is not tried again


@pytest.mark.parametrize("code", [403, 429, 500, 503])
def test_server_that_refuses_ranges_is_read_through_one_connection(blob: Path, wanted: Descriptor, code: int) -> None:
    with CappedServer(blob, RATE, refuses=code) as server:
        assert read_from(server, wanted) == SIZE

    assert server.ranges[0] is None
    assert str(server.ranges[-1]).endswith("-")


def test_wrong_bytes_are_found(blob: Path, wanted: Descriptor, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(blob.read_bytes()[:-1] + b"?")

    with CappedServer(other, RATE) as server, pytest.raises(IntegrityError, match="does not match"):
        read_from(server, wanted)


def test_reader_that_leaves_early_leaves_no_thread(blob: Path, wanted: Descriptor) -> None:
    with CappedServer(blob, RATE) as server, ExitStack() as stack:
        body = stack.enter_context(repository(stack, server.host).open(wanted))
        left = SIZE // 2
        while left > 0:
            left -= len(body.read(STRIDE))

    assert server.most > 1


def test_reader_that_asks_for_little_at_a_time_gets_all_in_order(blob: Path, wanted: Descriptor) -> None:
    sizes = iter(range(1 << 30))
    with CappedServer(blob, RATE) as server, ExitStack() as stack:
        verified = Verifying(stack.enter_context(repository(stack, server.host).open(wanted)), wanted)
        while verified.read(STRIDE - 70_001 * (next(sizes) % 7)):
            continue

    assert server.most > 1


def test_several_reads_share_the_connections(blob: Path, wanted: Descriptor) -> None:
    with CappedServer(blob, RATE) as server, ExitStack() as stack:
        repo = repository(stack, server.host, ranges=4)
        threads = [threading.Thread(target=read, args=(repo, wanted)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert server.most <= 4 + 3  # a connection that is given up may still be seen while its successor begins


def test_file_of_a_service_that_is_no_registry_is_read_likewise(blob: Path, wanted: Descriptor) -> None:
    with CappedServer(blob, RATE) as storage, FaultServer() as server, Web(server.url, options=Options()) as web:
        server.on("GET", "/file", redirect(f"http://{storage.host}/signed?key=secret"))

        with web.open(web.root.under("file"), SIZE) as body:
            assert sum(map(len, chunks(Verifying(body, wanted), STRIDE))) == SIZE

    assert storage.most > 2
    assert len(server.seen) == 1


def test_storage_is_looked_up_once_and_never_told_who_we_are(blob: Path, wanted: Descriptor) -> None:
    with CappedServer(blob, RATE) as storage, FaultServer() as server, ExitStack() as stack:
        server.on("GET", "/blobs/", redirect(f"http://{storage.host}/signed?key=secret"))

        assert read(repository(stack, server.host), wanted) == SIZE

    assert len(storage.ranges) > 4
    assert len(server.seen) == 1


def test_storage_whose_link_has_ended_is_looked_up_again() -> None:
    data = bytes(range(256)) * 4
    with FaultServer() as storage, FaultServer() as server, ExitStack() as stack:
        wanted = Descriptor(media_type=mediatype.OCTET_STREAM, digest=Digest.of(data), size=len(data))
        storage.add_blob(data)
        link = redirect(f"{storage.url}/v2/bucket/x/blobs/{wanted.digest}?key=secret")
        server.on("GET", "/blobs/", link, 2)
        repo = repository(stack, server.host)

        parts = [repo.read_range(wanted, 0, 10), repo.read_range(wanted, 10, 10)]
        storage.on("GET", "/blobs/", status(403))
        parts.append(repo.read_range(wanted, 20, 10))

        assert b"".join(parts) == data[:30]
        assert len(server.seen) == 2
        assert len(storage.seen) == 4
        assert not any("authorization" in seen.headers for seen in storage.seen)
