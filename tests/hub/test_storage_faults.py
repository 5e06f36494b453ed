"""Storage that fails: a full disk, a disk that cannot be written, an object store that is down, slow or cuts off."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from orchard.errors import ConflictError, NotFoundError, StorageError, UnavailableError
from orchard.hub.app.drivers import open_catalog, open_files
from orchard.hub.catalog.segments import Segments
from orchard.hub.registry import Files
from orchard.hub.settings import Settings
from orchard.hub.storage.bucket import Address, Bucket
from orchard.hub.storage.filesystem import Filesystem
from orchard.hub.storage.objects import ObjectStore
from orchard.oci import Digest
from support.drivers import BUCKET, SMALL, Objects, objects
from support.faultyline import Line, faulty_line
from support.hubinside import Inside, fresh_catalog, quick_directory
from support.hubs import Nursery, dice
from support.swift import REGION, Swift

SESSION = "0123456789abcdef" * 2
OBJECT = SMALL.segment
DATA = dice(4).randbytes(5 * OBJECT + 1000)
DIGEST = Digest.of(DATA)


def push(files: Filesystem | ObjectStore, data: bytes = DATA, session: str = SESSION) -> None:
    staged = files.create(session, "sha256")
    try:
        staged.append([data])
        staged.publish(Digest.of(data))
    finally:
        staged.close()


def read(files: ObjectStore, start: int = 0, stop: int = len(DATA)) -> bytes:
    return b"".join(files.content(DIGEST).read(start, stop))


# Disks ------------------------------------------------------------------------------------------------------------


def test_disk_is_not_filled_to_its_last_byte(tmp_path: Path) -> None:
    push(Filesystem(tmp_path))
    full = Filesystem(tmp_path, spare=2, most=1 << 80)  # no disk is as empty as that
    with pytest.raises(StorageError, match=r"disk full: \d+ MiB are free where .* free some space"):
        push(full, b"more", "1" * 32)


def test_full_disk_refuses_uploads_and_serves_on(hub: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.push_blob("a/b", DATA)

    def refuse() -> None:
        raise StorageError("disk full: 1 MiB are free")

    monkeypatch.setattr(hub.files, "require_room", refuse)
    assert hub.request("POST", "/v2/a/b/blobs/uploads/").status == 507
    assert hub.get(f"/v2/a/b/blobs/{DIGEST}").body == DATA


def test_directory_that_cannot_be_written_is_told() -> None:
    with pytest.raises(StorageError, match=r"upload .*: .+"):
        Filesystem(Path("/proc/orchard")).create(SESSION, "sha256")


# Object stores ----------------------------------------------------------------------------------------------------


@pytest.fixture
def line(swift: Swift) -> Iterator[Line]:
    """A line to the object store that can be broken."""
    port = int(swift.endpoint.rpartition(":")[2])
    with faulty_line(("127.0.0.1", port)) as made:
        yield made


@pytest.fixture
def store(swift: Swift, line: Line) -> Iterator[Objects]:
    with quick_directory() as directory:
        database = fresh_catalog(directory)
        yield objects(swift, database, endpoint=line.endpoint)
        database.close()


def test_store_that_is_down_takes_and_gives_nothing_and_comes_back(store: Objects, line: Line) -> None:
    files = store.store()
    push(files)
    staged = files.create("1" * 32, "sha256")
    line.cut()
    calls: list[Callable[[], object]] = [
        lambda: read(files),
        lambda: staged.append([DATA]),
        lambda: files.sweep(1),
        lambda: Bucket(store.address).claim("x"),
    ]
    for call in calls:
        with pytest.raises(UnavailableError, match="the object store does not do its part"):
            call()
    assert staged.size == 0
    line.mend()
    staged.append([DATA])
    staged.publish(DIGEST)
    staged.close()
    assert read(files) == DATA


def test_upload_whose_store_goes_away_goes_on_from_what_is_durable(store: Objects, line: Line) -> None:
    files = store.store()
    staged = files.create(SESSION, "sha256")
    staged.append([DATA[: 3 * OBJECT]])
    staged.close()
    staged = files.resume(SESSION)
    line.cut()
    staged.append([DATA[3 * OBJECT :]])
    with pytest.raises(UnavailableError, match="object store"):
        staged.close()
    line.mend()
    staged = files.resume(SESSION)
    assert staged.size == 3 * OBJECT
    staged.append([DATA[staged.size :]])
    staged.publish(DIGEST)
    staged.close()
    assert read(files) == DATA


@pytest.mark.parametrize("limit", [0, 100, 5000, OBJECT - 1])
def test_line_that_breaks_within_an_answer_gives_no_wrong_bytes(store: Objects, line: Line, limit: int) -> None:
    files = store.store()
    push(files)
    line.down_limit = limit
    try:
        assert read(files) == DATA
    except StorageError as error:
        assert "object store" in str(error) or "were asked for" in str(error)  # noqa: PT017 -- either is sound
    line.mend()
    assert read(files) == DATA


@pytest.mark.parametrize("limit", [0, 100, 5000, OBJECT - 1])
def test_line_that_breaks_within_a_request_stores_no_wrong_bytes(store: Objects, line: Line, limit: int) -> None:
    files = store.store()
    line.up_limit = limit
    with pytest.raises(StorageError, match="object store"):
        push(files)
    line.mend()
    files.discard(SESSION)
    push(files)
    assert read(files) == DATA


def test_memory_that_is_used_up_makes_smaller_objects_and_slower_readers(store: Objects) -> None:
    files = store.store(sizes=replace(SMALL, memory=100))
    staged = files.create(SESSION, "sha256")
    for start in range(0, len(DATA), 40_000):
        staged.append([DATA[start : start + 40_000]])
    staged.publish(DIGEST)
    staged.close()
    assert len(store.keys()) > len(DATA) // OBJECT + 3
    assert read(files) == DATA


def test_object_that_was_lost_is_told(store: Objects) -> None:
    files = store.store()
    push(files)
    store.bucket.erase(store.keys())
    with pytest.raises(NotFoundError, match="there is no such object"):
        read(files)
    push(files)
    assert read(files) == DATA


def test_bucket_that_is_not_there_and_credentials_that_are_wrong_are_told(
    swift: Swift, store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Address(bucket="nowhere", endpoint=swift.endpoint, region=REGION)
    with pytest.raises(UnavailableError, match="there is no such bucket; make it"):
        Bucket(nowhere).claim("x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(UnavailableError, match="refuses the hub's credentials"):
        store.bucket.put("x", b"y")


def test_place_of_another_hub_is_refused(store: Objects) -> None:
    store.bucket.claim("mine")
    store.bucket.claim("mine")
    with pytest.raises(ConflictError, match="holds the blobs of another hub"):
        store.bucket.claim("yours")


def test_hub_says_when_to_come_back_and_serves_when_the_store_does(hubs: Nursery, tmp_path: Path, line: Line) -> None:
    with hubs.hub(tmp_path, storage=f"s3://{BUCKET}/{tmp_path.name}", storage_endpoint=line.endpoint) as hub:
        hub.push_blob("a/b", DATA)
        session = hub.begin("a/b")
        line.cut()
        target = f"/v2/a/b/blobs/{DIGEST}"
        for answer in (
            hub.get(target),
            hub.get(target, range="bytes=5-10"),
            hub.request("PUT", f"{session}?digest={Digest.of(b'more')}", b"more"),
        ):
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert hub.request("HEAD", target).status == 200
        line.mend()
        assert hub.get(target).body == DATA
        assert hub.request("PUT", f"{session}?digest={Digest.of(b'more')}", b"more").status == 201


# Processes that die -----------------------------------------------------------------------------------------------

_PUSHER = """
import sys
from pathlib import Path
from orchard.hub.app.drivers import open_catalog, open_files
from orchard.hub.settings import Settings
from orchard.oci import Digest
sys.path.insert(0, sys.argv[1])
from support.drivers import SMALL
from support.hubs import dice
import orchard.hub.storage.objects as objects
objects.ObjectStore.__init__.__kwdefaults__["sizes"] = SMALL
settings = Settings(data=Path(sys.argv[2]), storage=sys.argv[3], storage_endpoint=sys.argv[4])
with open_catalog(settings) as database:
    files = open_files(settings, database)
    number = int(sys.argv[5])
    print("ready", flush=True)
    while True:
        number += 1
        data = dice(number).randbytes(700_000)
        session = f"{number:032x}"
        staged = files.create(session, "sha256")
        staged.append([data[:300_000]])
        staged.close()
        print("kept", session, 300_000, flush=True)
        staged = files.resume(session)
        staged.append([data[300_000:]])
        staged.publish(Digest.of(data))
        staged.close()
        print("published", number, flush=True)
