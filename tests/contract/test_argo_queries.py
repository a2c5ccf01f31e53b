"""What Argo asks Prometheus, answered by Prometheus' own engine on series with known numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from promtool_path import MINUTES, checked
from trees import objects

from mlops_spec.model.files import FileSet
from mlops_spec.runtime.service.metrics import BUCKETS
from mlops_spec.stats.proportions import wilson
from mlops_spec.terms.exposition import LONGEST_SECONDS

HASH = "5d4f8c"


@pytest.fixture
def metrics(trees: Mapping[str, FileSet]) -> Mapping[str, Mapping[str, Any]]:
    """`topic/metric` of late-trip, whose Rollout is judged at 95 %."""
    return {
        f"{found['metadata']['name'].removeprefix('late-trip-')}/{metric['name']}": metric
        for path, found in objects(trees["argo/inside"])
        if found["kind"] == "AnalysisTemplate" and "/late-trip/" in path
        for metric in found["spec"]["metrics"]
    }


@pytest.fixture
def queries(metrics: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
    return {
        name: metric["provider"]["prometheus"]["query"].replace("{{args.hash}}", HASH)
        for name, metric in metrics.items()
    }


def _counter(name: str, count: int, **labels: str) -> dict[str, str]:
    """A series of a pod of the new version that comes to a count, with every scrape alike."""
    own = {"model": "late-trip", "namespace": "ml", "rollouts_pod_template_hash": HASH}
    text = ", ".join(f'{key}="{value}"' for key, value in {**own, **labels}.items())
    return {"series": f"{name}{{{text}}}", "values": f"{count}x{MINUTES}"}


def test_the_share_of_failures_is_bounded_as_wilson_bounds_it(
    queries: Mapping[str, str], tmp_path: Path, promtool: str
) -> None:
    """Two pods, one of which failed 12 times; the version before it is not counted."""
    series = [
        _counter("mlops_requests_total", 1000, pod="a", code="200"),
        _counter("mlops_requests_total", 488, pod="b", code="200"),
        _counter("mlops_requests_total", 12, pod="b", code="503"),
        _counter("mlops_requests_total", 7000, code="500", rollouts_pod_template_hash="before"),
    ]
    bounds = wilson(12, 1500, 0.90)  # two ends of 95 %
    expected = {
        queries["traffic/requests"]: 1500,
        queries["harm/errors"]: bounds.low,
        queries["verdict/errors"]: bounds.high,
    }
    checked(tmp_path, promtool, expected, series)


def test_a_worker_that_died_is_a_failure_of_its_release(
    queries: Mapping[str, str], tmp_path: Path, promtool: str
) -> None:
    series = [
        _counter("mlops_requests_total", 500, pod="a", code="200"),
        _counter("mlops_workers_died_total", 2, pod="a"),
    ]
    bounds = wilson(2, 502, 0.90)
    expected = {queries["harm/errors"]: bounds.low, queries["verdict/errors"]: bounds.high}
    checked(tmp_path, promtool, expected, series)


def test_no_failure_is_a_share_of_zero_and_not_no_answer(
    queries: Mapping[str, str], tmp_path: Path, promtool: str
) -> None:
    series = [_counter("mlops_requests_total", 500, code="200")]
    expected = {
        queries["harm/errors"]: 0,
        queries["verdict/errors"]: wilson(0, 500, 0.90).high,
    }
    checked(tmp_path, promtool, expected, series)


def test_nothing_heard_is_no_answer(
    queries: Mapping[str, str], tmp_path: Path, promtool: str
) -> None:
    checked(tmp_path, promtool, dict.fromkeys(queries.values()), [])


def test_p99_is_where_99_of_100_answers_lie(
    queries: Mapping[str, str], tmp_path: Path, promtool: str
) -> None:
    counts = {"0.05": 980, "0.1": 1000, "+Inf": 1000}
    series = [_counter("mlops_request_seconds_bucket", n, le=le) for le, n in counts.items()]
    checked(tmp_path, promtool, dict.fromkeys((queries["verdict/p99"],), 0.075), series)


def test_a_pass_needs_an_answer_and_harm_does_too(metrics: Mapping[str, Mapping[str, Any]]) -> None:
    conditions = {name: metric["successCondition"] for name, metric in metrics.items()}
    assert conditions == {
        "traffic/requests": "len(result) > 0 && result[0] >= 2000",
        "harm/errors": "len(result) == 0 || isNaN(result[0]) || result[0] <= 0.01",
        "harm/p99": "len(result) == 0 || isNaN(result[0]) || result[0] <= 0.1",
        "verdict/errors": "len(result) > 0 && !isNaN(result[0]) && result[0] <= 0.01",
        "verdict/p99": "len(result) > 0 && !isNaN(result[0]) && result[0] <= 0.1",
    }


def test_a_step_ends_with_the_first_look_that_sees_enough_or_with_at_most(
    metrics: Mapping[str, Mapping[str, Any]],
) -> None:
    """2 h of looks, every 30 s, and the last of them may still succeed."""
    waiting = metrics["traffic/requests"]
    assert (waiting["interval"], waiting["count"]) == ("30s", 240)
    assert (waiting["failureLimit"], waiting["consecutiveSuccessLimit"]) == (239, 1)
    # Argo's controller refuses steps with a metric that runs indefinitely.
    assert all("interval" not in metrics[f"verdict/{name}"] for name in ("errors", "p99"))


def test_the_steps_of_a_rollout(trees: Mapping[str, FileSet]) -> None:
    (found,) = (
        made for path, made in objects(trees["argo/inside"])
        if made["kind"] == "Rollout" and "/late-trip/" in path
    )  # fmt: skip
    canary = found["spec"]["strategy"]["canary"]
    steps = [_words(step) for step in canary["steps"]]
    assert steps == ["50 %", "600s", "traffic", "verdict", "100 %", "600s", "traffic", "verdict"]
    assert _words({"analysis": canary["analysis"]}) == "harm"


def _words(step: Mapping[str, Any]) -> str:
    match step:
        case {"setWeight": share}:
            return f"{share} %"
        case {"pause": {"duration": text}}:
            return str(text)
        case _:
            (template,) = step["analysis"]["templates"]
            return str(template["templateName"]).removeprefix("late-trip-")


def test_no_limit_of_p99_lies_beyond_what_the_histogram_tells() -> None:
    assert BUCKETS[-1] == LONGEST_SECONDS
