"""What a service counts, in the words of its Prometheus rules."""

from __future__ import annotations

import asyncio
import os
import tempfile
from bisect import bisect_left
from collections import Counter as Numbers
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values

from mlops_spec.runtime.service.slices import this_loop
from mlops_spec.runtime.service.startup import log
from mlops_spec.terms.exposition import SHADOW, WORKERS_DIED

SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"  # the client's own word for where workers add up
REPLACES: Final = "MLOPS_SPEC_REPLACES_WORKER"  # 1 in a worker that was started for one that died
# A file of the monitor's, where nothing else tells Prometheus of it: in a cluster.
MONITOR: Final = "MLOPS_SPEC_MONITOR_METRICS"
# From the fraction of a millisecond that a compiled model takes to the seconds of a stuck one.
BUCKETS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
# Answers that wait to be counted together: one by one each would find the client's code and numbers
# pushed out of the caches by the model, at three times the cost.
COUNTED_AT_ONCE: Final = 64
COUNTED_WITHIN: Final = 0.1  # seconds
_ROOM: Final = 4 * 1024 * 1024  # bytes of the client's files of one process
# Given, less written and dropped: what waits to be written, and what a killed process took along.
_ROWS: Final = {
    "prediction_log_given": "Rows that were answered and are to be logged.",
    "prediction_log_written": "Rows that are in a file of the prediction log.",
    "prediction_log_dropped": "Rows that were answered but not logged.",
}


class ServiceMetrics:
    """The metrics of one model's service. Several workers share them through files."""

    def __init__(self, model: str, release: str) -> None:
        folder = os.environ.get(SHARED)
        self._folder = Path(folder) if folder and _has_room(Path(folder)) else None
        # The client has decided by the variable when it was imported.
        shared: Any = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        values.ValueClass = shared if self._folder else values.MutexValue
        self._registry = CollectorRegistry()
        each = ("model", "release")
        requests = Counter(
            "mlops_requests_total", "Requests by status code.", (*each, SHADOW, "code"),
            registry=self._registry,
        )  # fmt: skip
        seconds = Histogram(
            "mlops_request_seconds", "Seconds from a request's last byte to its answer.",
            (*each, SHADOW), buckets=BUCKETS, registry=self._registry,
        )  # fmt: skip
        rows = {
            name: Counter(f"mlops_{name}_total", text, each, registry=self._registry)
            for name, text in _ROWS.items()
        }
        died = Counter(
            WORKERS_DIED, "Workers that died and were replaced.", each, registry=self._registry
        )
        died.labels(model, release).inc(os.environ.get(REPLACES) == "1")
        self._users = _Answers(requests, seconds, (model, release, "false"))
        self._users.begin()
        self._copies = _Answers(requests, seconds, (model, release, "true"))
        self._rows: dict[str, Any] = {n: each.labels(model, release) for n, each in rows.items()}
        self._loop = this_loop()
        self._timer: asyncio.TimerHandle | None = None
        if self._folder is not None:
            _keep_room(self._folder)

    def answered(self, code: int, seconds: float, shadow: bool = False) -> None:
        """Count one answer, a tenth of a second later at most. Without an event loop at once.

        `shadow`: it went to nobody, since the request is a copy of one that production answered.
        """
        fresh = self._copies.fresh if shadow else self._users.fresh
        fresh.append((code, seconds))
        if self._loop is None or len(fresh) >= COUNTED_AT_ONCE:
            self.count()
        elif self._timer is None:
            self._timer = self._loop.call_later(COUNTED_WITHIN, self.count)

    def count(self) -> None:
        """Count the answers that wait for it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._users.count()
        self._copies.count()

    def to_log(self, rows: int) -> None:
        """Count rows that were answered and given to the prediction log."""
        self._rows["prediction_log_given"].inc(rows)

    def logged(self, rows: int) -> None:
        """Count rows that are in a file of the prediction log."""
        self._rows["prediction_log_written"].inc(rows)

    def dropped(self, rows: int) -> None:
        """Count rows that the prediction log lost."""
        self._rows["prediction_log_dropped"].inc(rows)

    def text(self) -> bytes:
        """The metrics of all workers and of the monitor, in Prometheus' text format."""
        self.count()
        return self._counted() + _of_monitor()

    def _counted(self) -> bytes:
        if self._folder is None:
            return generate_latest(self._registry)
        from prometheus_client.multiprocess import MultiProcessCollector

        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(together)


class _Answers:
    """The series of what users are answered, or of the answers to copies; made when needed."""

    def __init__(self, requests: Counter, seconds: Histogram, of: tuple[str, str, str]) -> None:
        self.fresh: list[tuple[int, float]] = []  # codes and seconds that are to be counted
        self._requests = requests
        self._seconds = seconds
        self._of = of
        self._by_code: dict[int, Any] = {}

    def begin(self) -> None:
        """Tell that nothing was answered yet, rather than nothing at all."""
        self._counter(200)
        self._seconds.labels(*self._of)

    def count(self) -> None:
        if not self.fresh:
            return
        for code, number in Numbers(code for code, _ in self.fresh).items():
            self._counter(code).inc(number)
        # `observe` of each would write to a file twice a request. What it does, done for all.
        taken: Any = self._seconds.labels(*self._of)
        all_seconds = [seconds for _, seconds in self.fresh]
        taken._sum.inc(sum(all_seconds))
        for edge, number in Numbers(bisect_left(BUCKETS, each) for each in all_seconds).items():
            taken._buckets[edge].inc(number)
        self.fresh.clear()

    def _counter(self, code: int) -> Any:
        if code not in self._by_code:
            self._by_code[code] = self._requests.labels(*self._of, str(code))
        return self._by_code[code]


def _of_monitor() -> bytes:
    """What the monitor found last; nothing where it is not asked for, or has not looked yet."""
    path = os.environ.get(MONITOR)
    try:
        return Path(path).read_bytes() if path else b""
    except OSError:
        return b""


def _has_room(folder: Path) -> bool:
    """Whether the files of one more worker fit. A worker without room counts for itself: the
    client writes through memory maps, and a map without a disk behind it ends the process.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.posix_fallocate(probe.fileno(), 0, _ROOM)
    except OSError as error:
        log.warning("%s: %s: this worker's metrics are in no other's sum", folder, error.strerror)
        return False
    return True


def _keep_room(folder: Path) -> None:
    """Take what the client's files of this process may come to need, while it is there."""
    for path in folder.glob(f"*_{os.getpid()}.db"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
