"""Backups of running hubs, and hubs made of them (docs/hub-operations.md)."""

import json
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard.hub.app.backup import ABOUT, back_up
from orchard.hub.settings import Settings
from orchard.oci import Digest
from orchard.project import Observer
from support.cli import Program
from support.hubs import Hub, Nursery, basic, dice, manifest
from support.postgres import Postgres, fresh_url, running_postgres

PASSWORD = "only for this test"
ADMIN = basic("admin", PASSWORD)
LOGIN = {"login": "required", "admin_password": PASSWORD}


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "home")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def filled(hubs: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with a version, which runs no more, in a directory that tests copy."""
    data = tmp_path_factory.mktemp("filled") / "data"
    with hubs.hub(data) as hub:
        fill(hub, "v1")
    return data


@pytest.fixture(scope="module")
def backed_up(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its backup, which tests copy too."""
    directory = tmp_path_factory.mktemp("backed-up")
    Program(directory / "home").ok("hub", "backup", directory / "backup", "--data", filled)
    return directory / "backup"


def fill(hub: Hub, *tags: str) -> dict[str, bytes]:
    """Push a version a tag; give what each address must answer from now on."""
    kept: dict[str, bytes] = {}
    for tag in tags:
        layer = dice(len(tag)).randbytes(100_000) + tag.encode()
        kept[f"/v2/admin/model/manifests/{tag}"] = hub.push_image("admin/model", tag, layer)
        kept[f"/v2/admin/model/blobs/{Digest.of(layer)}"] = layer
    return kept


def read(hub: Hub, kept: dict[str, bytes]) -> dict[str, bytes]:
    return {target: hub.get(target).body for target in kept}


def as_admin(hub: Hub) -> Hub:
    hub.authorization = ADMIN
    return hub


def test_backup_of_a_running_hub_is_a_data_directory(hubs: Nursery, tmp_path: Path, program: Program) -> None:
    copy = tmp_path / "backup"
    with hubs.hub(tmp_path / "data", **LOGIN) as hub:
        kept = fill(as_admin(hub), "v1", "v2")
        hub.begin("admin/model")
        first = program.ok("hub", "backup", copy, "--data", hub.data, "--output", "json").document
        assert (first["copied"], first["missing"], first["damaged"]) == (3, [], [])
        later = fill(hub, "v3")
        again = program.ok("hub", "backup", copy, "--data", hub.data, "--output", "json").document
        assert (again["copied"], again["blobs"]) == (1, 4)
    assert stat.S_IMODE((copy / "catalog.sqlite3").stat().st_mode) == 0o600
    with hubs.hub(copy, login="required") as served:
        assert read(as_admin(served), kept | later) == kept | later
        assert served.uploads() == {}


def test_hub_is_restored_from_its_backup(hubs: Nursery, tmp_path: Path, program: Program) -> None:
    with hubs.hub(tmp_path / "data", **LOGIN) as hub:
        kept = fill(as_admin(hub), "v1", "v2")
        program.ok("hub", "backup", tmp_path / "backup", "--data", hub.data)
    before = contents(tmp_path / "backup")
    text = program.ok("hub", "restore", tmp_path / "backup", "--data", tmp_path / "new").stdout
    assert text.startswith("Restored 3 blobs")
    assert contents(tmp_path / "backup") == before
    with hubs.hub(tmp_path / "new", login="required") as restored:
        assert read(as_admin(restored), kept) == kept
        assert restored.get("/api/v1/repositories/admin/model/-/tags/v1/history").status == 200
        fill(restored, "v3")


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in sorted(directory.rglob("*")) if path.is_file() and path.suffix not in {".lock", ".part"})
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def test_restoring_goes_on_where_it_was_interrupted(hubs: Nursery, tmp_path: Path, program: Program) -> None:
    with hubs.hub(tmp_path / "data", **LOGIN) as hub:
        kept = fill(as_admin(hub), "v1", "v2")
        program.ok("hub", "backup", tmp_path / "backup", "--data", hub.data)
    (blob, *_) = (tmp_path / "backup/blobs").rglob("??/*")
    away = blob.rename(tmp_path / "away")
    ran = program("hub", "restore", tmp_path / "backup", "--data", tmp_path / "new")
    assert ran.code == 6
    assert f"1 blobs of the backup are missing or damaged: sha256:{blob.name}" in ran.complaint
    away.rename(blob)
    done = program.ok("hub", "restore", tmp_path / "backup", "--data", tmp_path / "new", "--output", "json").document
    assert (done["copied"], done["blobs"]) == (1, 3)
    with hubs.hub(tmp_path / "new", login="required") as restored:
        assert read(as_admin(restored), kept) == kept


def test_damage_of_the_hub_is_told_and_does_not_spread(hubs: Nursery, tmp_path: Path, program: Program) -> None:
    with hubs.hub(tmp_path / "data") as hub:
        fill(hub, "v1")
        rotten = hub.push_blob("admin/model", b"sound")
        (hub.data / "blobs/sha256" / rotten.hex[:2] / rotten.hex).write_bytes(b"rotte")
        ran = program("hub", "backup", tmp_path / "backup", "--data", hub.data)
        assert ran.code == 6
        assert f"1 blobs are missing or damaged in the hub ({rotten})" in ran.complaint
    assert json.loads((tmp_path / "backup" / ABOUT).read_bytes())["unsound"] == [str(rotten)]
    assert not (tmp_path / "backup/blobs/sha256" / rotten.hex[:2] / rotten.hex).exists()


