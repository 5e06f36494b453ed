"""Counts, kept as plain numbers, and written as Prometheus reads them only when it asks.

One request costs a look-up and five additions here; the client library's own take a lock and ten times as long.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import Final, NamedTuple

# Seconds. From a hot manifest to an hour's upload.
BUCKETS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0)


class Gauge(NamedTuple):
    """A number that is found out when somebody asks.

    Attributes:
        name: As Prometheus names it, without ``orchard_hub_``: ``open_uploads``.
        help: What it counts, and in what unit.
        label: What its values are told apart by; empty if it has one only.
        read: Gives the value for each label, or for ``""``.
    """

    name: str
    help: str
    label: str
    read: Callable[[], Mapping[str, float]]


class _Series:
    """All requests that are told apart by the same labels."""

    __slots__ = ("buckets", "received", "seconds", "sent")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.received = 0
        self.sent = 0


class Meters:
    """What one process counts. Requests are counted by the event loop alone, tasks by any thread."""

    def __init__(self, gauges: Iterable[Gauge] = ()) -> None:
        self._gauges = list(gauges)
        self._requests: dict[tuple[str, str, int], _Series] = {}
        self._tasks: dict[tuple[str, str], list[float]] = {}
        self._lock = Lock()
        self.running = 0

    def add(self, gauge: Gauge) -> None:
        """Tell about one more number."""
        self._gauges.append(gauge)

    def request(self, endpoint: str, method: str, status: int, *, seconds: float, sizes: tuple[int, int]) -> None:
        """Count a request that was answered.

        Args:
            endpoint: What it asked for: ``manifest``, ``blob``, ``upload``, ``api``, ``page``.
            method: HTTP method; an unknown one is to be given as ``other``.
            status: HTTP status.
            seconds: Until the last byte of the answer.
            sizes: Bytes received and sent, without headers.
        """
        key = (endpoint, method, status)
        series = self._requests.get(key)
        if series is None:
            series = self._requests[key] = _Series()
        series.buckets[bisect_left(BUCKETS, seconds)] += 1
        series.seconds += seconds
        series.received += sizes[0]
        series.sent += sizes[1]

    def task(self, kind: str, outcome: str, seconds: float) -> None:
        """Count one run of a handler."""
        with self._lock:
            counted = self._tasks.setdefault((kind, outcome), [0, 0.0])
            counted[0] += 1
            counted[1] += seconds

    def write(self) -> bytes:
        """Write all that is known in Prometheus' text format.

        Raises:
            StorageError: If a number cannot be found out.
        """
        from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector  # noqa: PLC0415 -- 56 ms
        from prometheus_client.exposition import generate_latest  # noqa: PLC0415

        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        registry.register(self)  # type: ignore[arg-type] # anything with ``collect`` is a collector
        return generate_latest(registry)

    def collect(self) -> Iterator[object]:
        """Give everything as the client library's values. For ``write``."""
        yield from self._collect_requests()
        yield from self._collect_tasks()
        yield from self._collect_gauges()

    def _collect_requests(self) -> Iterator[object]:
        from prometheus_client.core import (  # noqa: PLC0415 -- as above
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        labels = ["endpoint", "method", "status"]
        time = HistogramMetricFamily(
            "orchard_hub_request_seconds", "Time until the last byte of an answer", labels=labels
        )
        received = CounterMetricFamily(
            "orchard_hub_received_bytes", "Bytes of requests, without headers", labels=labels
        )
        sent = CounterMetricFamily("orchard_hub_sent_bytes", "Bytes of answers, without headers", labels=labels)
        for (endpoint, method, status), series in list(self._requests.items()):
            values = [endpoint, method, str(status)]
            time.add_metric(values, _cumulated(series.buckets), series.seconds)
            received.add_metric(values, series.received)
            sent.add_metric(values, series.sent)
        yield from (time, received, sent)
        yield GaugeMetricFamily("orchard_hub_running_requests", "Requests that are being answered", value=self.running)

    def _collect_tasks(self) -> Iterator[object]:
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 -- as above

        runs = CounterMetricFamily("orchard_hub_task_runs", "Runs of tasks", labels=["kind", "outcome"])
        seconds = CounterMetricFamily("orchard_hub_task_seconds", "Time that tasks took", labels=["kind", "outcome"])
        with self._lock:
            for key, (count, spent) in self._tasks.items():
                runs.add_metric(key, count)
                seconds.add_metric(key, spent)
        yield from (runs, seconds)

    def _collect_gauges(self) -> Iterator[object]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 -- as above

        for gauge in self._gauges:
            labels = [gauge.label] if gauge.label else []
            family = GaugeMetricFamily(f"orchard_hub_{gauge.name}", gauge.help, labels=labels)
            for value, number in gauge.read().items():
                family.add_metric([value] if gauge.label else [], number)
            yield family


def _cumulated(buckets: list[int]) -> list[tuple[str, float]]:
    """Write buckets as Prometheus wants them: each holds all before it too."""
    total, found = 0, []
    for limit, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
        total += count
        found.append((limit, float(total)))
    return found
