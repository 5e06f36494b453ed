import pytest

from orchard.remote import Retry
from orchard.remote.backoff import Backoff, retry_after
from orchard.remote.failures import TransientError
from support.clients import FakeTime


def test_pause_waits_longer_each_time_and_raises_the_error_after_the_last_try() -> None:
    clock = FakeTime()
    backoff = Backoff(Retry(attempts=5, first=1, longest=3), clock.timing)
    error = TransientError("no luck")

    for _ in range(4):
        backoff.pause(error)
    with pytest.raises(TransientError, match="no luck"):
        backoff.pause(error)

    assert clock.slept == [1, 2, 3, 3]


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 0.75), (1.0, 1.25)])
def test_pause_spreads_its_delay(chance: float, seconds: float) -> None:
    clock = FakeTime()
    timing = clock.timing
    spread = type(timing)(monotonic=timing.monotonic, sleep=timing.sleep, random=lambda: chance)

    Backoff(Retry(first=1), spread).pause(TransientError("no luck"))

    assert clock.slept == [seconds]


def test_pause_obeys_the_server_beyond_its_own_longest_delay() -> None:
    clock = FakeTime()

    Backoff(Retry(longest=3), clock.timing).pause(TransientError("busy", retry_after=120))

    assert clock.slept == [120]


def test_pause_when_the_server_asks_for_more_than_the_deadline_gives_up_at_once() -> None:
    clock = FakeTime()

    with pytest.raises(TransientError, match="busy"):
        Backoff(Retry(deadline=60), clock.timing).pause(TransientError("busy", retry_after=61))

    assert clock.slept == []


def test_progress_gives_all_tries_back() -> None:
    clock = FakeTime()
    backoff = Backoff(Retry(attempts=2, first=1), clock.timing)

    for _ in range(5):
        backoff.pause(TransientError("no luck"))
        backoff.progressed()

    assert clock.slept == [1] * 5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("17", 17),
        ("99999999999999999999", 999999999),
        ("Thu, 01 Jan 1970 00:17:40 GMT", 60),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_reads_seconds_and_dates(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, FakeTime().timing) == seconds
