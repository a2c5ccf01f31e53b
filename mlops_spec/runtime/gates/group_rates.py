"""Rates of the groups that a fairness rule compares, in words and as parts of its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.declare import Fair, Gates
from mlops_spec.runtime.gates.groups import Groups
from mlops_spec.runtime.gates.segment_summary import SHOWN
from mlops_spec.stats.clustered_rates import clustered_rates
from mlops_spec.stats.estimate import two_sided
from mlops_spec.stats.fairness import Decisions, GroupRate, RateName, compared, rates, weighed
from mlops_spec.stats.newcombe import wilson_bounds
from mlops_spec.stats.resample import Units
from mlops_spec.terms.verdict import Outcome, Verdict

RATES: Final[dict[str, tuple[RateName, ...]]] = {
    "demographic_parity_difference": ("selection_rate",),
    "demographic_parity_ratio": ("selection_rate",),
    "equal_opportunity_difference": ("true_positive_rate",),
    "equalized_odds_difference": ("true_positive_rate", "false_positive_rate"),
}
_WORDS: Final = {
    "selection_rate": ("positive decisions", "rows"),
    "true_positive_rate": ("positives found", "positives"),
    "false_positive_rate": ("false alarms", "negatives"),
}
_MOST_LEFT_OUT: Final = 20  # parts for groups that were not compared

Families = tuple[tuple[GroupRate, ...], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule with the rows it is about, in groups."""

    rule: Fair
    gates: Gates
    groups: Groups
    decisions: Decisions
    units: Units | None

    @property
    def check(self) -> str:
        return f"fairness.{self.rule.name} {self.rule.measure}"

    @property
    def level(self) -> float:
        return two_sided(self.gates.confidence)

    def families(self) -> Families:
        """For each rate of the measure, that of every group."""
        names = RATES[self.rule.measure]
        if self.units is None:
            return tuple(rates(name, self.decisions) for name in names)
        return tuple(clustered_rates(name, self.decisions, self.units) for name in names)

    def name(self, one: GroupRate) -> str:
        return self.groups.name(int(one.group))


def rate_parts(asked: Asked, families: Families, outcome: Outcome) -> tuple[Verdict, ...]:
    """A verdict for each group: its rate with Wilson's interval, the lowest rate first.

    The outcome is that of the rule for the two groups that lie furthest apart. A group that was not
    compared has no data.
    """
    found: list[Verdict] = []
    for name, family in zip(RATES[asked.rule.measure], families, strict=True):
        kept, left_out = compared(family, asked.rule.min_rows)
        ordered = sorted(kept, key=lambda one: (one.rate or 0.0, asked.name(one)))
        of_each = [Outcome.PASS if len(kept) > 1 else Outcome.NO_DATA] * len(kept)
        if len(kept) > 1:
            of_each[0] = of_each[-1] = outcome
        what = _WORDS[name][0]
        found += [_part(asked, one, what, way) for one, way in zip(ordered, of_each, strict=True)]
        found += [_left_out(asked, one, name) for one in left_out[:_MOST_LEFT_OUT]]
    return tuple(found)


def _part(asked: Asked, one: GroupRate, what: str, outcome: Outcome) -> Verdict:
    hits, n = weighed((one,))
    share, low, high = (float(end[0]) for end in wilson_bounds(hits, n, asked.level))
    return Verdict(asked.name(one), outcome, share, low, high, one.n, reason=what, method="Wilson")


def _left_out(asked: Asked, one: GroupRate, name: RateName) -> Verdict:
    reason = f"{one.n} {_WORDS[name][1]}; {asked.rule.min_rows} are the least"
    return Verdict(asked.name(one), Outcome.NO_DATA, n=one.n, reason=reason)


def furthest(asked: Asked, families: Families) -> str:
    """`carrier=UA 0.412 (n 512) to carrier=AA 0.634 (n 80); left out: carrier=ZZ (3 positives)`."""
    said, left = [], []
    for name, family in zip(RATES[asked.rule.measure], families, strict=True):
        kept, left_out = compared(family, asked.rule.min_rows)
        left += [f"{asked.name(one)} ({one.n} {_WORDS[name][1]})" for one in left_out[:SHOWN]]
        if len(left_out) > SHOWN:
            left.append(f"{len(left_out) - SHOWN} more")
        ends = [min(kept, key=_rate), max(kept, key=_rate)] if kept else []
        if ends and _rate(ends[0]) < _rate(ends[1]):
            words = [f"{asked.name(one)} {_rate(one):.3f} (n {one.n})" for one in ends]
            said.append((_rate(ends[1]) - _rate(ends[0]), " to ".join(words)))
    apart = max(said)[1] if said else ""
    return "; ".join(filter(None, (apart, f"left out: {', '.join(left)}" if left else "")))


def _rate(one: GroupRate) -> float:
    return one.rate or 0.0