"""


def test_what_was_kept_or_published_survives_kill_at_any_moment(tmp_path: Path, swift: Swift) -> None:
    chance = dice(3)
    place = f"s3://{BUCKET}/{tmp_path.name}"
    published: list[int] = []
    kept: dict[str, int] = {}
    for round_ in range(4):
        arguments = [str(Path(__file__).parents[1]), str(tmp_path), place, swift.endpoint, str(round_ * 1000)]
        process = subprocess.Popen([sys.executable, "-c", _PUSHER, *arguments], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        lines = [process.stdout.readline() for _ in range(chance.randrange(2, 6))]
        Event().wait(chance.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines()
        process.wait()
        process.stdout.close()
        for words in map(str.split, lines):
            if words[0] == "kept":
                kept[words[1]] = int(words[2])
            else:
                published.append(int(words[1]))
                del kept[f"{published[-1]:032x}"]
    assert published
    settings = Settings(data=tmp_path, storage=place, storage_endpoint=swift.endpoint)
    with open_catalog(settings) as database:
        files = open_files(settings, database)
        require_all(files, published, kept)
        for session in Segments(database, 1, time.time).idle(1 << 43):
            files.discard(session)
        for digest in list(files.digests()):
            files.erase(digest)
        files.sweep(1 << 43)
    assert list(Bucket(Address.parse(place, endpoint=swift.endpoint)).list("segments")) == []


def require_all(files: Files, published: list[int], kept: dict[str, int]) -> None:
    found = set(files.digests())
    for number in published:
        content = dice(number).randbytes(700_000)
        assert b"".join(files.content(Digest.of(content)).read(0, len(content))) == content
        found.discard(Digest.of(content))
    assert len(found) <= 4  # published, and killed before it could say so
    for session, size in kept.items():
        try:
            assert files.resume(session).size >= size
        except NotFoundError:
            number = int(session, 16)
            assert Digest.of(dice(number).randbytes(700_000)) in found
