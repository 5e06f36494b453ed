"""A real PostgreSQL: a server of its own, in memory, on a free port of loopback, as somebody who is not root.

Databases are clones of a template: a fresh one costs 80 ms. The server sorts by English rules, so that what must sort
by bytes cannot do so by luck; its passwords are real, so that they can be looked for in logs.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from orchard.hub.db import migrate
from orchard.hub.db.postgresql import open_postgresql
from orchard.hub.queue.procrastinating import prepare
from support.ports import free_port

PASSWORD: Final = "correct-horse/battery@staple"
USER: Final = "orchard"
_BINARIES: Final = "/usr/lib/postgresql"
_PATIENCE: Final = 60
_QUICK: Final = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
_SETTINGS: Final = (
    "max_connections=200",
    "shared_buffers=64MB",
    "listen_addresses=127.0.0.1",
    "timezone=Pacific/Chatham",  # nobody may rely on UTC
    "jit=off",
)


def binaries() -> Path:
    """Find the server's programs; skip the test, loudly, where there are none."""
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path(_BINARIES).glob("*/bin/postgres"))
    if not versions:
        pytest.skip("MISSING PEER: postgresql is not installed; .ci/run says how to install it")
    return versions[-1].parent


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that runs."""

    directory: Path
    port: int
    quick: bool

    def url(self, database: str) -> str:
        """How a hub is told of a database."""
        word = PASSWORD.replace("/", "%2F").replace("@", "%40")
        return f"postgresql://{USER}:{word}@127.0.0.1:{self.port}/{database}"

    def fresh(self, template: str = "template0") -> str:
        """Make a database with a new name, as a clone of another that nobody uses; give its name."""
        name = f"hub_{secrets.token_hex(6)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} {_strategy(self)} OWNER {USER}")
        return name

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Do something as the superuser, through the server's own socket."""
        where = f"host={self.directory} port={self.port} user=postgres dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def start(self) -> None:
        """Start the server; come back when it answers."""
        settings = (*_SETTINGS, *(_QUICK if self.quick else ()), f"unix_socket_directories={self.directory}")
        options = " ".join(f"-c {setting}" for setting in (f"port={self.port}", *settings))
        _run([*self._ctl(), "-w", "-l", f"{self.directory}/log", "-o", options, "start"])

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: ``fast`` ends what runs, ``immediate`` is a crash."""
        _run([*self._ctl(), "-w", "-m", mode, "stop"])

    def restart(self, mode: str = "fast") -> None:
        """Stop the server and start it again."""
        self.stop(mode)
        self.start()

    def log(self) -> str:
        """What the server wrote down."""
        return (self.directory / "log").read_text()

    def _ctl(self) -> list[str]:
        return [str(binaries() / "pg_ctl"), "-D", f"{self.directory}/data", "-t", str(_PATIENCE)]


@cache
def _strategy(server: Postgres) -> str:
    """Copy the files of a template as they are: half the time of writing them down in a log first, as since 15."""
    ((version,),) = server.sql("SHOW server_version_num")
    return "STRATEGY FILE_COPY" if int(version) >= 150_000 else ""


@contextmanager
def running_postgres(*, quick: bool = True) -> Iterator[Postgres]:
    """Run a server until the block ends.

    Args:
        quick: Whether it may forget what it acknowledged when the machine dies (never when only its processes do).
    """
    programs = binaries()
    memory = Path("/dev/shm")  # noqa: S108 -- a fresh directory below it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        directory = Path(name)
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres")
        data = ["-D", str(directory / "data"), "--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8"]
        common = ["-U", "postgres", "-E", "UTF8", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        _run([str(programs / "initdb"), *data, *common])
        server = Postgres(directory, free_port(), quick)
        server.start()
        try:
            server.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
            yield server
        finally:
            server.stop("immediate")


def _run(command: list[str]) -> None:
    """Run one of the server's programs as somebody whom the server accepts."""
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--", *command]
    with tempfile.TemporaryFile("w+") as told:  # not a pipe: the server would keep it open
        done = subprocess.run(command, stdout=told, stderr=subprocess.STDOUT, cwd="/", text=True, check=False)
        told.seek(0)
        assert done.returncode == 0, told.read()


def fresh_url(server: Postgres) -> str:
    """Make a catalog in a database of its own, ready for use; it is there as long as the server. Give its address."""
    return server.url(server.fresh(_template(server)))


@contextmanager
def fresh_catalog_of(server: Postgres) -> Iterator[str]:
    """Make a catalog in a database of its own, ready for use, until the block ends; give its address."""
    name = server.fresh(_template(server))
    try:
        yield server.url(name)
    finally:
        server.sql(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def _template(server: Postgres) -> str:
    name = server.fresh()
    database = open_postgresql(server.url(name))
    migrate(database)
    prepare(database)
    database.close()
    return name
