"""Pushes that go on where another run was cut off."""

import json
import os
import stat
from pathlib import Path

import pytest

from orchard.errors import IntegrityError
from orchard.oci import Digest
from orchard.remote import Chunking, RemoteRepository
from orchard.remote.unfinished import LIFETIME, MOST, Target, Unfinished
from orchard.store import Bytes
from support.clients import Connect, FakeTime, blob, methods, ranges
from support.faultserver import FaultServer, challenge, status
from support.hubs import wait_until
from support.stores import Recorder

DATA = bytes(range(256)) * 8192  # 2 MiB
HALF = 1 << 20
WANTED = blob(DATA)
TARGET = Target("http://registry.test", "team/model", WANTED.digest)
CHUNKED = Chunking(threshold=1, size=HALF)


@pytest.fixture(autouse=True)
def _notes_of_small_blobs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchard.remote.place.LEAST", 1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture
def first(connect: Connect, directory: Path) -> RemoteRepository:
    return connect(unfinished=directory, chunking=CHUNKED).repository("team/model")


@pytest.fixture
def second(connect: Connect, directory: Path) -> RemoteRepository:
    return connect(unfinished=directory, chunking=CHUNKED).repository("team/model")


def interrupt(server: FaultServer, repository: RemoteRepository) -> None:
    """Push, and break off when one chunk is across and the next one has begun."""

    with pytest.raises(Exception, match="the connection broke"):
        repository.push(WANTED, Recorder(Bytes(DATA), breaks_after=HALF))
    wait_until(lambda: methods(server).count("A") == 2 or server.uploads == {})


def notes(directory: Path) -> list[Path]:
    return sorted(directory.glob("*"))


def test_push_goes_on_where_another_run_was_cut_off(
    server: FaultServer, first: RemoteRepository, second: RemoteRepository, directory: Path
) -> None:
    interrupt(server, first)
    server.seen.clear()

    second.push(WANTED, Bytes(DATA))

    assert methods(server) == "HGAU"
    assert ranges(server) == [f"{HALF}-{len(DATA) - 1}"]
    assert server.blobs == {str(WANTED.digest): DATA}
    assert notes(directory) == []


def test_push_when_the_registry_has_all_bytes_only_commits(
    server: FaultServer, first: RemoteRepository, second: RemoteRepository
) -> None:
    interrupt(server, first)
    (session,) = server.uploads.values()
    session[:] = DATA
    server.seen.clear()

    second.push(WANTED, Bytes(DATA))

    assert methods(server) == "HGU"


def test_push_when_the_session_is_gone_starts_anew(
    server: FaultServer, first: RemoteRepository, second: RemoteRepository, directory: Path
) -> None:
    interrupt(server, first)
    server.uploads.clear()
    server.seen.clear()

    second.push(WANTED, Bytes(DATA))

    assert methods(server) == "HGOAAU"
    assert notes(directory) == []


@pytest.mark.parametrize("kept", [0, 1, len(DATA) + 1])
def test_push_when_the_session_makes_no_sense_starts_anew(
    server: FaultServer, first: RemoteRepository, second: RemoteRepository, kept: int
) -> None:
    interrupt(server, first)
    (session,) = server.uploads.values()
    session[:] = bytes(kept)

    second.push(WANTED, Bytes(DATA))

    assert server.blobs == {str(WANTED.digest): DATA}
    assert server.uploads == {}


def test_push_of_other_bytes_than_before_never_completes(
    server: FaultServer, first: RemoteRepository, second: RemoteRepository, directory: Path
) -> None:
    interrupt(server, first)

    with pytest.raises(IntegrityError, match="does not match"):
        second.push(WANTED, Bytes(b"?" + DATA[1:]))

    assert (server.blobs, server.uploads, notes(directory)) == ({}, {}, [])


def test_note_of_another_place_is_not_used(
    server: FaultServer, first: RemoteRepository, connect: Connect, directory: Path
) -> None:
    interrupt(server, first)
    server.seen.clear()

    connect(unfinished=directory).repository("team/other").push(WANTED, Bytes(DATA))

    assert methods(server) == "HOU"


