"""Gates: decided on bounds, on the same rows, against production; nothing unknown ever passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from learning import DATASET, FACETS, RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Gates
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.train.baseline import baseline_of
from mlops_spec.state import Deployment
from mlops_spec.stats.metrics import Judged
from mlops_spec.terms.verdict import Verdict

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def judged(strength=1.0, n=1000, seed=0):
    """Rows of one seed have the same truth, whatever the strength of the model."""
    random = np.random.default_rng(seed)
    truth = (random.random(n) < 0.4).astype(np.int64)
    noise = random.normal(size=n)
    score = 1 / (1 + np.exp(-(noise + strength * (2 * truth - 1))))
    return Judged(truth, score, (score > 0.5).astype(np.int64), positive=1)


def outcomes(*rules, candidate=None, production=None, obstacle="", task="binary", **settings):
    evidence = Evidence(candidate or judged(), production, obstacle)
    verdicts = decide(Gates(rules, **settings), evidence, task)
    return [(verdict.check, verdict.outcome.value) for verdict in verdicts]


FLOOR = AtLeast("roc_auc", 0.5)


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        (AtLeast("roc_auc", 0.85), "pass"),
        (AtLeast("roc_auc", 0.91), "inconclusive"),
        (AtLeast("roc_auc", 0.97), "fail"),
        (AtMost("brier_score", 0.20), "pass"),
        (AtMost("brier_score", 0.125), "inconclusive"),
        (AtMost("brier_score", 0.05), "fail"),
    ],
)
def test_a_limit_is_decided_on_the_bound(rule, outcome):
    assert outcomes(rule) == [(rule.metric, outcome)]


def test_decided_on_the_point_there_is_no_doubt():
    assert outcomes(AtLeast("roc_auc", 0.91), decide_on="point") in (
        [("roc_auc", "pass")], [("roc_auc", "fail")],
    )  # fmt: skip


def test_a_verdict_shows_the_bounds_it_was_decided_on():
    verdict = decide(Gates((AtLeast("accuracy", 0.5),)), Evidence(judged(), None), "binary")[0]
    assert verdict.line() == "accuracy: PASS  0.833  [0.8127, 0.8515]  n=1000  limit ≥ 0.5"


def test_a_verdict_without_a_decision_says_how_many_rows_it_needs():
    verdict = decide(Gates((AtLeast("accuracy", 0.83),)), Evidence(judged(), None), "binary")[0]
    assert verdict.outcome == "inconclusive"
    assert verdict.n_enough > 1000


@pytest.mark.parametrize("rule", [FLOOR, AtMost("brier_score", 0.9), AtLeast("recall", 0.01)])
def test_fewer_rows_than_asked_for_are_no_data(rule):
    assert outcomes(rule, candidate=judged(n=99)) == [(rule.metric, "no_data")]


def test_recall_counts_the_positives_not_the_rows():
    assert outcomes(AtLeast("recall", 0.1), candidate=judged(n=150)) == [("recall", "no_data")]


@pytest.mark.parametrize(
    "metric", ["roc_auc", "brier_score", "f1", "accuracy", "average_precision"]
)
def test_a_score_that_is_not_a_number_never_passes(metric):
    rows_ = judged()
    rows_.scores[3] = np.nan
    for rule in (AtLeast(metric, -1.0), AtMost(metric, 2.0)):
        assert outcomes(rule, candidate=rows_) == [(metric, "no_data")]


@pytest.mark.parametrize("rule", [AtLeast("roc_auc", float("nan")), AtMost("f1", float("nan"))])
def test_a_limit_that_is_not_a_number_never_passes(rule):
    assert outcomes(rule) == [(rule.metric, "no_data")]


def test_a_metric_of_another_task_is_an_error():
    assert outcomes(AtMost("r2", 1.0)) == [("r2", "error")]


def test_gates_without_a_limit_of_their_own_decide_nothing_for_a_first_model():
    assert outcomes(Against("roc_auc", "superiority")) == [("limits", "no_data")]
    assert outcomes() == [("limits", "no_data")]


def test_a_first_model_is_decided_on_its_limits_alone():
    assert outcomes(FLOOR, Against("roc_auc", "superiority")) == [("roc_auc", "pass")]


AGAINST = {
    "better is superior": (1.6, Against("roc_auc", "superiority"), "pass"),
    "the same is not superior": (1.0, Against("roc_auc", "superiority"), "inconclusive"),
    "the same is not promoted": (
        1.0, Against("roc_auc", "non_inferiority", 0.005, "pp"), "inconclusive",
    ),
    "worse is inferior": (0.5, Against("roc_auc", "non_inferiority", 0.005, "pp"), "fail"),
    "better by less than the margin": (1.1, Against("roc_auc", "margin", 0.10, "pp"), "fail"),
    "better by more than the margin": (1.6, Against("roc_auc", "margin", 0.01, "pp"), "pass"),
    "a relative margin is of production's value": (
        1.6, Against("roc_auc", "margin", 0.02, "%"), "pass",
    ),
    "less loss is better": (1.6, Against("log_loss", "superiority"), "pass"),
    "more loss is worse": (0.5, Against("brier_score", "non_inferiority", 0.01), "fail"),
    "shares are paired": (1.6, Against("accuracy", "superiority"), "pass"),
    "the bootstrap is paired": (1.6, Against("average_precision", "superiority"), "pass"),
}  # fmt: skip


@pytest.mark.parametrize("case", AGAINST)
def test_against_production_on_the_same_rows(case):
    strength, rule, outcome = AGAINST[case]
    found = outcomes(FLOOR, rule, candidate=judged(strength), production=judged())
    check = f"{rule.metric} {rule.hypothesis.replace('_', '-')}"
    assert found == [("roc_auc", "pass"), (check, outcome)]


def test_production_that_cannot_score_the_rows_is_an_error_never_a_pass():
    rule = Against("roc_auc", "non_inferiority", 0.5, "pp")
    assert outcomes(FLOOR, rule, obstacle="gone") == [
        ("roc_auc", "pass"), ("roc_auc non-inferiority", "error"),
    ]  # fmt: skip


# From here on with real models.
ALIKE = "both answer every row alike: nothing to promote"
GATES = Gates((AtLeast("roc_auc", 0.6), Against("roc_auc", "non_inferiority", 0.05, "pp")))


@pytest.fixture
def place(tmp_path):
    put(tmp_path, rows())
    return context(tmp_path)


def serve(place, run, role="production"):
    place.deployments.save(Deployment(place.model, f"release-{run}", run, "1", role))


def other(place, facets, dataset=DATASET, recipe=RECIPE):
    changed = replace(place, facets={**FACETS, **facets})
    return changed, trained(changed, dataset, recipe)


def test_a_first_model_says_that_it_is_one(place):
    output = gate(place, GATES, RECIPE, trained(place))
    assert (output["outcome"], output["baseline"], output["first_model"]) == ("pass", "", True)
    assert [verdict["check"] for verdict in output["verdicts"]] == ["roc_auc"]


def test_a_second_model_is_compared_with_what_serves(place):
    first = trained(place)
    serve(place, first)
    stump = replace(RECIPE, features=("distance",))
    changed, second = other(place, {"train": "t2"}, recipe=stump)
    output = gate(changed, GATES, stump, second)
    assert (output["outcome"], output["baseline"]) == ("fail", first)
    line = Verdict.from_json(output["verdicts"][1]).line()
    assert line.startswith("roc_auc non-inferiority: FAIL  -0.")
    assert "same rows" in line


def test_production_that_needs_a_lost_column_is_an_error(place, tmp_path):
    first = trained(place)
    serve(place, first)
    fewer = replace(DATASET, columns=tuple(c for c in DATASET.columns if c.name != "distance"))
    recipe = replace(RECIPE, features=("ώρα", "carrier"))
    changed, second = other(place, {"train": "t2", "data": "d2"}, fewer, recipe)
    output = gate(changed, GATES, recipe, second)
    assert output["outcome"] == "error"
    assert output["verdicts"][1]["reason"] == (
        "production needs the column 'distance', which the rows no longer have; keep it in "
        "`columns` until a model without it is in production"
    )


def test_a_feature_that_means_another_thing_now_is_an_error(place):
    first = trained(place)
    serve(place, first)
    columns = tuple(
        replace(c, type="category", min=None, max=None) if c.name == "ώρα" else c
        for c in DATASET.columns
    )
    changed, second = other(place, {"train": "t2"}, replace(DATASET, columns=columns))
    output = gate(changed, GATES, RECIPE, second)
    assert output["outcome"] == "error"
    assert output["verdicts"][1]["reason"].startswith(
        "production was trained on 'ώρα' as integer, which is category now; "
    )


def test_a_whole_number_may_become_a_fraction(place):
    serve(place, trained(place))
    columns = tuple(replace(c, type="float") if c.name == "ώρα" else c for c in DATASET.columns)
    changed, second = other(place, {"train": "t2"}, replace(DATASET, columns=columns))
    output = gate(changed, GATES, RECIPE, second)
    assert output["outcome"] == "inconclusive"
    assert output["verdicts"][1]["reason"].startswith(ALIKE)


def test_a_model_that_was_trained_again_unchanged_is_held(place):
    serve(place, trained(place))
    changed, second = other(place, {"train": "t2"}, recipe=replace(RECIPE, seed=3))
    output = gate(changed, GATES, RECIPE, second)
    assert [one["outcome"] for one in output["verdicts"]] == ["pass", "inconclusive"]
    assert Verdict.from_json(output["verdicts"][1]).line() == (
        "roc_auc non-inferiority: INCONCLUSIVE  0  n=120  limit Δ > -0.05  "
        f"({ALIKE}; on_inconclusive: hold decides)"
    )


def test_production_whose_model_is_gone_is_an_error(place):
    serve(place, "vanished")
    output = gate(place, GATES, RECIPE, trained(place))
    assert output["outcome"] == "error"
    assert "production's model cannot be loaded" in output["verdicts"][1]["reason"]


def test_production_is_gated_again_on_what_it_was_compared_with(place):
    first = trained(place)
    gate(place, GATES, RECIPE, first)
    serve(place, first)
    assert baseline_of(place, first) == ""
    changed, second = other(place, {"train": "t2"}, recipe=replace(RECIPE, seed=3))
    gate(changed, GATES, RECIPE, second)
    serve(place, first, "previous")
    serve(place, second)
    assert baseline_of(place, second) == first
    assert baseline_of(place, first) == second
    stricter = replace(changed, facets={**changed.facets, "gate": "g2"})
    assert gate(stricter, GATES, RECIPE, second)["baseline"] == first


def test_a_gate_decided_once_is_not_decided_again(place):
    run = trained(place)
    first = gate(place, GATES, RECIPE, run)
    impossible = Gates((AtLeast("roc_auc", 1.0),))
    assert gate(place, impossible, RECIPE, run) == first
