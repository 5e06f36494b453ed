"""A hub on PostgreSQL when things go wrong there, and what it never says."""

import re
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from orchard.errors import StorageError, UnavailableError, UsageError
from orchard.hub.db import HEAD, Database, metadata, migrate, revision
from orchard.hub.db.postgresql import open_postgresql
from orchard.hub.queue.procrastinating import prepare
from orchard.oci import Digest
from support.hubinside import Inside, quick_directory
from support.hubs import wait_until
from support.postgres import PASSWORD, USER, Postgres, fresh_catalog_of, running_postgres

NAME = "team/model"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of this module's own, which it may stop."""
    with running_postgres(quick=False) as running:
        yield running


@pytest.fixture
def url(server: Postgres) -> Iterator[str]:
    with fresh_catalog_of(server) as found:
        yield found


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = open_postgresql(url)
    yield database
    database.close()


@pytest.fixture
def hub(database: Database) -> Iterator[Inside]:
    with quick_directory() as directory:
        inside = Inside(directory, database=database, recall=0)
        with inside.threads:
            yield inside


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_server_that_restarts_between_requests_costs_nobody_anything(hub: Inside, server: Postgres, mode: str) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    server.restart(mode)
    for _ in range(3):
        assert hub.get(f"/v2/{NAME}/manifests/v1").body == raw
    hub.push_image(NAME, "v2", b"other layer")


def test_hub_says_to_come_back_while_the_server_is_down_and_then_goes_on(hub: Inside, server: Postgres) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    server.stop()
    try:
        answer = hub.get(f"/v2/{NAME}/manifests/v1")
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert "the database cannot be reached" in answer.body.decode()
        assert PASSWORD not in answer.body.decode()
    finally:
        server.start()
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == raw


def test_server_that_crashes_under_load_loses_nothing_that_was_acknowledged(hub: Inside, server: Postgres) -> None:
    stop = Event()
    taken: list[tuple[str, bytes]] = []

    def push(number: int) -> None:
        for turn in range(100_000):
            if stop.is_set():
                break
            data = f"{number} {turn}".encode()
            target = f"/v2/team/model-{number}/blobs/uploads/?digest={Digest.of(data)}"
            answer = hub.request("POST", target, data)
            assert answer.status in {201, 503}, answer
            if answer.status == 201:
                taken.append((f"/v2/team/model-{number}/blobs/{Digest.of(data)}", data))

    def some_more() -> None:
        before = len(taken)
        wait_until(lambda: len(taken) > before + 4)

    with ThreadPoolExecutor(4) as pool:
        pushing = [pool.submit(push, number) for number in range(4)]
        with ExitStack() as ending:
            ending.callback(stop.set)
            for _ in range(3):
                some_more()
                server.restart("immediate")
            some_more()
    assert [pushes.exception() for pushes in pushing] == [None] * 4
    for target, data in taken:
        assert hub.get(target).body == data


def test_statement_that_takes_too_long_is_an_answer(database: Database) -> None:
    def sleep() -> None:
        with database.write() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 50"))
            connection.execute(text("SELECT pg_sleep(10)"))

    with pytest.raises(UnavailableError, match="the database is busy: it took longer than 30 seconds; try again"):
        sleep()


def test_writers_of_one_repository_wait_for_each_other_and_others_do_not(database: Database) -> None:
    with ThreadPoolExecutor(1) as pool, database.write("a"):

        def write(scope: str | None) -> None:
            with database.write(scope) as connection:
                connection.execute(text("SET LOCAL statement_timeout = 0"))

        assert pool.submit(write, "b").result(60.0) is None
        waits = {scope: pool.submit(write, scope) for scope in ("a", None)}
        Event().wait(0.1)
        assert not any(each.done() for each in waits.values())
    for each in waits.values():
        each.result(60.0)


def test_standby_says_that_it_takes_no_writes(database: Database) -> None:
    with pytest.raises(UnavailableError, match="the database takes no writes"), database.read() as connection:
        connection.execute(text("INSERT INTO repositories (name, namespace, created_at) VALUES ('a', 'a', 1)"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://ana:secret-word@db/x", "not an address of a PostgreSQL server"),
        ("postgresql://ana:secret-word@db:port/x?sslmode", "not an address that libpq understands"),
        ("postgresql://ana:secret-word@db/x?colour=blue", "not an address that libpq understands"),
    ],
)
def test_address_that_cannot_be_one_is_refused_without_repeating_it(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        open_postgresql(url)
    assert "secret-word" not in str(caught.value)
    assert "secret-word" not in str(caught.value.__context__ if not caught.value.__suppress_context__ else None)


@pytest.mark.parametrize("wrong", ["password", "database", "port"])
def test_database_that_cannot_be_opened_is_told_without_the_password(server: Postgres, url: str, wrong: str) -> None:
    changed = {
        "password": re.sub(r":[^:@]+@", ":secret-word@", url),
        "database": re.sub(r"/\w+$", "/no_such_database", url),
        "port": re.sub(r":\d+/", ":1/", url),
    }
    database = open_postgresql(changed[wrong])
    with pytest.raises(UnavailableError, match="the database cannot be reached") as caught:
        database.check()
    told = f"{caught.value} {caught.value.__cause__}"
    assert PASSWORD not in told
    assert "secret-word" not in told
    assert PASSWORD not in server.log()


def test_errors_do_not_show_what_was_to_be_stored(database: Database) -> None:
    secret = "the-hash-of-ana"
    statement = text("INSERT INTO users (name, password_hash) VALUES (:name, :hash)")
    with pytest.raises(StorageError, match="the catalog failed") as caught, database.write() as connection:
        connection.execute(statement, {"name": "ana", "hash": secret})
    told = "".join(traceback.format_exception(caught.value))
    assert secret not in told


def test_hubs_that_start_at_once_make_the_tables_once(server: Postgres) -> None:
    url = server.url(server.fresh())

    def start(_: int) -> str | None:
        database = open_postgresql(url)
        migrate(database)
        prepare(database)
        with database.read() as connection:
            found = revision(connection)
        database.close()
        return found

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(start, range(3))) == [HEAD] * 3
    assert USER in url


def test_migrations_make_the_tables_that_the_code_expects(database: Database) -> None:
    def ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return not (kind == "table" and str(name).startswith(("procrastinate_", "search_vectors")))

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, metadata) == []
