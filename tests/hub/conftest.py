"""A hub inside the test for everything that needs no process of its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from orchard.hub.db import Database
from orchard.hub.db.postgresql import open_postgresql
from support.drivers import AWS, BUCKET
from support.hubinside import Inside, MakeHub, fresh_catalog, quick_directory
from support.hubs import Nursery, nursery
from support.postgres import Postgres, fresh_url, running_postgres
from support.swift import Swift, running_swift


@pytest.fixture
def make_hub() -> Iterator[MakeHub]:
    """Make hubs inside the test, as it likes them."""
    with ExitStack() as stack:

        def make(**options: Any) -> Inside:  # noqa: ANN401 -- those of Inside, which checks them
            inside = Inside(stack.enter_context(quick_directory()), **options)
            stack.callback(inside.database.close)
            stack.enter_context(inside.threads)
            return inside

        yield make


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, for all tests that this process runs."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh catalog, on each engine."""
    if request.param == "sqlite":
        with quick_directory() as directory:
            database = fresh_catalog(directory)
            yield database
            database.close()
    else:
        database = open_postgresql(fresh_url(request.getfixturevalue("postgres")))
        yield database
        database.close()


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub()


@pytest.fixture(scope="module")
def hubs() -> Iterator[Nursery]:
    """A place where hubs come quickly to life, each as a process of its own."""
    with nursery() as running:
        yield running


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """A real object store, with a bucket for blobs. Its credentials are in the environment, as a hub wants them."""
    with running_swift(tmp_path_factory.mktemp("swift")) as running, pytest.MonkeyPatch.context() as patch:
        running.make_bucket(BUCKET)
        for name, value in AWS.items():
            patch.setenv(name, value)
        yield running