class Deleting(Observer):
    """Deletes a version, with its bytes, as soon as the first blob is copied."""

    def __init__(self, data: Path, gone: Digest) -> None:
        self._data = data
        self._gone = gone
        self.rounds = 0

    def started(self, label: str, total: int) -> None:
        del label, total
        self.rounds += 1
        path = self._data / "blobs/sha256" / self._gone.hex[:2] / self._gone.hex
        path.unlink(missing_ok=True)
        with sqlite3.connect(self._data / "catalog.sqlite3") as connection:
            for table in ("blob_links", "blobs"):
                connection.execute(f"DELETE FROM {table} WHERE digest = ?", (str(self._gone),))  # noqa: S608 -- two names

    def advanced(self, label: str, size: int) -> None:
        del label, size

    def finished(self, label: str, *, skipped: bool = False) -> None:
        del label, skipped


def test_what_is_deleted_during_a_backup_is_not_in_it(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data") as hub:
        kept = fill(hub, "v1")
        gone = hub.push_blob("admin/model", b"collected while the backup is made")
    observer = Deleting(tmp_path / "data", gone)
    done = back_up(Settings(data=tmp_path / "data"), tmp_path / "backup", at=1, observer=observer)
    assert observer.rounds == 2
    assert done.passed.unsound == []
    with hubs.hub(tmp_path / "backup") as served:
        assert read(served, kept) == kept


@pytest.mark.parametrize("what", ["something else", "the hub itself", "a hub that runs", "no hub"])
def test_backup_that_cannot_be_made_changes_nothing(
    hubs: Nursery, filled: Path, backed_up: Path, tmp_path: Path, program: Program, what: str
) -> None:
    shutil.copytree(filled, tmp_path / "data")
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("mine")
    data, target, code = {
        "something else": (tmp_path / "data", other, 8),
        "the hub itself": (tmp_path / "data", tmp_path / "data", 2),
        "a hub that runs": (tmp_path / "data", tmp_path / "served", 8),
        "no hub": (tmp_path / "empty", tmp_path / "new", 3),
    }[what]
    if what == "a hub that runs":
        shutil.copytree(backed_up, target)
        with hubs.hub(target):
            assert program("hub", "backup", target, "--data", data).code == code
        return
    assert program("hub", "backup", target, "--data", data).code == code
    assert [path.name for path in other.iterdir()] == ["file"]


@pytest.mark.parametrize("what", ["no backup", "half a backup", "a newer backup", "a hub with content"])
def test_restoring_what_cannot_be_is_refused(
    filled: Path, backed_up: Path, tmp_path: Path, program: Program, what: str
) -> None:
    backup = shutil.copytree(backed_up, tmp_path / "backup")
    about = json.loads((backup / ABOUT).read_bytes())
    if what == "half a backup":
        (backup / ABOUT).write_text(json.dumps({**about, "complete": False}))
    elif what == "a newer backup":
        (backup / ABOUT).write_text(json.dumps({**about, "format": 2}))
    elif what == "no backup":
        (backup / ABOUT).unlink()
    data = tmp_path / "new"
    if what == "a hub with content":
        shutil.copytree(filled, data)
    ran = program("hub", "restore", backup, "--data", data)
    assert ran.code == {"no backup": 3, "a hub with content": 8}.get(what, 6)


def test_key_of_the_vault_comes_along(filled: Path, tmp_path: Path, program: Program) -> None:
    shutil.copytree(filled, tmp_path / "data")
    (tmp_path / "data/vault.key").write_bytes(b"k" * 32)
    program.ok("hub", "backup", tmp_path / "backup", "--data", tmp_path / "data")
    program.ok("hub", "restore", tmp_path / "backup", "--data", tmp_path / "new")
    for place in ("backup", "new"):
        assert (tmp_path / place / "vault.key").read_bytes() == b"k" * 32
        assert stat.S_IMODE((tmp_path / place / "vault.key").stat().st_mode) == 0o600


# PostgreSQL -------------------------------------------------------------------------------------------------------


def test_hub_on_postgresql_is_backed_up_and_restored(
    hubs: Nursery, tmp_path: Path, program: Program, postgres: Postgres
) -> None:
    first, second = fresh_url(postgres), fresh_url(postgres)
    with hubs.hub(tmp_path / "data", database=first, **LOGIN) as hub:
        kept = fill(as_admin(hub), "v1", "v2")
        there = Program(program.home, environ={"ORCHARD_HUB_DATABASE": first})
        there.ok("hub", "backup", tmp_path / "backup", "--data", hub.data)
    with hubs.hub(tmp_path / "backup", login="required") as hub:
        assert read(as_admin(hub), kept) == kept
    there = Program(program.home, environ={"ORCHARD_HUB_DATABASE": second})
    there.ok("hub", "restore", tmp_path / "backup", "--data", tmp_path / "new")
    with hubs.hub(tmp_path / "new", database=second, login="required") as hub:
        assert read(as_admin(hub), kept) == kept
        raw = manifest(b"{}")
        hub.push_manifest("admin/model", raw, "v4")
