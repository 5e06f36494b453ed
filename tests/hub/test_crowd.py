"""Very many who get blobs at once: every byte for everybody, and little memory for each."""

import asyncio
import os
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from orchard.errors import NotFoundError, StorageError
from orchard.hub.http.crowd import LARGE, PARTS, PIECED, SIP, WHOLE, Crowd, SippedFile, open_blobs
from orchard.hub.http.replies import Reply, reply
from orchard.hub.http.threads import Threads
from support.hubs import Hub, dice, read_all, running_hub, send_head

NAME = "team/model"
CLIENTS = PIECED + WHOLE + 8


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    path = tmp_path / "blobs" / "file"
    path.parent.mkdir()
    path.write_bytes(dice(1).randbytes(100_000))
    return path


def whole(file: Path) -> Reply:
    return Reply(200, [(b"content-length", b"100000")], content=SippedFile(file))


@contextmanager
def slow(hub: Hub, target: str) -> Iterator[socket.socket]:
    """Ask for a blob with little room for what comes."""
    name, _, port = hub.host.rpartition(":")
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        line.connect((name, int(port)))
        send_head(line, "GET", target, "Connection: close")
        yield line


def body_of(line: socket.socket) -> bytes:
    return read_all(line).partition(b"\r\n\r\n")[2]


def iter_nothing() -> Generator[bytes]:
    yield from ()


def sipped(answer: Reply) -> tuple[int, range | None]:
    return answer.sip, answer.part


def test_few_answers_leave_as_they_are_and_further_ones_in_sips(file: Path) -> None:
    crowd = Crowd(count=lambda: WHOLE, steady=lambda: 0.0)
    answers = [crowd.fit(whole(file)) for _ in range(WHOLE + 1)]
    assert {sipped(answer) for answer in answers[:-1]} == {(0, None)}
    assert sipped(answers[-1]) == (SIP, range(100_000))


def test_room_is_found_again_when_files_are_closed_and_looked_for_once_a_second(file: Path) -> None:
    opened, at, looks = WHOLE, 0.0, 0

    def count() -> int:
        nonlocal looks
        looks += 1
        return opened

    crowd = Crowd(count, lambda: at)
    for _ in range(WHOLE + 5):
        crowd.fit(whole(file))
    opened = 0
    assert sipped(crowd.fit(whole(file))) == (SIP, range(100_000))
    assert looks == 1
    at = 1.0
    assert sipped(crowd.fit(whole(file))) == (0, None)
    assert looks == 2


def test_large_file_leaves_in_large_pieces_while_there_is_room(file: Path) -> None:
    crowd = Crowd(count=lambda: PIECED + WHOLE, steady=lambda: 0.0)
    large = Reply(200, [(b"content-length", b"%d" % LARGE)], content=SippedFile(file))
    assert {sipped(crowd.fit(large)) for _ in range(PIECED)} == {(0, range(LARGE))}
    assert {sipped(crowd.fit(large)) for _ in range(WHOLE)} == {(0, None)}
    assert sipped(crowd.fit(large)) == (SIP, range(LARGE))


def test_many_parts_at_once_leave_in_sips(file: Path) -> None:
    crowd = Crowd()
    part = Reply(206, [], content=SippedFile(file), part=range(5, 10), begun=(b"", iter_nothing()))
    assert [sipped(crowd.fit(part)) for _ in range(PARTS)] == [(0, range(5, 10))] * PARTS
    assert sipped(crowd.fit(part)) == (SIP, range(5, 10))
    for _ in range(PARTS + 1):
        with crowd.sending(part):
            pass
    assert sipped(crowd.fit(part)) == (0, range(5, 10))


def test_answer_that_cannot_begin_makes_room_again(file: Path) -> None:
    crowd = Crowd()
    file.unlink()
    with Threads() as threads:
        for _ in range(PARTS + 1):
            answer = crowd.fit(Reply(206, [], content=SippedFile(file), part=range(5, 10)))
            assert sipped(answer) == (0, range(5, 10))
            with pytest.raises(NotFoundError, match="are not there"):
                asyncio.run(crowd.begin(answer, threads))


def test_answer_to_head_takes_no_room_and_makes_none(file: Path) -> None:
    crowd = Crowd()
    part = Reply(206, [], content=SippedFile(file), part=range(5, 10))
    for _ in range(3):
        with crowd.sending(part):
            pass
    assert [sipped(crowd.fit(part))[0] for _ in range(PARTS + 1)] == [*[0] * PARTS, SIP]


def test_answer_from_memory_is_left_alone() -> None:
    answer = reply(200, body=b"x")
    crowd = Crowd()
    assert all(crowd.fit(answer) is answer for _ in range(WHOLE + 1))


def test_sipped_file_gives_what_is_wanted_of_it(file: Path) -> None:
    assert b"".join(SippedFile(file).read(7, 90_000)) == file.read_bytes()[7:90_000]


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        pytest.param(lambda path: path.unlink(), NotFoundError, "are not there", id="gone"),
        pytest.param(lambda path: os.truncate(path, 9), StorageError, "ends at byte 9", id="cut"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), StorageError, "directory", id="no file"),
    ],
)
def test_file_that_is_not_as_it_should_be_is_said_to_be_so(
    file: Path, spoil: Callable[[Path], object], error: type[Exception], words: str
) -> None:
    spoil(file)
    with pytest.raises(error, match=words):
        list(SippedFile(file).read(0, 100_000))


def test_open_files_of_blobs_are_counted(file: Path) -> None:
    before = open_blobs()
    with file.open("rb"):
        assert open_blobs() == before + 1
    assert open_blobs() == before


def test_everybody_in_a_crowd_of_slow_clients_gets_every_byte(tmp_path: Path) -> None:
    data = dice(2).randbytes(3_000_000)
    with running_hub(tmp_path / "data") as hub, ExitStack() as stack:
        target = f"/v2/{NAME}/blobs/{hub.push_blob(NAME, data)}"
        lines = [stack.enter_context(slow(hub, target)) for _ in range(CLIENTS)]
        heads = [line.recv(1) for line in lines]  # all of them wait now, most of their bytes still to come
        assert heads == [b"H"] * CLIENTS
        assert {body_of(line) == data for line in lines} == {True}
