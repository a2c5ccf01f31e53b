"""The metrics that services and monitors expose to Prometheus, by name, with their labels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REQUESTS: Final = "mlops_requests_total"  # counter, of a service
REQUEST_SECONDS: Final = "mlops_request_seconds"  # histogram, of a service
LONGEST_SECONDS: Final = 10.0  # the last edge of its buckets: what takes longer is told as that
WORKERS_DIED: Final = "mlops_workers_died_total"  # counter, of a service
DRIFT_SCORE: Final = "mlops_drift_score"  # gauge, of a monitor
DRIFT_LIMIT: Final = "mlops_drift_limit"  # gauge, of a monitor
# Label of what a service counts: "true" for answers to copies of requests that another release
# answered, which go to nobody.
SHADOW: Final = "shadow"
TO_USERS: Final = f'{SHADOW}!="true"'  # services of before say nothing of copies
# 1 in a pod that is sent nothing but copies, where no router can mark them.
GETS_COPIES: Final = "MLOPS_SPEC_GETS_COPIES"
MONITOR_OUTCOME: Final = (
    "mlops_monitor_outcome"  # gauge, of a monitor: 1 for the outcome that holds
)
MONITOR_WINDOW_END: Final = "mlops_monitor_window_end_seconds"  # gauge, of a monitor
PERFORMANCE: Final = "mlops_performance"  # gauge, of a monitor
PERFORMANCE_BASELINE: Final = "mlops_performance_baseline"  # gauge, of a monitor

# Every series by name; a histogram counts as its three series.
EXPOSED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        REQUESTS: frozenset({"model", "release", "shadow", "code"}),
        f"{REQUEST_SECONDS}_bucket": frozenset({"model", "release", "shadow", "le"}),
        f"{REQUEST_SECONDS}_count": frozenset({"model", "release", "shadow"}),
        f"{REQUEST_SECONDS}_sum": frozenset({"model", "release", "shadow"}),
        WORKERS_DIED: frozenset({"model", "release"}),
        DRIFT_SCORE: frozenset({"model", "column", "test"}),
        DRIFT_LIMIT: frozenset({"model", "column", "test"}),
        MONITOR_OUTCOME: frozenset({"model", "outcome"}),
        MONITOR_WINDOW_END: frozenset({"model"}),
        PERFORMANCE: frozenset({"model", "metric"}),
        PERFORMANCE_BASELINE: frozenset({"model", "metric"}),
    }
)
