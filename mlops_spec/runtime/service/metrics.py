"""What a service counts, in the words of its Prometheus rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"  # the client's own word for where workers add up
# From the fraction of a millisecond that a compiled model takes to the seconds of a stuck one.
BUCKETS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip


class ServiceMetrics:
    """The metrics of one model's service. Several workers share them through files."""

    def __init__(self, model: str, release: str) -> None:
        shared = os.environ.get(SHARED)
        if shared:
            Path(shared).mkdir(parents=True, exist_ok=True)
        self._registry = CollectorRegistry()
        each = ("model", "release")
        requests = Counter(
            "mlops_requests_total", "Requests by status code.", (*each, "code"),
            registry=self._registry,
        )  # fmt: skip
        seconds = Histogram(
            "mlops_request_seconds", "Seconds from a request's last byte to its answer.", each,
            buckets=BUCKETS, registry=self._registry,
        )  # fmt: skip
        dropped = Counter(
            "mlops_prediction_log_dropped_total", "Rows that were answered but not logged.", each,
            registry=self._registry,
        )  # fmt: skip
        self._requests = requests
        self._of = (model, release)
        self._seconds: Any = seconds.labels(model, release)
        self._dropped: Any = dropped.labels(model, release)
        self._by_code: dict[int, Any] = {}
        self._counter(200)

    def answered(self, code: int, seconds: float) -> None:
        """Count one answer."""
        self._counter(code).inc()
        self._seconds.observe(seconds)

    def dropped(self, rows: int) -> None:
        """Count rows that the prediction log lost."""
        self._dropped.inc(rows)

    def text(self) -> bytes:
        """The metrics of all workers, in Prometheus' text format."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        from prometheus_client.multiprocess import MultiProcessCollector

        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _counter(self, code: int) -> Any:
        if code not in self._by_code:
            self._by_code[code] = self._requests.labels(*self._of, str(code))
        return self._by_code[code]
