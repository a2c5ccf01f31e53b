"""kind: Gates. What a model must show before it may serve."""

from __future__ import annotations

from typing import Literal

from mlops_spec.model.names import Name
from mlops_spec.model.spec.base import Change, SpecModel, field
from mlops_spec.model.units import Margin, Share

Hypothesis = Literal["superiority", "margin", "non_inferiority"]


class Limit(SpecModel):
    """A metric's limit: `min` where more is better, `max` where less is."""

    min: float | int | None = field(Change.GATE, "at least", None)
    max: float | int | None = field(Change.GATE, "at most", None)


class Comparison(SpecModel):
    """The candidate against what serves today, on the same held-out rows.

    superiority: better at all. margin: better by more than `margin`. non_inferiority: not worse by
    `margin` or more. Decided on the one-sided lower confidence bound of the paired difference.
    """

    hypothesis: Hypothesis = field(Change.GATE, "superiority, margin or non_inferiority")
    margin: Margin | None = field(Change.GATE, "relative (2%) or in points (0.5pp)", None)


class GatesSpec(SpecModel):
    """A policy: models refer to it by name, and may put their own after it."""

    kind: Literal["Gates"] = field(Change.DOCS, "Gates")
    name: Name = field(Change.GATE, "the name that models refer to")
    description: str = field(Change.DOCS, "what it is for", "")
    metrics: dict[str, Limit] = field(Change.GATE, "limits by metric", {})
    production: dict[str, Comparison] = field(
        Change.GATE, "comparisons with production, by metric", {}
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
    on_inconclusive: Literal["hold", "fail"] | None = field(
        Change.GATE, "hold: exit 5 and wait (default); fail: exit 4", None
    )
