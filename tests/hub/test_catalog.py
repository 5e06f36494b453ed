"""The database: its shape, its migrations, its transactions."""

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from threading import Event, Timer

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from orchard.errors import ConflictError, StorageError, UnavailableError
from orchard.hub.db import HEAD, Database, drawn, metadata, migrate, revision, schema, upgrade
from orchard.hub.db.sqlite import open_sqlite
from support.hubinside import CATALOG, fresh_catalog, quick_directory


@pytest.fixture
def database() -> Iterator[Database]:
    with quick_directory() as directory:
        database = fresh_catalog(directory)
        yield database
        database.close()


def test_migrations_make_the_tables_that_the_code_expects(database: Database) -> None:
    def ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return not (kind == "table" and str(name).startswith("search_index"))  # what FTS5 makes

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, metadata) == []


def test_new_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / CATALOG)
    with database.overhaul() as connection:
        upgrade(connection)
        migrated = drawn.draw(connection)
    database.close()
    assert (Path(drawn.__file__).parent / drawn.DRAWING).read_text() == migrated, "run: make docs"
    database = open_sqlite(tmp_path / "new.sqlite3")
    migrate(database)
    with database.read() as connection:
        assert drawn.draw(connection) == migrated
        assert revision(connection) == HEAD
    database.close()


def test_last_migration_is_the_one_that_the_code_expects() -> None:
    assert migrations().get_heads() == [HEAD]


def migrations() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "orchard.hub.db:migrations")
    return ScriptDirectory.from_config(config)


def test_migrating_again_changes_nothing(database: Database) -> None:
    migrate(database)
    with database.read() as connection:
        assert revision(connection) == HEAD


def test_new_file_has_no_revision(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / CATALOG)
    with database.read() as connection:
        assert revision(connection) is None
    database.close()


def test_database_of_a_newer_hub_is_left_alone(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConflictError, match="made by a newer Orchard"):
        migrate(database)


def test_tables_can_be_made_in_postgresql_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it out
    for table in metadata.sorted_tables:
        statement = str(CreateTable(table).compile(dialect=dialect))
        assert statement.strip().startswith("CREATE TABLE")
    assert 'COLLATE "C"' in str(CreateTable(schema.tags).compile(dialect=dialect))


def test_migrations_can_be_run_by_postgresql() -> None:
    script = StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": script})
    with Operations.context(context):
        for migration in reversed(list(migrations().walk_revisions())):
            migration.module.upgrade()
    made = set(re.findall(r"CREATE TABLE (\w+)", script.getvalue()))
    assert made == {*metadata.tables, "search_vectors"}
    assert 'name VARCHAR COLLATE "C" NOT NULL' in script.getvalue()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("busy_timeout", 10_000),
        ("journal_size_limit", 64 << 20),
    ],
)
def test_every_connection_is_durable_and_strict(database: Database, pragma: str, value: object) -> None:
    for open_transaction in (database.read, database.write):
        with open_transaction() as connection:
            assert connection.execute(text(f"PRAGMA {pragma}")).scalar() == value


def insert(name: str) -> str:
    return f"INSERT INTO repositories (name, created_at) VALUES ('{name}', 1)"  # noqa: S608 -- a test's own name


def write(database: Database, *names: str) -> None:
    with database.write() as connection:
        for name in names:
            connection.execute(text(insert(name)))


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(text("SELECT name FROM repositories ORDER BY name")).scalars())


def test_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(StorageError, match="UNIQUE"):
        write(database, "a", "b", "a")
    assert names(database) == []


def test_readers_see_one_state_while_a_writer_works(database: Database) -> None:
    with database.read() as reader:
        assert reader.execute(text("SELECT count(*) FROM repositories")).scalar() == 0
        with database.write() as writer:
            writer.execute(text(insert("a")))
        assert reader.execute(text("SELECT count(*) FROM repositories")).scalar() == 0
    assert names(database) == ["a"]


def test_writers_wait_for_each_other(database: Database) -> None:
    inside = Event()

    def write_alone(number: int) -> None:
        with database.write() as connection:
            assert not inside.is_set()
            inside.set()
            connection.execute(text(insert(f"r{number:02}")))
            inside.clear()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_alone, range(40)))
    assert names(database) == [f"r{number:02}" for number in range(40)]


def test_what_the_engine_refuses_is_an_error_of_ours(database: Database) -> None:
    with pytest.raises(StorageError, match="the catalog failed: no such table"), database.read() as connection:
        connection.execute(text("SELECT * FROM no_table"))


def test_full_disk_is_told_as_such(database: Database) -> None:
    with database.read() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # it does not shrink below what is there
    with pytest.raises(StorageError, match="disk full: the catalog cannot be written"):
        write(database, *("long" * 50 + str(number) for number in range(2000)))
    assert names(database) == []


def test_log_that_a_long_reader_let_grow_is_cut_when_it_is_gone(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / CATALOG)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE rows (data BLOB)"))

    def fill(size: int) -> None:
        with database.write() as connection:
            connection.execute(text("INSERT INTO rows VALUES (zeroblob(:size))"), {"size": size})

    log = (tmp_path / CATALOG).with_name(f"{CATALOG}-wal")
    with database.read() as reader:
        reader.execute(text("SELECT count(*) FROM rows")).scalar()
        for _ in range(5):
            fill(20 << 20)
        assert log.stat().st_size > 100 << 20
    for _ in range(3):
        fill(1)
    assert log.stat().st_size <= 64 << 20
    database.close()


def test_writer_waits_for_another_process_for_a_while(tmp_path: Path) -> None:
    database = fresh_catalog(tmp_path)
    other = sqlite3.connect(tmp_path / CATALOG, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ends = Timer(0.2, other.commit)
    ends.start()
    write(database, "a")
    ends.join()
    other.execute("BEGIN IMMEDIATE")
    with database.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 20")
    with pytest.raises(UnavailableError, match="the catalog is busy: another process wrote to it for 10 seconds"):
        write(database, "b")
    other.close()
    write(database, "c")
    assert names(database) == ["a", "c"]
    database.close()


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / CATALOG).write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match="file is not a database"):
        migrate(open_sqlite(tmp_path / CATALOG))
