"""What a service counts, alone and with other workers, on a disk with and without room."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import values

from mlops_spec.runtime.service.metrics import (
    COUNTED_AT_ONCE,
    MONITOR,
    REPLACES,
    SHARED,
    ServiceMetrics,
)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = values.ValueClass
    monkeypatch.setenv(SHARED, str(tmp_path / "metrics"))
    yield tmp_path / "metrics"
    values.ValueClass = before


def counts(text: bytes) -> dict[str, float]:
    lines = [line.split(" ") for line in text.decode().splitlines() if not line.startswith("#")]
    found = {name.partition("{")[0]: float(value) for name, value in lines if "bucket" not in name}
    return {name.removeprefix("mlops_"): found[name] for name in found if "_sum" not in name}


WANTED = {
    "requests_total": 1.0, "request_seconds_count": 1.0, "prediction_log_given_total": 3.0,
    "prediction_log_written_total": 2.0, "prediction_log_dropped_total": 1.0,
    "workers_died_total": 0.0,
}  # fmt: skip


def count_some(metrics: ServiceMetrics) -> dict[str, float]:
    metrics.answered(200, 0.001)
    metrics.to_log(3)
    metrics.logged(2)
    metrics.dropped(1)
    return counts(metrics.text())


def test_one_worker_counts_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SHARED, raising=False)
    found = count_some(ServiceMetrics("m", "r"))
    assert {name: found[name] for name in WANTED} == WANTED


def test_workers_count_in_files_that_hold_their_room(shared: Path) -> None:
    assert count_some(ServiceMetrics("m", "r")) == WANTED
    files = list(shared.glob(f"*_{os.getpid()}.db"))
    assert len(files) == 2
    assert all(path.stat().st_blocks * 512 >= path.stat().st_size for path in files)


def test_a_worker_counts_the_one_it_replaces(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REPLACES, "1")
    assert count_some(ServiceMetrics("m", "r")) == {**WANTED, "workers_died_total": 1.0}


def test_a_worker_without_room_counts_for_itself(
    shared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        found = count_some(ServiceMetrics("m", "r"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))

    assert {name: found[name] for name in WANTED} == WANTED
    assert "this worker's metrics are in no other's sum" in caplog.text
    assert not list(shared.glob("*.db"))


def test_what_the_monitor_found_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "metrics.prom"
    monkeypatch.delenv(SHARED, raising=False)
    monkeypatch.setenv(MONITOR, str(file))
    metrics = ServiceMetrics("m", "r")
    before = metrics.text()
    file.write_text("mlops_monitor_window_end_seconds 1\n")
    assert metrics.text() == before + file.read_bytes()


def test_answers_of_a_loop_are_counted_soon_and_before_they_are_told(shared: Path) -> None:
    async def serve() -> tuple[float, float, float]:
        metrics, other = ServiceMetrics("m", "r"), ServiceMetrics("m", "r")
        metrics.answered(200, 0.001)
        told = counts(metrics.text())["requests_total"]
        for code in [200] * COUNTED_AT_ONCE:
            metrics.answered(code, 0.001)
        # What another worker tells has them too, by and by.
        many = counts(other.text())["requests_total"]
        metrics.answered(200, 0.001)
        async with asyncio.timeout(60):
            while counts(other.text())["requests_total"] == many:
                await asyncio.sleep(0.01)
        return told, many, counts(other.text())["request_seconds_count"]

    assert asyncio.run(serve()) == (1, 1 + COUNTED_AT_ONCE, 2 + COUNTED_AT_ONCE)
