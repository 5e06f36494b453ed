"""When more connections are used, and when they are given up again; rates are drawn, nothing is measured."""

import pytest

from orchard.remote.allowance import Allowance
from orchard.remote.growth import PATIENCE, STEADY, Growth

FAST, WAITS, WORKS = 1000.0, 0.9, 0.1


STEP = [(100.0, WAITS)] * STEADY


def run(growth: Growth, *judged: tuple[float, float]) -> list[int]:
    counts = []
    for rate, waiting in judged:
        growth.count = growth.judge(rate, waiting)
        counts.append(growth.count)
    return counts


@pytest.mark.parametrize("waiting", [0.0, 0.3, 0.59])
def test_reader_that_is_busy_itself_stays_with_one(waiting: float) -> None:
    assert run(Growth(8), *[(FAST, waiting)] * 20) == [1] * 20


def test_reader_that_waits_doubles_as_long_as_it_gets_faster() -> None:
    # the case of a server that limits a connection
    rates = [(100, 0.95), (100, 0.95), (200, 0.9), (400, 0.8), (800, 0.5), (800, 0.5)]

    assert run(Growth(8), *rates) == [1, 2, 4, 8, 8, 8]


def test_server_that_is_busy_for_a_moment_is_not_taken_for_one_with_a_limit() -> None:
    assert run(Growth(8), *[(100, WAITS), (100, WORKS)] * 5) == [1] * 10


def test_growth_ends_when_the_reader_no_longer_waits() -> None:
    assert run(Growth(8), *STEP, (200, 0.9), (400, WORKS), (400, WORKS)) == [1, 2, 4, 4, 4]


def test_doubling_that_does_not_pay_is_taken_back_and_not_tried_again_for_a_while() -> None:
    growth = Growth(8)

    assert run(growth, *STEP, (105, WAITS)) == [1, 2, 1]
    assert run(growth, *[(100, WAITS)] * PATIENCE) == [1] * PATIENCE
    assert run(growth, *STEP, (100, WAITS)) == [1, 2, 1]
    assert run(growth, *[(100, WAITS)] * 2 * PATIENCE) == [1] * 2 * PATIENCE


def test_doubling_of_what_has_paid_is_kept_where_the_reader_is_now_too_slow() -> None:
    assert run(Growth(8), *STEP, (200, WAITS), (150, WORKS), (400, WAITS)) == [1, 2, 4, 4, 8]
    assert run(Growth(8), *STEP, (50, WORKS)) == [1, 2, 1]


def test_path_that_is_full_at_two_stays_at_two() -> None:
    assert run(Growth(8), *STEP, (200, WAITS), (200, WAITS), (200, WAITS)) == [1, 2, 4, 2, 2]


def test_most_is_never_exceeded() -> None:
    assert run(Growth(3), *STEP, (200, WAITS), (300, WAITS)) == [1, 2, 3, 3]
    assert run(Growth(1), *STEP, (200, WAITS)) == [1, 1, 1]


def test_connection_that_was_not_to_be_had_is_no_trial() -> None:
    growth = Growth(8)
    assert run(growth, *STEP)[-1] == 2

    growth.count = 1  # others use them

    assert run(growth, (100, WAITS)) == [2]  # asked for again, not taken for one that did not pay


def test_allowance_is_shared_by_all_reads() -> None:
    allowance = Allowance(4)
    allowance.enter()
    allowance.enter()

    assert [allowance.take(5), allowance.take(1)] == [2, 0]
    assert not allowance.yields()


def test_read_that_comes_late_gets_its_connection_from_those_that_have_several() -> None:
    allowance = Allowance(4)
    allowance.enter()
    assert allowance.take(3) == 3

    allowance.enter()

    assert [allowance.yields(), allowance.yields()] == [True, False]
    assert allowance.take(1) == 0
