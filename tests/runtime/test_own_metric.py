"""A metric of the user's: what it is given, what it may return, and what becomes of mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Gates
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.own_metric import given
from mlops_spec.stats.metrics import Judged
from mlops_spec.stats.resample import of_clusters

MODULE = """
import numpy as np

def cost(truth, said):
    return np.where(truth == said, 0.0, np.where(truth == "late", 5.0, 1.0))

def mean_cost(truth, said):
    return cost(truth, said).mean()

def gap(truth, score):
    return score[truth == "late"].mean() - score[truth != "late"].mean()

def broken(truth, said):
    return 1 / 0

def text(truth, said):
    return "good"

def nothing(truth, said):
    return float("nan")

def holes(truth, said):
    return np.where(truth == "late", np.nan, 1.0)

def three(truth, said):
    return np.ones(3)

def constant(truth, said):
    return 0.5

def rows_alike(truth, said):
    return np.ones(len(truth))

NUMBER = 3
"""


@pytest.fixture(autouse=True)
def _module(tmp_path, monkeypatch):
    (tmp_path / "scoring_of_mine.py").write_text(MODULE)
    (tmp_path / "ends_at_once.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)


def judged(strength=1.0, n=600):
    random = np.random.default_rng(0)
    truth = (random.random(n) < 0.4).astype(np.int64)
    score = 1 / (1 + np.exp(-(random.normal(size=n) + strength * (2 * truth - 1))))
    decided = (score > 0.5).astype(np.int64)
    return Judged(truth, score, decided, positive=1, classes=("fine", "late"))


def verdict(rule, candidate=None, production=None, **parts):
    evidence = Evidence(candidate or judged(), production, **parts)
    gates = Gates((AtLeast("roc_auc", 0.1), rule))
    return decide(gates, evidence, "binary")[1]


def test_the_function_is_given_what_the_user_wrote():
    rows = judged(n=4)
    truth, said = given(rows, "decisions")
    assert set(truth.tolist()) | set(said.tolist()) <= {"fine", "late"}
    assert truth.tolist() == [("fine", "late")[place] for place in rows.truth]
    assert given(rows, "scores")[1] is rows.scores


@pytest.mark.parametrize(
    ("rule", "outcome", "method"),
    [
        (AtMost("scoring_of_mine.mean_cost", 0.8), "pass", "BCa bootstrap"),
        (AtMost("scoring_of_mine.mean_cost", 0.1), "fail", "BCa bootstrap"),
        (AtMost("scoring_of_mine.cost", 0.8), "pass", "mean of rows"),
        (AtLeast("scoring_of_mine.gap", 0.1, "scores"), "pass", "BCa bootstrap"),
        (AtLeast("scoring_of_mine.constant", 0.1), "no_data", "BCa bootstrap"),
        (AtLeast("scoring_of_mine.rows_alike", 0.1), "no_data", ""),
    ],
)
def test_one_number_or_one_a_row(rule, outcome, method):
    found = verdict(rule)
    assert (found.check, found.outcome, found.method) == (rule.metric, outcome, method)


def test_the_two_forms_agree():
    one = verdict(AtMost("scoring_of_mine.mean_cost", 0.8))
    other = verdict(AtMost("scoring_of_mine.cost", 0.8))
    assert one.estimate == pytest.approx(other.estimate)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), rel=0.05)


@pytest.mark.parametrize("function", ["mean_cost", "cost"])
@pytest.mark.parametrize(("strength", "outcome"), [(1.6, "pass"), (0.4, "fail")])
def test_a_comparison_is_paired(function, strength, outcome):
    rule = Against(f"scoring_of_mine.{function}", "superiority", better="less")
    found = verdict(rule, judged(strength), judged())
    assert (found.outcome, found.method.endswith(", paired")) == (outcome, True)
    assert found.limit == "Δ < +0"


def test_rows_that_go_together_widen_it():
    units = of_clusters(np.arange(600) // 20)
    for function in ("mean_cost", "cost"):
        rule = AtMost(f"scoring_of_mine.{function}", 0.8)
        found = verdict(rule, units=units)
        assert (found.outcome, found.n) == ("pass", 600)
        assert found.low != pytest.approx(verdict(rule).low)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nowhere_at_all.metric", "cannot import 'nowhere_at_all'"),
        ("ends_at_once.metric", "'ends_at_once' fails when it is imported: SystemExit: 3"),
        ("scoring_of_mine.csot", "scoring_of_mine has no 'csot' (did you mean 'cost'?)"),
        ("scoring_of_mine.NUMBER", "scoring_of_mine.NUMBER is int, not a function"),
        ("scoring_of_mine.broken", "scoring_of_mine.broken fails: ZeroDivisionError: division by"),
        ("scoring_of_mine.text", "scoring_of_mine.text fails: ValueError: could not convert"),
        ("scoring_of_mine.nothing", "scoring_of_mine.nothing does not return a number that is"),
        (
            "scoring_of_mine.holes",
            "scoring_of_mine.holes does not return a number for every row that is finite",
        ),
        (
            "scoring_of_mine.three",
            "scoring_of_mine.three returns an array of shape (3,); one number was expected, or one "
            "for each of 600 rows",
        ),
    ],
)
def test_a_mistake_is_an_error_with_its_reason(path, reason):
    rules = AtLeast(path, -9.0), Against(path, "non_inferiority", 9.0, better="more")
    for rule in rules:
        found = verdict(rule, production=judged())
        assert found.outcome == "error"
        assert found.reason.startswith(reason)


def test_a_comparison_that_does_not_say_which_way_is_an_error():
    found = verdict(Against("scoring_of_mine.cost", "superiority"), production=judged())
    assert (found.outcome, found.reason) == (
        "error", "`better` does not say which way scoring_of_mine.cost is better",
    )  # fmt: skip
