"""What a queue promises, on every engine."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from orchard.errors import LimitExceededError
from orchard.hub.db import Database
from orchard.hub.queue import Progress, State, TaskQueue, counts, forget, lines, record
from orchard.hub.queue.tasks import LEASE
from support.queues import KIND, Bench, take

DAY = 24 * 3600.0


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@pytest.fixture
def queue(bench: Bench) -> TaskQueue:
    return bench.process()


# Putting and taking -------------------------------------------------------------------------------------------------


def test_what_was_put_is_taken_once_with_its_payload(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue, KIND, {"repository": "team/model", "n": 1})
    lease = take(queue)
    assert (lease.task.id, lease.task.kind, lease.task.attempt) == (task, KIND, 1)
    assert lease.task.payload == {"repository": "team/model", "n": 1}
    assert queue.take("w2", [KIND]) is None


def test_first_put_is_first_taken(bench: Bench, queue: TaskQueue) -> None:
    put = [bench.put(queue) for _ in range(3)]
    assert [take(queue).task.id for _ in put] == put


def test_put_of_a_transaction_that_fails_is_nothing(bench: Bench, queue: TaskQueue) -> None:
    def put_and_fail() -> None:
        with bench.database.write() as transaction:
            queue.put(transaction, KIND, {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_fail()
    assert queue.take("w1", [KIND]) is None
    assert bench.records() == []


def test_only_the_kinds_that_are_wanted_are_taken(bench: Bench, queue: TaskQueue) -> None:
    bench.put(queue, "other")
    wanted = bench.put(queue)
    assert take(queue).task.id == wanted
    assert queue.take("w1", [KIND]) is None


def test_payload_that_is_no_small_note_is_refused(bench: Bench, queue: TaskQueue) -> None:
    with pytest.raises(LimitExceededError, match="the payload of a task work has 70011 bytes; at most 65536"):
        bench.put(queue, KIND, {"text": "x" * 70_000})


def test_workers_that_take_at_once_never_get_the_same_task(bench: Bench) -> None:
    put = {bench.put(bench.process()) for _ in range(40)}

    def take_all(number: int) -> list[str]:
        queue = bench.process()
        return [lease.task.id for lease in iter(lambda: queue.take(f"w{number}", [KIND]), None)]

    with ThreadPoolExecutor(4) as pool:
        taken = [task for some in pool.map(take_all, range(4)) for task in some]
    assert sorted(taken, key=int) == sorted(put, key=int)


def test_delayed_task_is_taken_when_its_time_has_come(bench: Bench, queue: TaskQueue) -> None:
    bench.put(queue, delay=60.0)
    bench.pass_time(59.0)
    assert queue.take("w1", [KIND]) is None
    bench.pass_time(1.0)
    assert take(queue).task.attempt == 1


# Keys and locks -----------------------------------------------------------------------------------------------------


def test_key_that_waits_already_is_not_put_again(bench: Bench, queue: TaskQueue) -> None:
    first = bench.put(queue, key="a")
    assert bench.put(queue, key="a") == first
    assert bench.put(queue, key="b") != first
    assert len(bench.records()) == 2


def test_key_whose_task_runs_is_put_again(bench: Bench, queue: TaskQueue) -> None:
    """It has begun, so it may not see what the new transaction did."""
    first = bench.put(queue, key="a")
    lease = take(queue)
    second = bench.put(queue, key="a")
    assert second != first
    lease.succeed(Progress())
    assert take(queue).task.id == second


def test_puts_of_one_key_at_once_make_one_task(bench: Bench) -> None:
    with ThreadPoolExecutor(4) as pool:
        put = set(pool.map(lambda _: bench.put(bench.process(), key="a"), range(20)))
    assert len(put) == len(bench.records()) == 1


def test_failed_task_leaves_the_rest_to_the_one_of_its_key_that_waits(bench: Bench, queue: TaskQueue) -> None:
    first = bench.put(queue, key="a")
    lease = take(queue)
    second = bench.put(queue, key="a")
    lease.fail("no luck", retry_in=0.0)
    assert (bench.state(first), bench.record(first).reason) == (State.FAILED, "no luck")
    assert take(queue).task.id == second


def test_tasks_of_one_lock_never_run_at_once(bench: Bench, queue: TaskQueue) -> None:
    for _ in range(2):
        bench.put(queue, lock="team/model")
    other = bench.put(queue, lock="team/other")
    first = take(queue)
    assert take(queue).task.id == other
    assert queue.take("w1", [KIND]) is None
    first.succeed(Progress())
    assert take(queue) is not None


# The end of a task --------------------------------------------------------------------------------------------------


def test_task_that_is_done_is_kept_for_people(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue, KIND, {"x": 1}, key="a")
    lease = take(queue, worker="host:1")
    assert lease.renew(Progress(1, 3, "first"))
    assert bench.record(task).progress == Progress(1, 3, "first")
    bench.pass_time(5.0)
    lease.succeed(Progress(3, 3, "freed 3 MiB"))
    found = bench.record(task)
    assert (found.state, found.key, found.payload, found.worker) == (State.DONE, "a", {"x": 1}, "host:1")
    assert (found.progress, found.reason, found.due_at) == (Progress(3, 3, "freed 3 MiB"), None, None)
    assert found.started_at is not None
    assert found.ended_at is not None
    assert queue.take("w1", [KIND]) is None


def test_failed_task_is_tried_again_after_a_while(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    take(queue).fail("no luck", retry_in=10.0)
    assert queue.take("w1", [KIND]) is None
    assert (bench.state(task), bench.record(task).reason) == (State.WAITING, "no luck")
    bench.pass_time(10.0)
    assert take(queue).task.attempt == 2


def test_task_that_is_given_up_is_never_tried_again(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    take(queue).fail("hopeless", retry_in=None)
    bench.pass_time(DAY)
    assert queue.take("w1", [KIND]) is None
    assert (bench.state(task), bench.record(task).reason) == (State.FAILED, "hopeless")


def test_task_that_is_given_back_is_taken_at_once_as_if_nothing_had_been(bench: Bench, queue: TaskQueue) -> None:
    bench.put(queue)
    take(queue).give_back()
    assert take(bench.process()).task.attempt == 1


def test_tasks_that_ended_are_forgotten_after_a_while(bench: Bench, queue: TaskQueue) -> None:
    ended, waiting = bench.put(queue), bench.put(queue)
    take(queue).succeed(Progress())
    with bench.database.write() as transaction:
        assert forget(transaction, before=0) == 0
        assert forget(transaction, before=1 << 60) == 1
        assert record(transaction, ended) is None
    assert bench.state(waiting) == State.WAITING


# Leases -------------------------------------------------------------------------------------------------------------


def test_task_of_a_worker_that_died_is_taken_by_another(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    take(queue, worker="dead")
    other = bench.process()
    assert other.take("w2", [KIND]) is None
    bench.pass_time(LEASE)
    lease = take(other, worker="w2")
    assert (lease.task.id, lease.task.attempt) == (task, 2)
    assert (bench.record(task).worker, bench.record(task).reason) == ("w2", "its worker died")


def test_task_of_a_worker_that_lives_is_left_to_it(bench: Bench, queue: TaskQueue) -> None:
    bench.put(queue)
    lease = take(queue)
    other = bench.process()
    for _ in range(20):
        assert lease.renew(Progress())
        assert other.take("w2", [KIND]) is None
        bench.pass_time(LEASE / 3)


def test_lease_that_was_lost_changes_nothing(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    lost = take(queue, worker="slow")
    other = bench.process()
    other.take("w2", [KIND])
    bench.pass_time(LEASE)
    lease = take(other, worker="w2")
    assert not lost.renew(Progress(7))
    lost.succeed(Progress(7))
    lost.fail("too late", retry_in=0.0)
    lost.fail("too late", retry_in=None)
    lost.give_back()
    found = bench.record(task)
    assert (found.state, found.worker, found.progress.done) == (State.RUNNING, "w2", 0)
    lease.succeed(Progress(1))
    assert bench.state(task) == State.DONE


@pytest.mark.parametrize("jump", [-DAY, DAY], ids=["back", "forward"])
def test_clock_jump_takes_no_task_from_a_worker_that_lives(bench: Bench, queue: TaskQueue, jump: float) -> None:
    bench.put(queue)
    lease = take(queue)
    other = bench.process()
    for _ in range(3):
        assert other.take("w2", [KIND]) is None
        bench.steady.time += LEASE / 4
    bench.jump(jump)
    assert other.take("w2", [KIND]) is None
    assert lease.renew(Progress())


def test_clock_set_back_keeps_nothing_waiting(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    delayed = bench.put(queue, delay=10.0)
    bench.jump(-DAY)
    bench.steady.time += LEASE
    assert {take(queue).task.id for _ in range(2)} == {task, delayed}


# Cancelling ---------------------------------------------------------------------------------------------------------


def test_cancelled_task_that_waits_is_never_taken(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue, key="a")
    assert bench.cancel(queue, task)
    assert queue.take("w1", [KIND]) is None
    assert bench.state(task) == State.CANCELLED
    assert bench.put(queue, key="a") != task


def test_worker_learns_that_its_task_was_cancelled(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    lease = take(queue)
    assert bench.cancel(bench.process(), task)
    assert bench.record(task).cancelling
    assert not lease.renew(Progress(3))
    lease.give_back()
    assert bench.state(task) == State.CANCELLED
    assert queue.take("w1", [KIND]) is None


def test_cancelled_task_that_fails_or_loses_its_worker_is_not_tried_again(bench: Bench, queue: TaskQueue) -> None:
    failing, dying = (bench.put(queue) for _ in range(2))
    lease, _ = take(queue), take(queue)
    for task in (failing, dying):
        bench.cancel(queue, task)
    lease.fail("no luck", retry_in=0.0)
    bench.pass_time(LEASE / 2)
    assert queue.take("w1", [KIND]) is None
    bench.pass_time(LEASE)
    assert queue.take("w1", [KIND]) is None
    assert [bench.state(task) for task in (failing, dying)] == [State.CANCELLED] * 2


def test_cancelled_task_that_was_done_all_the_same_is_done(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    lease = take(queue)
    bench.cancel(queue, task)
    lease.succeed(Progress())
    assert bench.state(task) == State.DONE


@pytest.mark.parametrize("task", ["999", "-1", "", "x", "²", "9" * 40])
def test_task_that_is_not_there_cannot_be_cancelled(bench: Bench, queue: TaskQueue, task: str) -> None:
    assert not bench.cancel(queue, task)


def test_task_that_has_ended_cannot_be_cancelled(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    take(queue).succeed(Progress())
    assert not bench.cancel(queue, task)
    assert bench.state(task) == State.DONE


# Again and again ----------------------------------------------------------------------------------------------------


def test_repeated_task_is_put_once_by_all_processes(bench: Bench) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: bench.process().repeat("sweep", 3600.0), range(8)))
    assert [(found.kind, found.key) for found in bench.records()] == [("sweep", "sweep")]


def test_repeated_task_comes_again_when_its_time_has_come(bench: Bench, queue: TaskQueue) -> None:
    assert queue.repeat("sweep", 90.0) == 60.0
    take(queue, "sweep").succeed(Progress())
    bench.pass_time(60.0)
    assert 29.0 < queue.repeat("sweep", 90.0) <= 30.0
    assert queue.take("w1", ["sweep"]) is None
    bench.pass_time(30.0)
    queue.repeat("sweep", 90.0)
    assert take(queue, "sweep").task.attempt == 1


def test_repeated_task_that_still_runs_does_not_run_twice_at_once(bench: Bench, queue: TaskQueue) -> None:
    queue.repeat("sweep", 90.0)
    lease = take(queue, "sweep")
    bench.pass_time(90.0)
    lease.renew(Progress())
    queue.repeat("sweep", 90.0)
    assert queue.take("w2", ["sweep"]) is None
    lease.succeed(Progress())
    assert take(queue, "sweep").task.attempt == 1


def test_clock_set_back_does_not_stop_what_comes_again_and_again(bench: Bench, queue: TaskQueue) -> None:
    queue.repeat("sweep", 90.0)
    take(queue, "sweep").succeed(Progress())
    bench.jump(-DAY)
    queue.repeat("sweep", 90.0)
    assert take(queue, "sweep").task.attempt == 1


# Waiting ------------------------------------------------------------------------------------------------------------


def test_put_wakes_the_worker_of_its_process_once_it_is_committed(bench: Bench, queue: TaskQueue) -> None:
    woken = Event()

    def wait() -> None:
        queue.wait(60.0)
        woken.set()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(wait)
        with bench.database.write() as transaction:
            queue.put(transaction, KIND, {})
            assert not woken.wait(0.05)
        assert woken.wait(60.0)


# Lists --------------------------------------------------------------------------------------------------------------


def test_list_shows_the_youngest_first_by_pages_kinds_and_states(bench: Bench, queue: TaskQueue) -> None:
    put = [bench.put(queue, kind) for kind in ("a", "b", "a")]
    take(queue, "a").succeed(Progress())
    assert [found.id for found in bench.records()] == put[::-1]
    assert [found.id for found in bench.records(limit=1, before=put[2])] == [put[1]]
    assert [found.id for found in bench.records(kinds=["a"])] == [put[2], put[0]]
    assert [found.id for found in bench.records(states=[State.DONE])] == [put[0]]
    with bench.database.read() as transaction:
        assert counts(transaction) == {("a", State.DONE): 1, ("a", State.WAITING): 1, ("b", State.WAITING): 1}


def test_whoever_has_the_database_alone_waits_for_no_dead_worker(bench: Bench) -> None:
    dead, heir = bench.process(), bench.process()
    task = bench.put(dead)
    take(dead)
    assert heir.take("w2", [KIND]) is None
    heir.inherit()
    assert take(heir, worker="w2").task.attempt == 2
    assert bench.record(task).reason == "its worker died"


# What tasks tell ----------------------------------------------------------------------------------------------------


def told(bench: Bench, task: str) -> list[tuple[int, str]]:
    with bench.database.read() as transaction:
        return [(line.number, line.text) for line in lines(transaction, task)]


def test_lines_of_a_task_are_kept_with_what_it_counts(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    lease = take(queue)
    lease.renew(Progress(1, 3, "first", "blobs"), ["begin"])
    lease.renew(Progress(2, 3, "second", "blobs"))
    assert bench.record(task).progress == Progress(2, 3, "second", "blobs")
    lease.succeed(Progress(3, 3, "all", "blobs"), ["end\nof it", "nothing\0 more"])
    assert told(bench, task) == [(1, "begin"), (2, "end of it"), (3, "nothing� more")]


def test_only_the_last_lines_are_kept_and_none_is_long(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    lease = take(queue)
    lease.renew(Progress(), [f"line {number}" for number in range(1, 150)])
    lease.renew(Progress(), [f"line {number}" for number in range(150, 260)])
    lease.succeed(Progress(), ["x" * 900])
    found = told(bench, task)
    assert (len(found), found[0], found[-1][0]) == (200, (61, "line 61"), 260)
    assert len(found[-1][1]) == 500


def test_flood_of_lines_is_counted_and_its_end_kept(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    take(queue).succeed(Progress(), [f"line {number}" for number in range(1, 1001)])
    found = told(bench, task)
    assert (len(found), found[0], found[-1]) == (200, (801, "line 801"), (1000, "line 1000"))


def test_log_says_why_each_attempt_failed(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    take(queue).fail("no luck", ["tried"], retry_in=20.0)
    bench.pass_time(20.0)
    take(queue).fail("none again", retry_in=None)
    assert [text for _, text in told(bench, task)] == [
        "tried",
        "attempt 1 failed (again in 20 s): no luck",
        "attempt 2 failed (given up): none again",
    ]


def test_log_says_that_a_worker_died_and_what_was_given_back(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    take(queue).give_back(["the hub stops"])
    take(queue)
    other = bench.process()
    other.take("w2", [KIND])
    bench.pass_time(LEASE + 1)
    assert other.take("w2", [KIND]) is not None
    assert [text for _, text in told(bench, task)] == ["the hub stops", "its worker died"]


def test_lines_of_a_lease_that_was_lost_are_not_kept(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    lease = take(queue)
    queue.inherit()
    assert not lease.renew(Progress(), ["ghost"])
    lease.succeed(Progress(), ["ghost"])
    assert [text for _, text in told(bench, task)] == ["its worker died"]


def test_lines_go_with_their_task(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    take(queue).succeed(Progress(), ["done"])
    bench.pass_time(DAY)
    with bench.database.write() as transaction:
        assert forget(transaction, round((bench.record(task).asked_at.timestamp() + 3600) * 1000)) == 1
    assert told(bench, task) == []


# Once more ----------------------------------------------------------------------------------------------------------


def again(bench: Bench, queue: TaskQueue, task: str) -> str | None:
    with bench.database.write() as transaction:
        return queue.again(transaction, task)


def test_task_that_waits_for_its_time_is_done_at_once_when_asked(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue, delay=3600.0)
    assert queue.take("w1", [KIND]) is None
    assert again(bench, queue, task) == task
    assert take(queue).task.id == task


def test_task_that_waits_after_a_failure_is_tried_at_once_when_asked(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    take(queue).fail("no luck", retry_in=3600.0)
    assert again(bench, queue, task) == task
    assert take(queue).task.attempt == 2


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_task_that_came_to_nothing_is_done_once_more_by_another(bench: Bench, queue: TaskQueue, end: str) -> None:
    task = bench.put(queue, KIND, {"x": 1}, key="a", lock="b")
    if end == "failed":
        take(queue).fail("no luck", retry_in=None)
    else:
        bench.cancel(queue, task)
    new = again(bench, queue, task)
    assert new not in {None, task}
    assert again(bench, queue, task) == new  # its key waits already
    assert take(queue).task.payload == {"x": 1}


def test_task_that_runs_or_is_done_is_not_done_once_more(bench: Bench, queue: TaskQueue) -> None:
    task = bench.put(queue)
    lease = take(queue)
    assert again(bench, queue, task) is None
    lease.succeed(Progress())
    assert again(bench, queue, task) is None
    assert again(bench, queue, "999999") is None
