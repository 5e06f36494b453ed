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
from support.postgres import Postgres, fresh_catalog_of, running_postgres
from support.swift import Swift, running_swift

ENGINES = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module on both engines if it says ``ENGINES = True``: what they see must be the same."""
    if "engine" in metafunc.fixturenames and getattr(metafunc.module, "ENGINES", False):
        metafunc.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Where catalogs are kept."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def make_hub(engine: str, request: pytest.FixtureRequest) -> Iterator[MakeHub]:
    """Make hubs inside the test, as it likes them."""
    with ExitStack() as stack:

        def make(**options: Any) -> Inside:  # noqa: ANN401 -- those of Inside, which checks them
            if engine == "postgresql" and options.get("fresh", True):
                url = stack.enter_context(fresh_catalog_of(request.getfixturevalue("postgres")))
                options["database"] = open_postgresql(url)
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


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh catalog, on each engine."""
    if request.param == "sqlite":
        with quick_directory() as directory:
            database = fresh_catalog(directory)
            yield database
            database.close()
    else:
        with fresh_catalog_of(request.getfixturevalue("postgres")) as url:
            database = open_postgresql(url)
            yield database
            database.close()


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub()


@pytest.fixture(scope="session")
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
