"""kind: Gates. What a model must show before it may serve."""

from __future__ import annotations

from typing import Literal

from mlops_spec.model.names import ColumnName, Name
from mlops_spec.model.spec.base import Change, SpecModel, field
from mlops_spec.model.units import Bytes, Duration, Margin, Share

Hypothesis = Literal["superiority", "margin", "non_inferiority"]
Of = Literal["decisions", "scores"]
Calibrated = Literal["ece", "debiased_l2", "slope", "in_the_large"]
Quantile = Literal["p50", "p95", "p99"]
Cuts = dict[ColumnName, tuple[float | int, ...]]


class Limit(SpecModel):
    """A metric's limit: `min` where more is better, `max` where less is."""

    min: float | int | None = field(Change.GATE, "at least", None)
    max: float | int | None = field(Change.GATE, "at most", None)


class MetricLimit(Limit):
    """A limit on a metric by its name, or on a function of the user's by its dotted path."""

    of: Of | None = field(
        Change.GATE, "what a function of yours is given beside the truth (default decisions)", None
    )


class Comparison(SpecModel):
    """The candidate against what serves today, on the same held-out rows.

    superiority: better at all. margin: better by more than `margin`. non_inferiority: not worse by
    `margin` or more. Decided on the one-sided lower confidence bound of the paired difference.
    """

    hypothesis: Hypothesis = field(Change.GATE, "superiority, margin or non_inferiority")
    margin: Margin | None = field(Change.GATE, "relative (2%) or in points (0.5pp)", None)
    better: Literal["more", "less"] | None = field(
        Change.GATE, "which way is better, for a function of yours", None
    )
    of: Of | None = field(
        Change.GATE, "what a function of yours is given beside the truth (default decisions)", None
    )


class Segments(SpecModel):
    """A metric in every group of held-out rows; `by` several columns crosses them.

    not_refuted: no group's interval, all of them taken together, lies beyond the limit. shown:
    every group's interval clears it. Groups below `min_rows` are judged together, as the rest.
    """

    by: tuple[ColumnName, ...] = field(Change.GATE, "the columns, crossed", min_length=1)
    metric: str = field(Change.GATE, "a metric by name; primary is the task's own", "primary")
    min: float | int | None = field(Change.GATE, "at least, in every group", None)
    max: float | int | None = field(Change.GATE, "at most, in every group", None)
    hypothesis: Hypothesis | None = field(
        Change.GATE, "compare with production in every group", None
    )
    margin: Margin | None = field(Change.GATE, "of the comparison", None)
    require: Literal["shown", "not_refuted"] = field(
        Change.GATE, "shown for every group, or refuted for none", "not_refuted"
    )
    min_rows: int = field(Change.GATE, "smaller groups are judged together", 200, ge=1)
    cuts: Cuts = field(Change.GATE, "where a numeric column is cut into ranges", {})


class Disparity(SpecModel):
    """A limit on how far groups lie apart. Fails only on evidence, passes only on evidence."""

    max: float | int | None = field(Change.GATE, "at most (a difference)", None)
    min: float | int | None = field(Change.GATE, "at least (a ratio)", None)
    no_worse_by: Margin | None = field(
        Change.GATE, "at most this much above production's, on the same rows (2pp)", None
    )


class Fairness(SpecModel):
    """How differently a binary model treats the groups of one attribute, or of several crossed."""

    by: tuple[ColumnName, ...] = field(Change.GATE, "the columns, crossed", min_length=1)
    demographic_parity_difference: Disparity | None = field(
        Change.GATE, "between the shares of positive decisions", None
    )
    demographic_parity_ratio: Disparity | None = field(
        Change.GATE, "smallest by largest share of positive decisions", None
    )
    equal_opportunity_difference: Disparity | None = field(
        Change.GATE, "between the shares of positives that are found", None
    )
    equalized_odds_difference: Disparity | None = field(
        Change.GATE, "the larger of the differences in true and in false positive rates", None
    )
    min_rows: int = field(Change.GATE, "fewest rows in the denominator of a group's rate", 30, ge=1)
    cuts: Cuts = field(Change.GATE, "where a numeric column is cut into ranges", {})


