"""kind: Drift. What is watched in production, and when it is too much."""

from __future__ import annotations

from typing import Literal

from mlops_spec.model.names import Cron, Name
from mlops_spec.model.spec.base import Change, SpecModel, field
from mlops_spec.model.units import Duration, Share


class Numeric(SpecModel):
    ks: float | int = field(
        Change.MONITOR, "Kolmogorov-Smirnov distance that counts", 0.1, gt=0, lt=1
    )


class Category(SpecModel):
    psi: float | int = field(Change.MONITOR, "population stability index that counts", 0.2, gt=0)


class Performance(SpecModel):
    """The primary metric on rows whose labels have arrived, against the baseline period."""

    baseline: Duration = field(Change.MONITOR, "first days after promotion", Duration(30 * 86400))
    window: Duration = field(Change.MONITOR, "rolling window", Duration(7 * 86400))
    drop: Share = field(Change.MONITOR, "relative drop that counts", Share(0.03))
    min_rows: int = field(Change.MONITOR, "fewer labelled rows are no data", 500, ge=1)


class DriftSpec(SpecModel):
    """A policy: models refer to it by name."""

    kind: Literal["Drift"] = field(Change.DOCS, "Drift")
    name: Name = field(Change.MONITOR, "the name that models refer to")
    description: str = field(Change.DOCS, "what it is for", "")
    schedule: Cron = field(Change.MONITOR, "when the monitor looks, cron, UTC", "0 * * * *")
    window: Duration = field(
        Change.MONITOR, "predictions of this long are compared", Duration(86400)
    )
    min_rows: int = field(Change.MONITOR, "fewer predictions are no data", 500, ge=1)
    numeric: Numeric = field(Change.MONITOR, "float and integer columns", Numeric())
    category: Category = field(Change.MONITOR, "category and boolean columns", Category())
    confidence: Share = field(Change.MONITOR, "confidence over all columns together", Share(0.95))
    performance: Performance = field(Change.MONITOR, "labelled rows", Performance())
