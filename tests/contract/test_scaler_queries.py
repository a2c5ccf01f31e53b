"""What a scaler asks Prometheus, answered by Prometheus' own engine while a candidate runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from promtool_path import MINUTES, checked
from trees import objects

from mlops_spec.model.files import FileSet
from mlops_spec.runtime.cluster.instance import Track, instance
from mlops_spec.terms.labels import TRACK, TRACK_SERIES

MODEL = "flight-delay"
EVERY_MINUTE = {"stable": 570, "next": 30}  # a canary of 5%


def query(trees: Mapping[str, FileSet], track: Track) -> str:
    """Of the scaler that a track has of its own."""
    scalers = (
        found
        for _, found in objects(trees["flights/production"])
        if found["kind"] == "ScaledObject"
    )
    (made,) = instance(scalers, MODEL, release="r", image="i", track=track)
    (trigger,) = made["spec"]["triggers"]
    return str(trigger["metadata"]["query"])


def series(track: str, more: int, **told: str) -> dict[str, str]:
    labels = {"model": MODEL, "namespace": "ml", TRACK_SERIES: track, "pod": track, "code": "200"}
    text = ", ".join(f'{key}="{value}"' for key, value in (labels | told).items())
    return {"series": f"mlops_requests_total{{{text}}}", "values": f"0+{more}x{MINUTES}"}


@pytest.mark.parametrize(("track", "per_second"), [("stable", 10.0), ("next", 0.5)])
def test_production_can_take_all_back_and_a_candidate_is_as_large_as_its_share(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str, track: Track, per_second: float
) -> None:
    answered = [series(*one) for one in EVERY_MINUTE.items()]
    checked(tmp_path, promtool, {query(trees, track): per_second}, answered)


@pytest.mark.parametrize(("track", "per_second"), [("stable", 10.0), ("next", 10.0)])
def test_production_is_not_made_larger_by_copies_and_who_answers_them_is(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str, track: Track, per_second: float
) -> None:
    """Half of production's pods are of before anybody said what is a copy."""
    answered = [
        series("stable", 300, shadow="false"),
        series("stable", 300, pod="old"),
        series("next", 600, shadow="true"),
        series("next", 0, shadow="false"),
    ]
    checked(tmp_path, promtool, {query(trees, track): per_second}, answered)


def test_the_pods_that_are_counted_carry_their_track(trees: Mapping[str, FileSet]) -> None:
    """The operator writes a pod's label with an underscore for every sign of its own."""
    (monitor,) = (
        found for _, found in objects(trees["flights/production"]) if found["kind"] == "PodMonitor"
    )
    assert monitor["spec"]["podTargetLabels"] == [TRACK]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["interval"] == "30s"  # a rate over 2 minutes is one of four numbers
    assert TRACK.replace("-", "_").replace("/", "_") == TRACK_SERIES


def test_no_track_is_asked_for_where_none_is_told(trees: Mapping[str, FileSet]) -> None:
    """Argo's Rollout has the copies of both versions; without the operator nobody labels series."""
    asked = {
        name: found["spec"]["triggers"][0]["metadata"]["query"].removeprefix("sum(rate(")
        for name in ("argo/inside", "variants/scaled-by-requests")
        for path, found in objects(trees[name])
        if found["kind"] == "ScaledObject" and "/late-trip/" in path
    }
    assert asked == {
        "argo/inside":
            'mlops_requests_total{model="late-trip", namespace="ml", shadow!="true"}[2m]))',
        "variants/scaled-by-requests":
            'mlops_requests_total{model="late-trip", shadow!="true"}[2m]))',
    }  # fmt: skip