class LatencyLimit(SpecModel):
    """One row scored by the portable model: a quantile of the time that takes."""

    max: Duration | None = field(Change.GATE, "at most", None)
    slower_by: Margin | None = field(
        Change.GATE, "at most this much slower than production (10%), measured in turns", None
    )


class ShareLimit(SpecModel):
    """A share that must stay small."""

    max: Share = field(Change.GATE, "at most")


class SizeLimit(SpecModel):
    """The portable model on disk."""

    max: Bytes = field(Change.GATE, "at most, such as 50MB")


class Stability(SpecModel):
    """Predictions under small noise: what changes when every number moves a little."""

    noise: Share = field(Change.GATE, "of each numeric feature's standard deviation", Share(0.01))
    changed: ShareLimit = field(Change.GATE, "share of decisions that may change")


class Leakage(SpecModel):
    """What makes a held-out result too good: a feature that is the label, rows seen before."""

    single_feature: Limit | None = field(
        Change.GATE, "how well one feature alone may rank the label (max, an AUC)", None
    )
    duplicates: ShareLimit | None = field(
        Change.GATE,
        "share of held-out rows that stand, feature by feature, in the training rows",
        None,
    )


class Consistency(SpecModel):
    """What is served against what was trained: the portable model's answers to held-out rows."""

    difference: Limit | None = field(Change.GATE, "largest difference of a score (max)", None)
    changed: ShareLimit | None = field(Change.GATE, "share of decisions that may differ", None)


class GatesSpec(SpecModel):
    """A policy: models refer to it by name, and may put their own after it."""

    kind: Literal["Gates"] = field(Change.DOCS, "Gates")
    name: Name = field(Change.GATE, "the name that models refer to")
    description: str = field(Change.DOCS, "what it is for", "")
    metrics: dict[str, MetricLimit] = field(
        Change.GATE, "limits by metric, or by the dotted path of a function of yours", {}
    )
    production: dict[str, Comparison] = field(
        Change.GATE, "comparisons with production, by metric", {}
    )
    segments: dict[Name, Segments] = field(
        Change.GATE, "a metric in every group, by a name of yours", {}
    )
    fairness: dict[Name, Fairness] = field(
        Change.GATE, "limits on disparity, by a name of yours", {}
    )
    calibration: dict[Calibrated, Limit] = field(
        Change.GATE, "ece, debiased_l2, slope, in_the_large", {}
    )
    latency: dict[Quantile, LatencyLimit] = field(Change.GATE, "p50, p95, p99", {})
    size: SizeLimit | None = field(Change.GATE, "the portable model on disk", None)
    stability: Stability | None = field(Change.GATE, "predictions under small noise", None)
    leakage: Leakage | None = field(Change.GATE, "what makes a result too good", None)
    consistency: Consistency | None = field(
        Change.GATE, "what is served against scikit-learn", None
    )
    confidence: Share | None = field(
        Change.GATE, "one-sided confidence of every bound (default 95%)", None
    )
    decide_on: Literal["bound", "point"] | None = field(
        Change.GATE, "bound: the interval must clear the limit (default); point: the estimate", None
    )
    min_rows: int | None = field(
        Change.GATE, "fewer held-out rows are no data (default 100)", None, ge=1
    )
    cluster: ColumnName | None = field(
        Change.GATE, "rows that share a value count as one (a customer, a session)", None
    )
    blocks: Duration | None = field(
        Change.GATE,
        "rows of one stretch of time count as one (1d); with cluster, of one cluster in it",
        None,
    )
    evaluation_budget: int | None = field(
        Change.GATE, "candidates that one set of held-out rows may judge (default 50)", None, ge=1
    )
    on_inconclusive: Literal["hold", "fail", "need_approval"] | None = field(
        Change.GATE,
        "hold: exit 5 and wait (default); fail: exit 4; need_approval: exit 3 until approved",
        None,
    )
