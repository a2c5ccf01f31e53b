"""Later policies win, metric by metric; what is unset overrides nothing."""

from mlops_spec.link.merge import merge
from mlops_spec.model.spec.gates import Comparison, GatesSpec, MetricLimit
from mlops_spec.model.units import Margin, Share


def gates(**fields: object) -> GatesSpec:
    return GatesSpec(kind="Gates", name="any", **fields)


def test_a_later_limit_replaces_the_whole_limit_of_its_metric() -> None:
    first = gates(metrics={"roc_auc": MetricLimit(min=0.7, max=0.99), "skill": MetricLimit(min=0)})
    second = gates(metrics={"roc_auc": MetricLimit(min=0.8)})

    assert merge("m", [first, second], "binary").metrics == {
        "roc_auc": MetricLimit(min=0.8), "skill": MetricLimit(min=0),
    }  # fmt: skip


def test_scalars_that_are_not_set_override_nothing() -> None:
    first = gates(confidence=Share(0.99), min_rows=500)
    second = gates(decide_on="point")

    assert merge("m", [first, second], "binary") == GatesSpec(
        kind="Gates", name="m", confidence=Share(0.99), min_rows=500, decide_on="point"
    )


def test_primary_becomes_the_metric_of_the_task() -> None:
    policy = gates(production={"primary": Comparison(hypothesis="superiority")})

    assert [
        list(merge("m", [policy], task).production)
        for task in ("binary", "multiclass", "regression")
    ] == [["roc_auc"], ["accuracy"], ["root_mean_squared_error"]]


def test_primary_and_its_metric_are_one_of_which_the_later_policy_wins() -> None:
    better = Comparison(hypothesis="superiority")
    close = Comparison(hypothesis="non_inferiority", margin=Margin(0.01, "pp"))
    explicit, primary = gates(production={"roc_auc": close}), gates(production={"primary": better})

    assert merge("m", [explicit, primary], "binary").production == {"roc_auc": better}
    assert merge("m", [primary, explicit], "binary").production == {"roc_auc": close}


def test_within_one_policy_the_named_metric_says_more_than_primary() -> None:
    better = Comparison(hypothesis="superiority")
    close = Comparison(hypothesis="non_inferiority", margin=Margin(0.01, "pp"))
    policy = gates(production={"roc_auc": close, "primary": better})

    assert merge("m", [policy], "binary").production == {"roc_auc": close}
