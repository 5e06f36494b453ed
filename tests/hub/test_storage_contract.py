"""What every driver of storage promises: files, and objects of a real object store (OpenStack Swift)."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchard.errors import ConflictError, IntegrityError, InvalidDigestError, NotFoundError, StorageError
from orchard.hub.db.postgresql import open_postgresql
from orchard.hub.registry import Files
from orchard.oci import Digest
from support.drivers import SMALL, Rig, files_rig, objects, objects_rig
from support.hubinside import fresh_catalog, quick_directory
from support.hubs import dice
from support.postgres import fresh_url

SESSION = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2
DATA = b"0123456789"
MIB = 1 << 20
OBJECT = SMALL.segment


@pytest.fixture(params=["files", "s3-sqlite", "s3-postgresql"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param == "files":
        yield files_rig(tmp_path)
        return
    with ExitStack() as stack:
        if request.param == "s3-sqlite":
            database = fresh_catalog(stack.enter_context(quick_directory()))
        else:
            database = open_postgresql(fresh_url(request.getfixturevalue("postgres")))
        stack.callback(database.close)
        yield objects_rig(objects(request.getfixturevalue("swift"), database))


@pytest.fixture
def files(rig: Rig) -> Files:
    return rig.process()


def push(files: Files, data: bytes, session: str = SESSION) -> Digest:
    staged = files.create(session, "sha256")
    staged.append([data])
    staged.publish(Digest.of(data))
    staged.close()
    return Digest.of(data)


def read(files: Files, digest: Digest, start: int, stop: int) -> bytes:
    pieces = list(files.content(digest).read(start, stop))
    assert all(0 < len(piece) <= MIB for piece in pieces)
    return b"".join(pieces)


def noise(size: int, seed: int = 1) -> bytes:
    return dice(seed).randbytes(size)


# Uploads ----------------------------------------------------------------------------------------------------------


def test_published_upload_is_a_blob_and_no_upload_any_more(rig: Rig, files: Files) -> None:
    digest = push(files, DATA)
    assert read(rig.process(), digest, 0, 10) == DATA
    assert list(rig.process().digests()) == [digest]
    with pytest.raises(NotFoundError, match="is unknown"):
        rig.process().resume(SESSION)
    assert rig.things() == 1


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_empty_upload_is_an_empty_blob(files: Files, algorithm: str) -> None:
    staged = files.create(SESSION, algorithm)
    staged.publish(Digest.of(b"", algorithm))
    staged.close()
    assert list(files.digests()) == [Digest.of(b"", algorithm)]
    assert read(files, Digest.of(b"", algorithm), 0, 0) == b""


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests=st.lists(st.lists(st.binary(max_size=3000), max_size=6), min_size=1, max_size=4),
    scale=st.sampled_from([1, 10, 100]),
    named=st.sampled_from(["sha256", "sha512"]),
    begun=st.sampled_from(["sha256", "sha512"]),
    alone=st.booleans(),
)
def test_pieces_of_any_size_in_any_number_of_requests_join_to_the_blob(
    rig: Rig, requests: list[list[bytes]], scale: int, named: str, begun: str, *, alone: bool
) -> None:
    files = rig.process()
    files.discard(SESSION)
    files.create(SESSION, begun).close()
    whole = b""
    for pieces in requests:
        files = files if alone else rig.process()
        staged = files.resume(SESSION)
        staged.append([piece * scale for piece in pieces])
        whole += b"".join(piece * scale for piece in pieces)
        staged.close()
    staged = (files if alone else rig.process()).resume(SESSION)
    assert staged.size == len(whole)
    staged.publish(Digest.of(whole, named))
    staged.close()
    assert read(files, Digest.of(whole, named), 0, len(whole)) == whole


def test_upload_of_many_objects_is_read_in_any_part(rig: Rig, files: Files) -> None:
    data = noise(9 * OBJECT + 12_345)
    staged = files.create(SESSION, "sha256")
    for start in range(0, len(data), 50_000):
        staged.append([data[start : start + 50_000]])
    staged.publish(Digest.of(data))
    staged.close()
    border = OBJECT
    spans = [
        (0, len(data)),
        (border - 1, border + 1),
        (border, border + 5),
        (5, 2 * border + 7),
        (len(data) - 1, len(data)),
        (7, 7),
    ]
    for start, stop in spans:
        assert read(rig.process(), Digest.of(data), start, stop) == data[start:stop]


def test_content_that_is_left_early_can_be_read_again(files: Files) -> None:
    data = noise(20 * OBJECT)
    digest = push(files, data)
    for _ in range(8):
        pieces = files.content(digest).read(0, len(data))
        assert data.startswith(next(pieces))
        pieces.close()
    assert read(files, digest, 19 * OBJECT, 20 * OBJECT) == data[19 * OBJECT :]


def test_reading_more_than_there_is_fails(files: Files) -> None:
    digest = push(files, DATA)
    with pytest.raises(StorageError, match=str(digest.hex[:20])):
        read(files, digest, 0, 11)


def test_blob_that_is_not_there_cannot_be_read(files: Files) -> None:
    with pytest.raises(NotFoundError, match="are not there"):
        read(files, Digest.of(b"nothing"), 0, 1)


def test_wrong_bytes_are_not_published_and_what_was_kept_of_them_goes(rig: Rig, files: Files) -> None:
    staged = files.create(SESSION, "sha256")
    staged.append([b"other" * OBJECT])
    with pytest.raises(IntegrityError, match="the 1310720 bytes received are sha256:"):
        staged.publish(Digest.of(DATA))
    staged.close()
    assert list(files.digests()) == []
    files.discard(SESSION)
    assert rig.settled(0)


def test_wrong_bytes_are_found_by_another_process_too(rig: Rig, files: Files) -> None:
    staged = files.create(SESSION, "sha512")
    staged.append([b"other"])
    staged.close()
    staged = rig.process().resume(SESSION)
    with pytest.raises(IntegrityError, match="the 5 bytes received are sha512:"):
        staged.publish(Digest.of(DATA, "sha512"))
    staged.close()
    assert rig.process().resume(SESSION).size == 5


SIZES = [0, 3, OBJECT // 4, OBJECT - 1, OBJECT, OBJECT + 9, 3 * OBJECT - 9, 3 * OBJECT + 9, 3 * OBJECT + 10]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("closed", [False, True])
def test_rewound_upload_goes_on_from_there(rig: Rig, files: Files, size: int, *, closed: bool) -> None:
    data = noise(3 * OBJECT + 10)
    staged = files.create(SESSION, "sha256")
    staged.append([data[: OBJECT + 2000]])
    staged.append([data[OBJECT + 2000 :]])
    if closed:
        staged.close()
        staged = rig.process().resume(SESSION)
    staged.rewind(size)
    assert staged.size == size
    if closed:
        staged.close()
        staged = rig.process().resume(SESSION)
        assert staged.size == size
    staged.append([data[size:]])
    staged.publish(Digest.of(data))
    staged.close()
    assert read(files, Digest.of(data), 0, len(data)) == data


def test_blob_is_not_cut_by_who_made_it(rig: Rig, files: Files) -> None:
    staged = files.create(SESSION, "sha256")
    staged.append([DATA])
    staged.publish(Digest.of(DATA))
    staged.rewind(0)
    staged.close()
    assert read(rig.process(), Digest.of(DATA), 0, 10) == DATA


def test_upload_is_cut_within_its_last_small_bytes(rig: Rig, files: Files) -> None:
    files.create(SESSION, "sha256").close()
    for piece in (b"first", b"second", b"third"):
        staged = rig.process().resume(SESSION)
        staged.append([piece])
        staged.close()
    staged = rig.process().resume(SESSION)
    staged.rewind(7)
    staged.close()
    staged = rig.process().resume(SESSION)
    assert staged.size == 7
    staged.publish(Digest.of(b"firstse"))
    staged.close()


def test_bytes_that_a_process_took_are_there_for_the_next_one(rig: Rig, files: Files) -> None:
    staged = files.create(SESSION, "sha256")
    staged.append([DATA[:4]])
    staged.close()
    staged = rig.process().resume(SESSION)
    assert staged.size == 4
    staged.append([DATA[4:]])
    staged.publish(Digest.of(DATA))
    staged.close()


@pytest.mark.parametrize("session", ["", "..", "../../etc/passwd", "A" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n"])
def test_session_that_is_no_id_is_unknown(files: Files, session: str) -> None:
    for ask in (files.resume, files.discard, lambda name: files.create(name, "sha256")):
        with pytest.raises(NotFoundError, match="no such upload"):
            ask(session)


def test_session_cannot_be_created_twice(files: Files) -> None:
    files.create(SESSION, "sha256").close()
    with pytest.raises(StorageError, match="exists"):
        files.create(SESSION, "sha256")


def test_session_of_an_unknown_algorithm_is_not_created(files: Files) -> None:
    with pytest.raises(InvalidDigestError, match="md5"):
        files.create(SESSION, "md5")
    with pytest.raises(NotFoundError, match="is unknown"):
        files.resume(SESSION)


def test_discarding_forgets_the_bytes_and_can_be_repeated(rig: Rig, files: Files) -> None:
    staged = files.create(SESSION, "sha256")
    staged.append([b"x" * 5 * OBJECT])
    staged.close()
    rig.process().discard(SESSION)
    files.discard(SESSION)
    with pytest.raises(NotFoundError, match="is unknown"):
        files.resume(SESSION)
    assert rig.settled(0)


def test_uploads_that_nobody_goes_on_with_are_named(rig: Rig, files: Files) -> None:
    files.create(SESSION, "sha256").close()
    rig.clock.time += 7200
    files.create(OTHER, "sha256").close()
    assert SESSION in list(files.sessions())
    assert not rig.shared or OTHER not in list(files.sessions())


# Blobs ------------------------------------------------------------------------------------------------------------


def test_blob_is_pushed_twice_and_there_once(rig: Rig, files: Files) -> None:
    first = push(files, DATA)
    second = push(rig.process(), DATA, OTHER)
    assert first == second
    assert list(files.digests()) == [first]
    rig.clock.time += 7200
    files.sweep(2 * round(rig.clock.time) * 1000)
    assert rig.things() == 1
    assert read(files, first, 0, 10) == DATA


def test_reader_goes_on_while_the_blob_is_pushed_again_and_the_old_bytes_go(rig: Rig, files: Files) -> None:
    data = noise(12 * OBJECT)
    digest = push(files, data)
    pieces = files.content(digest).read(0, len(data))
    found = next(pieces)
    push(rig.process(), data, OTHER)
    files.sweep(2 * round(rig.clock.time) * 1000)
    assert found + b"".join(pieces) == data


def test_same_blob_is_pushed_by_many_at_once(rig: Rig, files: Files) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        mine = rig.process() if rig.shared else files
        try:
            push(mine, DATA * 1000, f"{number:032x}")
        except Exception as error:  # noqa: BLE001 -- looked at below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(files.digests()) == [Digest.of(DATA * 1000)]
    assert read(files, Digest.of(DATA * 1000), 0, 10_000) == DATA * 1000


def test_erased_blob_is_gone_and_others_stay(rig: Rig, files: Files) -> None:
    gone, kept = push(files, DATA), push(files, b"other", OTHER)
    assert files.erase(gone)
    assert not files.erase(gone)
    assert list(files.digests()) == [kept]
    with pytest.raises(NotFoundError, match="are not there"):
        read(files, gone, 0, 1)
    assert rig.settled(1)


def test_blob_that_was_just_published_is_not_erased(rig: Rig, files: Files) -> None:
    before = round(rig.clock.time * 1000) - 1
    digest = push(files, DATA)
    assert not files.erase(digest, before=before)
    assert read(files, digest, 0, 10) == DATA
    assert files.erase(digest, before=before + 1)


def test_sweeping_takes_what_belongs_to_nothing_only(rig: Rig, files: Files) -> None:
    push(files, DATA)
    staged = files.create(OTHER, "sha256")
    staged.append([b"x" * OBJECT])
    staged.close()
    assert files.sweep(2 * _now()) == 0
    assert rig.things() == 2


# Several processes ------------------------------------------------------------------------------------------------

several = pytest.mark.parametrize("rig", ["s3-sqlite", "s3-postgresql"], indirect=True)  # a directory belongs to one


@several
def test_of_two_that_append_at_once_one_wins_and_the_other_is_told(rig: Rig) -> None:
    rig.process().create(SESSION, "sha256").close()
    first, second = rig.process().resume(SESSION), rig.process().resume(SESSION)
    first.append([b"first"])
    second.append([b"second"])
    first.close()
    with pytest.raises(ConflictError, match="another request has written to upload"):
        second.close()
    staged = rig.process().resume(SESSION)
    assert staged.size == 5
    staged.publish(Digest.of(b"first"))
    staged.close()


@several
def test_of_two_that_put_objects_at_once_one_wins_and_the_others_go(rig: Rig) -> None:
    rig.process().create(SESSION, "sha256").close()
    first, second = rig.process().resume(SESSION), rig.process().resume(SESSION)
    data = noise(20 * OBJECT)
    first.append([data])
    first.close()
    with pytest.raises(ConflictError, match="another request has written to upload"):
        second.append([b"y" * 5 * OBJECT])
    second.close()
    staged = rig.process().resume(SESSION)
    staged.publish(Digest.of(data))
    staged.close()
    assert rig.settled(20)


@several
def test_upload_that_another_process_finished_cannot_be_finished(rig: Rig) -> None:
    staged = rig.process().create(SESSION, "sha256")
    staged.append([DATA])
    staged.close()
    first, second = rig.process().resume(SESSION), rig.process().resume(SESSION)
    first.publish(Digest.of(DATA))
    with pytest.raises(ConflictError, match="or ended it"):
        second.publish(Digest.of(DATA))
    second.close()
    assert read(rig.process(), Digest.of(DATA), 0, 10) == DATA


def _now() -> int:
    return round(time.time() * 1000)
