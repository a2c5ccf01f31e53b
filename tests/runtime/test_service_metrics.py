"""What a service counts, alone and with other workers, on a disk with and without room."""

from __future__ import annotations

import asyncio
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Histogram, values

from mlops_spec.runtime.service.metrics import (
    BUCKETS,
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


def answers(metrics: ServiceMetrics) -> dict[str, float]:
    """Everything that is told of requests, with its labels, but no bucket and no sum."""
    lines = [line for line in metrics.text().decode().splitlines() if line.startswith("mlops_req")]
    found = dict(line.removeprefix("mlops_").split(" ") for line in lines)
    return {n: float(v) for n, v in found.items() if not re.search("_bucket|_sum|_created", n)}


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


@pytest.mark.parametrize("in_files", [True, False])
def test_copies_are_counted_beside_what_users_were_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, in_files: bool
) -> None:
    request.getfixturevalue("shared") if in_files else monkeypatch.delenv(SHARED, raising=False)
    metrics = ServiceMetrics("m", "r")
    before = answers(metrics)
    metrics.answered(200, 0.001)
    metrics.answered(200, 0.001, shadow=True)
    metrics.answered(500, 0.001, shadow=True)

    of = 'model="m",release="r",shadow='
    assert before == {
        f'requests_total{{code="200",{of}"false"}}': 0, f'request_seconds_count{{{of}"false"}}': 0,
    }  # fmt: skip
    assert answers(metrics) == {
        f'requests_total{{code="200",{of}"false"}}': 1, f'request_seconds_count{{{of}"false"}}': 1,
        f'requests_total{{code="200",{of}"true"}}': 1, f'request_seconds_count{{{of}"true"}}': 2,
        f'requests_total{{code="500",{of}"true"}}': 1,
    }  # fmt: skip


def test_answers_counted_together_are_as_if_the_client_observed_each() -> None:
    seconds = [0.0, *BUCKETS, 0.0004, 0.0026, 3.0, 10.5, 900.0] * 3
    metrics = ServiceMetrics("m", "r")
    own = Histogram("own", "The same.", buckets=BUCKETS, registry=None)
    metrics._loop = asyncio.new_event_loop()  # so that they wait for each other
    metrics._timer = metrics._loop.call_later(60, print)
    for each in seconds:
        metrics.answered(200, each)
        own.observe(each)
    text = metrics.text().decode()
    metrics._loop.close()

    told = re.findall(r"mlops_request_seconds_(\w+)\{(?:le=\"([^\"]*)\",)?.*\} (\S+)", text)
    found = {(name, edge): float(value) for name, edge, value in told if name != "created"}
    samples = [sample for family in own.collect() for sample in family.samples]
    assert found == pytest.approx({
        (sample.name.removeprefix("own_"), sample.labels.get("le", "")): sample.value
        for sample in samples if not sample.name.endswith("_created")
    })  # fmt: skip


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
