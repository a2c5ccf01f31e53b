"""Gates as literals of rendered flows: a rule is one frozen value. No pydantic, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Of = Literal["decisions", "scores"]
Cuts = Mapping[str, tuple[float, ...]]
Disparity = Literal[
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "equalized_odds_difference",
]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`metric` is a name of terms.metrics, or the dotted path of a function(truth, said)."""

    metric: str
    limit: float
    of: Of = "decisions"


@dataclass(frozen=True, slots=True)
class AtMost:
    metric: str
    limit: float
    of: Of = "decisions"


@dataclass(frozen=True, slots=True)
class Against:
    """A comparison with production. `unit` of the margin: `%` relative, `pp` or "" absolute.

    `better` says which way is better for a function of the user's.
    """

    metric: str
    hypothesis: Literal["superiority", "margin", "non_inferiority"]
    margin: float = 0.0  # 0.02 for 2%, 0.005 for 0.5pp
    unit: Literal["%", "pp", ""] = ""
    better: Literal["more", "less"] | None = None
    of: Of = "decisions"


@dataclass(frozen=True, slots=True)
class Segments:
    """A rule in every group of rows. `cuts` turns a numeric column into ranges."""

    name: str
    by: tuple[str, ...]
    rule: AtLeast | AtMost | Against
    require: Literal["shown", "not_refuted"] = "not_refuted"
    min_rows: int = 200
    cuts: Cuts = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Fair:
    """`most` of a difference, `least` of a ratio; `no_worse_by`: a share above production's."""

    name: str
    by: tuple[str, ...]
    measure: Disparity
    most: float | None = None
    least: float | None = None
    no_worse_by: float | None = None
    min_rows: int = 30  # in the denominator of a group's rate
    cuts: Cuts = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Calibrated:
    measure: Literal["ece", "debiased_l2", "slope", "in_the_large"]
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """One row scored by the portable model. `slower_by`: a share of production's quantile."""

    quantile: float  # 0.99 for p99
    most: float | None = None  # seconds
    slower_by: float | None = None


@dataclass(frozen=True, slots=True)
class ModelSize:
    most: int  # bytes


@dataclass(frozen=True, slots=True)
class Stable:
    noise: float  # share of each numeric feature's standard deviation
    most: float  # share of decisions that may change


@dataclass(frozen=True, slots=True)
class Leakage:
    single_feature: float | None = None  # the largest AUC that one feature may have alone
    duplicates: float | None = None  # the largest share of held-out rows seen in training


@dataclass(frozen=True, slots=True)
class Consistent:
    difference: float | None = None  # the largest difference of a score
    changed: float | None = None  # the largest share of decisions that differ


Gate = (
    AtLeast | AtMost | Against | Segments | Fair | Calibrated
    | Latency | ModelSize | Stable | Leakage | Consistent
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gates:
    gates: tuple[Gate, ...]
    confidence: float = 0.95  # one-sided
    decide_on: Literal["bound", "point"] = "bound"
    min_rows: int = 100
    on_inconclusive: Literal["hold", "fail", "need_approval"] = "hold"
    cluster: str | None = None  # rows that share a value of this column count as one
    blocks: float | None = None  # seconds; rows of one stretch of time count as one
    evaluation_budget: int = 50
