"""Looking after databases: their shape, and their move from one engine to the other."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from orchard.errors import ConflictError, NotFoundError, UsageError
from orchard.hub import Settings
from orchard.hub.access import ANONYMOUS
from orchard.hub.app import migrate_database, move_database
from orchard.hub.app.drivers import open_catalog, open_queue
from orchard.hub.db import HEAD, Database, metadata
from orchard.hub.jobs.studying import Understander
from orchard.hub.queue import Progress, State
from orchard.hub.registry import Wish, parse
from support.cli import Program
from support.hubinside import CATALOG, Inside, quick_directory
from support.hubs import running_hub
from support.postgres import Postgres
from support.queues import Bench, take
from support.versions import bring, plain_artifact

NAME = "team/model"


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    name = postgres.fresh()
    yield postgres.url(name)
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def data() -> Iterator[Path]:
    with quick_directory() as directory:
        yield directory / "data"


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_database_is_made_and_then_left_alone(data: Path, empty: str, engine: str) -> None:
    settings = Settings(data=data, database=None if engine == "sqlite" else empty)
    with pytest.raises(ConflictError, match=f"the database is new, and this release needs {HEAD}: run orchard hub"):
        migrate_database(settings, check=True)
    made = migrate_database(settings, check=False)
    assert (made.engine, made.found, made.wanted, made.changed) == (engine, None, HEAD, True)
    assert not migrate_database(settings, check=False).changed
    assert not migrate_database(settings, check=True).changed


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def push_understood(hub: Inside) -> None:
    """Push a version of which something is known."""
    title = {"org.opencontainers.image.title": "README.md"}
    digest = bring(hub, "team/card", "v1", plain_artifact(("text/markdown", b"---\nlicense: mit\n---\n", title)))
    assert Understander(hub.premises, lambda *_: None).understand("team/card", digest) == "ready"


def searched(hub: Inside) -> int:
    """Count the versions that the full text finds: its index makes itself."""
    return len(hub.registry.finder.find(ANONYMOUS, Wish(query=parse(NAME))).hits)


def test_hub_that_moves_to_postgresql_keeps_everything_and_goes_on(data: Path, empty: str) -> None:
    hub = Inside(data)
    with hub.threads:
        raws = [hub.push_image(NAME, tag, tag.encode()) for tag in ("v1", "v2", "v3")]
        assert hub.request("DELETE", f"/v2/{NAME}/manifests/v2").status == 202
        push_understood(hub)
    bench = Bench(hub.database)
    queue = bench.process()
    done, running, waiting = (bench.put(queue, "work", {"n": n}, key=key) for n, key in enumerate((None, "a", None)))
    take(queue).succeed(Progress(1, 1, "fine"))
    assert take(queue).task.id == running
    overtaking = bench.put(queue, "work", {"n": 3}, key="a")
    before = rows(hub.database)
    hub.database.close()

    settings = Settings(data=data)
    moved = move_database(settings, empty)
    assert (moved.engine, moved.copied) == ("postgresql", True)
    assert [moved.tables[name] for name in ("manifests", "insights", "understandings")] == [4, 1, 1]
    with pytest.raises(ConflictError, match="this hub was moved to another database: start it with that one"):
        migrate_database(settings, check=False)

    with open_catalog(replace(settings, database=empty)) as database:
        after = rows(database)
        assert {name: found for name, found in after.items() if name != "tasks"} == {
            name: found for name, found in before.items() if name != "tasks"
        }
        found = Bench(database)
        assert [found.state(task) for task in (done, running, waiting)] == [State.DONE, State.FAILED, State.WAITING]
        taken = open_queue(database)
        assert {take(taken).task.id for _ in range(2)} == {waiting, overtaking}
        again = Inside(data, database=database)
        with again.threads:
            assert (again.get(f"/v2/{NAME}/manifests/v1").body, searched(again)) == (raws[0], 3)
            again.push_image(NAME, "v4", b"new rows get new numbers")


def test_move_that_was_interrupted_before_its_last_step_is_finished(data: Path, empty: str) -> None:
    hub = Inside(data)
    with hub.threads:
        hub.push_image(NAME, "v1", b"layer")
    settings = Settings(data=data)
    move_database(settings, empty)
    with hub.database.overhaul() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})
    assert not move_database(settings, empty).copied
    with pytest.raises(ConflictError, match="this hub was moved to another database"):
        migrate_database(settings, check=False)
    hub.database.close()


def test_database_of_another_hub_is_left_alone(data: Path, empty: str) -> None:
    for name in ("first", "second"):
        hub = Inside(data.with_name(name))
        with hub.threads:
            hub.push_image(NAME, name, b"layer")
            hub.push_image(NAME, "v1", name.encode())
        hub.database.close()
    move_database(Settings(data=data.with_name("first")), empty)
    other = Inside(data.with_name("second"), fresh=False)
    with other.database.write() as connection:
        connection.execute(text("DELETE FROM events"))
    other.database.close()
    with pytest.raises(ConflictError, match="the new database holds another hub"):
        move_database(Settings(data=data.with_name("second")), empty)


def test_database_of_a_hub_that_runs_is_not_moved(data: Path, empty: str) -> None:
    with running_hub(data), pytest.raises(ConflictError, match="another hub"):
        move_database(Settings(data=data), empty)


def test_what_is_no_hub_or_no_other_database_is_not_moved(data: Path, empty: str) -> None:
    with pytest.raises(NotFoundError, match="is not the data directory of a hub"):
        move_database(Settings(data=data), empty)
    with pytest.raises(UsageError, match="that is the database that the hub has"):
        move_database(Settings(data=data, database=empty), empty)


def test_two_hubs_on_one_database_see_each_other_at_once(data: Path, empty: str) -> None:
    settings = {"database": empty, "storage": str(data / "blobs"), "login": "open"}
    with running_hub(data / "one", **settings) as one, running_hub(data / "two", **settings) as two:
        for number in range(10):
            raw = one.push_image(NAME, "latest", f"{number}".encode())
            assert two.get(f"/v2/{NAME}/manifests/latest").body == raw
            raw = two.push_image(NAME, "latest", f"again {number}".encode())
            assert one.get(f"/v2/{NAME}/manifests/latest").body == raw
    assert not (data / "one" / CATALOG).exists()
    with open_catalog(Settings(data=data, database=empty)) as database, database.read() as connection:
        names = select(func.count()).select_from(metadata.tables["tasks"]).where(text("kind = 'forget-tasks'"))
        assert connection.execute(names).scalar_one() == 1


def test_commands_look_after_databases(tmp_path: Path, empty: str) -> None:
    orchard = Program(tmp_path / "home")
    data = ("--data", tmp_path / "data")
    refused = orchard("hub", "migrate", "--check", *data)
    assert refused.code == 8
    assert "run orchard hub migrate" in refused.complaint
    assert orchard.ok("hub", "migrate", *data).lines == [f"The database has the shape {HEAD} now; it had a new one"]
    assert orchard.ok("hub", "migrate", "--check", *data).lines == ["Nothing to change"]
    found = orchard.ok("hub", "migrate", *data, "--output", "json").document
    assert found == {"engine": "sqlite", "found": HEAD, "wanted": HEAD, "changed": False}
    moved = orchard.ok("hub", "move-database", *data, "--to", empty, "--output", "json").document
    assert (moved["engine"], moved["copied"]) == ("postgresql", True)
    again = orchard("hub", *data, "--port", "0")
    assert (again.code, "this hub was moved to another database" in again.complaint) == (8, True)
    assert "correct-horse" not in again.stderr
