"""Workers as processes of their own, killed while they work: nothing is lost, nothing is done twice to an effect."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from orchard.hub.db import Database
from orchard.hub.db.postgresql import open_postgresql
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.queue import State
from support.hubinside import CATALOG, fresh_catalog
from support.hubs import wait_until
from support.postgres import fresh_catalog_of
from support.queues import Bench

# A handler makes one file for each task, which is its effect, and writes down each of its runs.
_WORKER = """
import os, sys, time
from pathlib import Path
from threading import Event
from orchard.hub.jobs import Kind, Worker
from orchard.hub.queue import TaskQueue
url, directory, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
if url.startswith("postgresql"):
    from orchard.hub.db.postgresql import open_postgresql
    from orchard.hub.queue.procrastinating import ProcrastinateDispatch
    database, dispatch = open_postgresql(url), ProcrastinateDispatch()
else:
    from orchard.hub.db.sqlite import open_sqlite
    from orchard.hub.queue.leases import TableDispatch
    database, dispatch = open_sqlite(Path(url)), TableDispatch(time.time)

def handle(run):
    number = run.payload["number"]
    with open(directory / "runs", "a") as runs:
        runs.write(f"{number} {name}\\n")
    for step in range(8):
        run.progress(step, 8)
        time.sleep(0.02)
    os.close(os.open(directory / f"effect-{number}", os.O_CREAT | os.O_WRONLY))

queue = TaskQueue(database, dispatch, steady=time.monotonic, lease=1.0)
with Worker(queue, [Kind(name="work", handler=handle)], name=name, slots=2, steady=time.monotonic, grace=5.0):
    print("ready", flush=True)
    sys.stdin.read()
"""

TASKS = 24


@contextmanager
def worker(url: str, directory: Path, name: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", _WORKER, url, str(directory), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Database]]:
    if request.param == "sqlite":
        fresh_catalog(tmp_path).close()
        url = str(tmp_path / CATALOG)
        database = open_sqlite(tmp_path / CATALOG)
        yield url, database
        database.close()
    else:
        with fresh_catalog_of(request.getfixturevalue("postgres")) as url:
            database = open_postgresql(url)
            yield url, database
            database.close()


def test_tasks_of_killed_workers_are_all_done(catalog: tuple[str, Database], tmp_path: Path) -> None:
    url, database = catalog
    bench = Bench(database)
    queue = bench.process()
    put = [bench.put(queue, "work", {"number": number}) for number in range(TASKS)]

    def running() -> int:
        return len(bench.records(states=[State.RUNNING]))

    with ExitStack() as stack:
        for name in ("first", "second"):
            victim = stack.enter_context(worker(url, tmp_path, name))
            wait_until(lambda: running() > 0)
            os.kill(victim.pid, signal.SIGKILL)
        workers = [stack.enter_context(worker(url, tmp_path, name)) for name in ("third", "fourth")]
        wait_until(lambda: all(bench.state(task) == State.DONE for task in put))
        for process in workers:
            assert process.stdin is not None
            process.stdin.close()
    assert {path.name for path in tmp_path.glob("effect-*")} == {f"effect-{number}" for number in range(TASKS)}
    again = [found for found in bench.records() if found.attempt > 1]
    assert 0 < len(again) <= 4, "what the killed workers had, two each, was done again, and nothing else"
    runs = (tmp_path / "runs").read_text().split("\n")[:-1]
    assert len(runs) <= TASKS + len(again)
    assert json.dumps(sorted({int(run.split()[0]) for run in runs})) == json.dumps(list(range(TASKS)))
