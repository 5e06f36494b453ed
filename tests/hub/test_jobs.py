"""Workers: what they make of the ways in which a handler can end."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from threading import enumerate as enumerate_threads

import pytest

from orchard.errors import StorageError
from orchard.hub.db import Database
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.jobs import HopelessError, Kind, Run, StoppedError, Worker
from orchard.hub.queue import Dispatch, Progress, State, TaskQueue, lines
from orchard.hub.queue.leases import TableDispatch
from support.hubinside import CATALOG
from support.hubs import Nursery, wait_until
from support.queues import Bench

LEASE = 1.0


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@pytest.fixture
def queue(bench: Bench) -> TaskQueue:
    return real_queue(bench)


def real_queue(bench: Bench, lease: float = LEASE) -> TaskQueue:
    """A queue by real clocks, whose workers are soon taken for dead."""
    return TaskQueue(bench.database, dispatch(bench), steady=time.monotonic, lease=lease)


def dispatch(bench: Bench) -> Dispatch:
    return TableDispatch(time.time) if bench.database.dialect == "sqlite" else bench.dispatch()


@contextmanager
def working(queue: TaskQueue, *kinds: Kind, slots: int = 2) -> Iterator[Worker]:
    worker = Worker(queue, kinds, name="here", slots=slots, steady=time.monotonic, grace=60.0)
    with worker:
        yield worker


def ends(bench: Bench, task: str) -> Callable[[], bool]:
    return lambda: bench.record(task).ended_at is not None


def test_handler_gets_the_task_and_tells_what_came_of_it(bench: Bench, queue: TaskQueue) -> None:
    seen: list[object] = []

    def handle(run: Run) -> None:
        seen.append((run.payload, run.attempt, run.last))
        run.progress(2, 2, "all good")

    with working(queue, Kind(name="work", handler=handle)):
        task = bench.put(queue, "work", {"x": 1})
        wait_until(ends(bench, task))
    assert seen == [({"x": 1}, 1, False)]
    assert (bench.state(task), bench.record(task).progress.note) == (State.DONE, "all good")
    assert (bench.record(task).worker, bench.record(task).attempt) == ("here", 1)


def test_what_a_handler_logs_is_written_down_while_it_works(bench: Bench, queue: TaskQueue) -> None:
    go_on = Event()

    def handle(run: Run) -> None:
        run.log("begun")
        run.progress(1, 2, "half", unit="blobs")
        assert go_on.wait(30)
        run.log("ended")

    def told() -> list[str]:
        with bench.database.read() as transaction:
            return [line.text for line in lines(transaction, task)]

    with working(queue, Kind(name="work", handler=handle)):
        task = bench.put(queue, "work")
        wait_until(lambda: told() == ["begun"])
        assert bench.record(task).progress == Progress(1, 2, "half", "blobs")
        go_on.set()
        wait_until(ends(bench, task))
    assert told() == ["begun", "ended"]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(StorageError("the disk is on strike"), "the disk is on strike"), (KeyError("x"), "KeyError: 'x'")],
    ids=["foreseen", "unforeseen"],
)
def test_task_that_failed_is_tried_again_and_then_given_up(
    bench: Bench, queue: TaskQueue, caplog: pytest.LogCaptureFixture, failure: Exception, reason: str
) -> None:
    attempts: list[tuple[int, bool]] = []

    def handle(run: Run) -> None:
        attempts.append((run.attempt, run.last))
        raise failure

    with working(queue, Kind(name="work", handler=handle, attempts=3, backoff=0.01)):
        task = bench.put(queue, "work")
        wait_until(ends(bench, task))
    assert attempts == [(1, False), (2, False), (3, True)]
    assert (bench.state(task), bench.record(task).reason) == (State.FAILED, reason)
    assert f"task {task} failed (attempt 3, given up): {reason}" in caplog.text
    assert ("Traceback" in caplog.text) == isinstance(failure, KeyError)


def test_hopeless_task_is_given_up_at_once(bench: Bench, queue: TaskQueue) -> None:
    def handle(_: Run) -> None:
        raise HopelessError("there is no such mirror")

    with working(queue, Kind(name="work", handler=handle, backoff=0.01)):
        task = bench.put(queue, "work")
        wait_until(ends(bench, task))
    assert (bench.state(task), bench.record(task).attempt) == (State.FAILED, 1)


def test_task_that_was_done_after_a_failure_shows_no_reason(bench: Bench, queue: TaskQueue) -> None:
    def handle(run: Run) -> None:
        if run.attempt == 1:
            raise StorageError("no luck")

    with working(queue, Kind(name="work", handler=handle, backoff=0.01)):
        task = bench.put(queue, "work")
        wait_until(ends(bench, task))
    assert (bench.state(task), bench.record(task).reason) == (State.DONE, None)


def until_stopped(begun: Event, stopped: list[str]) -> Callable[[Run], None]:
    def handle(run: Run) -> None:
        begun.set()
        try:
            while True:
                run.progress(1)
                time.sleep(0.005)  # noqa: TID251 -- it works
        except StoppedError as error:
            stopped.append(str(error))
            raise

    return handle


def test_task_is_given_back_when_the_hub_stops(bench: Bench, queue: TaskQueue) -> None:
    begun, stopped = Event(), list[str]()
    with working(queue, Kind(name="work", handler=until_stopped(begun, stopped))):
        task = bench.put(queue, "work")
        assert begun.wait(60.0)
    assert stopped == ["work: the hub is stopping"]
    assert (bench.state(task), bench.record(task).attempt) == (State.WAITING, 0)


def test_cancelled_task_stops(bench: Bench, queue: TaskQueue) -> None:
    begun, stopped = Event(), list[str]()
    with working(queue, Kind(name="work", handler=until_stopped(begun, stopped))):
        task = bench.put(queue, "work")
        assert begun.wait(60.0)
        assert bench.cancel(queue, task)
        wait_until(ends(bench, task))
    assert stopped == ["work: it was cancelled, or another worker has it"]
    assert bench.state(task) == State.CANCELLED


def test_long_task_keeps_its_lease(bench: Bench) -> None:
    """It takes longer than the lease, and another process looks for dead workers all the time."""
    first, second = real_queue(bench, 2 * LEASE), real_queue(bench, 2 * LEASE)
    runs: list[int] = []

    def handle(run: Run) -> None:
        runs.append(run.attempt)
        time.sleep(3 * LEASE)  # noqa: TID251 -- it works, and tells nothing

    kind = Kind(name="work", handler=handle)
    with working(first, kind), working(second, kind):
        task = bench.put(first, "work")
        wait_until(ends(bench, task))
    assert runs == [1]
    assert bench.state(task) == State.DONE


def test_hub_that_cannot_wait_for_a_handler_ends_without_it(bench: Bench, queue: TaskQueue) -> None:
    begun, free = Event(), Event()

    def handle(_: Run) -> None:
        begun.set()
        free.wait(60.0)

    kind = Kind(name="work", handler=handle)
    worker = Worker(queue, [kind], name="a", slots=1, steady=time.monotonic, grace=0.05)
    with worker:
        task = bench.put(queue, "work")
        assert begun.wait(60.0)
    assert bench.state(task) == State.RUNNING
    free.set()
    wait_until(ends(bench, task))
    wait_until(lambda: not any(thread.name == "jobs" for thread in enumerate_threads()))


def test_slow_tasks_leave_a_hand_to_the_others(bench: Bench, queue: TaskQueue) -> None:
    free, quick = Event(), Event()

    def wait(_: Run) -> None:
        free.wait(60.0)

    slow = Kind(name="slow", handler=wait, slow=True)
    with working(queue, slow, Kind(name="quick", handler=lambda _: quick.set())):
        tasks = [bench.put(queue, "slow") for _ in range(2)]
        bench.put(queue, "quick")
        assert quick.wait(60.0)
        assert [bench.state(task) for task in tasks] == [State.RUNNING, State.WAITING]
        free.set()
        wait_until(ends(bench, tasks[1]))


def test_task_that_kills_its_workers_is_given_up(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue, "work")
    ran: list[int] = []
    for _ in range(2):
        assert queue.take("dead", ["work"]) is not None
        wait_until(lambda: queue.take("undertaker", ["other"]) is None and bench.state(task) == State.WAITING)
    with working(queue, Kind(name="work", handler=lambda run: ran.append(run.attempt), attempts=2)):
        wait_until(ends(bench, task))
    assert not ran
    assert bench.record(task).reason == "given up: whoever tried it died of it"


def test_what_comes_again_and_again_comes_once_for_all_workers(bench: Bench) -> None:
    ran: list[int] = []
    kind = Kind(name="sweep", handler=lambda run: ran.append(run.attempt), every=3600.0)
    with working(real_queue(bench), kind), working(real_queue(bench), kind):
        wait_until(lambda: bool(ran))
        time.sleep(0.2)  # noqa: TID251 -- the other one gets its chance too
    assert ran == [1]
    assert [found.state for found in bench.records()] == [State.DONE]


class Moody(TaskQueue):
    """A queue whose database fails twice."""

    def __init__(self, database: Database, dispatch: Dispatch) -> None:
        super().__init__(database, dispatch, steady=time.monotonic, lease=LEASE)
        self.failures: list[Exception] = [StorageError("gone"), RuntimeError("odd")]

    def repeat(self, kind: str, every: float) -> float:
        if self.failures:
            raise self.failures.pop(0)
        return super().repeat(kind, every)


def test_worker_outlives_failures_of_the_database(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    done = Event()
    queue = Moody(bench.database, dispatch(bench))
    with caplog.at_level(logging.WARNING), working(queue, Kind(name="sweep", handler=lambda _: done.set(), every=60.0)):
        assert done.wait(60.0)
    assert "cannot look for tasks: gone" in caplog.text
    assert "RuntimeError: odd" in caplog.text


def test_hub_cleans_up_as_tasks_of_its_own(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data") as hub:
        database = open_sqlite(hub.data / CATALOG)
        bench = Bench(database)
        wait_until(lambda: {found.state for found in bench.records(kinds=["clean-uploads"])} == {State.DONE})
        database.close()