def test_note_that_leads_elsewhere_is_not_followed(
    server: FaultServer, first: RemoteRepository, second: RemoteRepository, directory: Path
) -> None:
    interrupt(server, first)
    (note,) = notes(directory)
    with FaultServer() as elsewhere:
        note.write_text(note.read_text().replace(server.host, elsewhere.host))

        second.push(WANTED, Bytes(DATA))

        assert elsewhere.seen == []
    assert str(WANTED.digest) in server.blobs


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"location": 5}', "x" * 70_000])
def test_damaged_note_is_not_used(
    server: FaultServer, first: RemoteRepository, second: RemoteRepository, directory: Path, text: str
) -> None:
    interrupt(server, first)
    (note,) = notes(directory)
    note.write_text(text)
    server.seen.clear()

    second.push(WANTED, Bytes(DATA))

    assert methods(server) == "HOAAU"
    assert notes(directory) == []


def test_note_is_for_its_owner_and_holds_no_token(server: FaultServer, connect: Connect, directory: Path) -> None:
    token = "canary-token-0123456789"
    server.on("GET", "^/token$", lambda exchange: exchange.reply(200, {}, json.dumps({"token": token}).encode()), 99)
    server.on("*", "/v2/", challenge(f'Bearer realm="{server.url}/token"', unless=f"Bearer {token}"), 99)

    interrupt(server, connect(unfinished=directory, chunking=CHUNKED).repository("team/model"))

    (note,) = notes(directory)
    assert token not in note.read_text()
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_upload_that_another_process_is_at_is_left_alone(
    server: FaultServer, first: RemoteRepository, second: RemoteRepository, directory: Path
) -> None:
    interrupt(server, first)
    held = Unfinished(directory, lambda: 0.0).hold(Target(server.url, "team/model", WANTED.digest))
    assert held is not None
    server.seen.clear()

    second.push(WANTED, Bytes(DATA))

    assert methods(server) == "HOAAU"
    assert len(server.uploads) == 1
    held.close()


def test_place_where_nothing_can_be_written_does_not_matter(
    server: FaultServer, connect: Connect, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    connect(unfinished=blocked / "uploads").repository("team/model").push(WANTED, Bytes(DATA))

    assert methods(server) == "HOU"


def test_link_in_the_place_of_a_note_is_not_followed(
    server: FaultServer, first: RemoteRepository, directory: Path, tmp_path: Path
) -> None:
    interrupt(server, first)
    (note,) = notes(directory)
    other = tmp_path / "other"
    other.write_text("precious")
    note.unlink()
    note.symlink_to(other)

    first.push(WANTED, Bytes(DATA))

    assert other.read_text() == "precious"


def test_small_blob_that_fails_is_cleaned_up_as_ever(
    server: FaultServer, first: RemoteRepository, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    monkeypatch.setattr("orchard.remote.place.LEAST", len(DATA) + 1)

    interrupt(server, first)

    assert server.uploads == {}
    assert not directory.exists()


def test_refusal_to_tell_how_far_it_got_starts_anew(
    server: FaultServer, first: RemoteRepository, second: RemoteRepository
) -> None:
    interrupt(server, first)
    server.on("GET", "/uploads/", status(401))

    second.push(WANTED, Bytes(DATA))

    assert server.blobs == {str(WANTED.digest): DATA}


def test_old_notes_and_those_beyond_the_limit_go(directory: Path) -> None:
    clock = FakeTime(now=10 * LIFETIME)
    unfinished = Unfinished(directory, lambda: clock.now)
    directory.mkdir()
    for number in range(MOST + 6):
        path = directory / f"{number:03}.json"
        path.write_text("{}")
        age = LIFETIME + 1 if number < 3 else 1000 - number
        os.utime(path, (clock.now - age, clock.now - age))

    note = unfinished.hold(TARGET)

    assert note is not None
    note.close()
    assert [path.name for path in notes(directory)] == [f"{number:03}.json" for number in range(6, MOST + 6)]


def test_note_that_is_held_stays_however_old(directory: Path) -> None:
    unfinished = Unfinished(directory, lambda: 1e12)
    note = unfinished.hold(TARGET)
    assert note is not None
    note.write("http://registry.test/upload")

    other = unfinished.hold(Target("http://registry.test", "team/model", Digest.of(b"other")))

    assert other is not None
    assert note.read() == "http://registry.test/upload"
    assert len(notes(directory)) == 2
    note.close()
    other.close()
