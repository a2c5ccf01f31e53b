"""Which way a gate moved."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_spec.apply.reasons import in_words
from mlops_spec.apply.strictness import strictness
from mlops_spec.model.facets import FieldChange
from mlops_spec.model.spec.base import Change

LOOSER = [
    ("gates.metrics.roc_auc.min", 0.7, 0.65),
    ("gates.metrics.roc_auc.min", 0.7, None),
    ("gates.metrics.brier_score.max", 0.2, 0.25),
    ("gates.production.roc_auc.hypothesis", "superiority", "non_inferiority"),
    ("gates.production.roc_auc.hypothesis", "non_inferiority", None),
    ("gates.segments.zones.require", "shown", "not_refuted"),
    ("gates.fairness.zone.equalized_odds_difference.no_worse_by", "2pp", "3pp"),
    ("gates.latency.p99.max", "20ms", "1s"),
    ("gates.latency.p99.slower_by", "5%", "10%"),
    ("gates.size.max", "900kB", "1MB"),
    ("gates.confidence", "95%", "90%"),
    ("gates.confidence", "99%", None),
    ("gates.decide_on", None, "point"),
    ("gates.min_rows", 1000, None),
    ("gates.evaluation_budget", None, 100),
    ("gates.on_inconclusive", "fail", None),
    ("gates.cluster", "customer", None),
    ("gates.stability.noise", "2%", "1%"),
]


def way(path: str, before: Any, after: Any, **fields: Any) -> str | None:
    change = FieldChange(path, Change.GATE, before, after)
    return strictness([change], {path: after, **fields}).get(path)


@pytest.mark.parametrize(("path", "before", "after"), LOOSER)
def test_a_gate_that_lets_more_through_is_looser_and_back_again_stricter(
    path: str, before: Any, after: Any
) -> None:
    assert (way(path, before, after), way(path, after, before)) == ("looser", "stricter")


@pytest.mark.parametrize(
    ("hypothesis", "told"), [("non_inferiority", "looser"), ("margin", "stricter")]
)
def test_a_larger_margin_is_looser_only_where_it_may_be_lost(hypothesis: str, told: str) -> None:
    of = {"gates.production.roc_auc.hypothesis": hypothesis}

    assert way("gates.production.roc_auc.margin", "1pp", "2pp", **of) == told


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("gates.production.roc_auc.margin", "1%", "2pp"),
        ("gates.segments.zones.by", ["a"], ["b"]),
        ("gates.segments.zones.min_rows", 100, 200),
        ("gates.evaluation_budget", None, 50),
    ],
)
def test_what_nobody_can_compare_is_left_out(path: str, before: Any, after: Any) -> None:
    assert way(path, before, after) is None


def test_only_gates_are_looser() -> None:
    change = FieldChange("model.serve.max", Change.SERVE, 1, 2)

    assert strictness([change], {}) == {}


def test_a_reason_says_that_a_gate_is_looser() -> None:
    change = FieldChange("gates.metrics.roc_auc.min", Change.GATE, 0.7, 0.65)

    assert list(in_words([change], {change.path: "looser"})) == [
        "gates.metrics.roc_auc.min: 0.7 → 0.65: looser"
    ]
