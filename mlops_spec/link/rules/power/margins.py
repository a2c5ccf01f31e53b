"""Margins that the rows at hand cannot tell from chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import MARGIN_BELOW_NOISE
from mlops_spec.link.rules.power.cases import Case, Entry, cases
from mlops_spec.link.rules.power.errors import difference_error, expected_value, whole
from mlops_spec.link.rules.power.known import GUESSED_DISAGREEMENT, known_of
from mlops_spec.link.rules.power.words import number, percent, points, rows
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document
from mlops_spec.model.spec.gates import Comparison, GatesSpec
from mlops_spec.model.units import Margin
from mlops_spec.stats.power import Risk, rows_for_paired
from mlops_spec.terms.metrics import METRICS

_CUMULATIVE: Final = NormalDist().cdf


@dataclass(frozen=True, slots=True)
class Noise:
    """A margin beside the noise, both in the metric's unit; `error` is one standard error."""

    margin: float
    error: float
    risk: Risk

    @property
    def least(self) -> float:
        """The smallest margin that these rows show with the usual power."""
        return self.risk.z * self.error

    @property
    def passed_if_equal(self) -> float:
        """How often a candidate as good as production is shown to be no worse by the margin."""
        return _CUMULATIVE(self.margin / self.error - self.risk.z_alpha)

    @property
    def passed_on_the_point(self) -> float:
        """How often an estimate is beyond a margin that the truth misses by as much."""
        return 1 - _CUMULATIVE(self.margin / self.error)

    def rows_needed(self, n: int) -> float:
        return math.ceil(n * (self.least / self.margin) ** 2)


def margins_are_above_the_noise(scope: Scope, found: Diagnostics) -> None:
    """MLS330: a margin that held-out rows cannot tell from chance refuses good candidates."""
    for case in cases(scope):
        for entry in case.entries("production"):
            noise = _noise(case, entry)
            if noise is None:
                continue
            if case.on_point:
                _say_on_point(case, entry, noise, found)
            elif noise.margin < noise.least:
                _say_below_noise(case, entry, noise, found)


def _noise(case: Case, entry: Entry) -> Noise | None:
    comparison: Comparison = entry.value
    metric = METRICS.get(entry.name)
    if metric is None or comparison.margin is None or comparison.margin.value <= 0:
        return None
    error = difference_error(case.known, entry.name, whole(case.known))
    usual = expected_value(case.known, entry.name, share=metric.share)
    margin = absolute(comparison.margin, usual)
    return Noise(margin, error, case.risk) if error and margin else None


def absolute(margin: Margin, usual: float | None) -> float | None:
    """A margin in the metric's unit; a relative one is a share of the metric's usual value."""
    if margin.unit != "%":
        return margin.value
    return None if usual is None else margin.value * abs(usual)


def _say_below_noise(case: Case, entry: Entry, noise: Noise, found: Diagnostics) -> None:
    comparison: Comparison = entry.value
    known = case.known
    if comparison.hypothesis == "margin":
        shown = in_unit(entry.name, noise.margin + noise.least)
        effect = f"a candidate must be better by {shown} to pass four times in five"
    else:
        passed = percent(noise.passed_if_equal)
        effect = f"a candidate that is as good as production passes {passed} of the time"
    found.add(
        MARGIN_BELOW_NOISE,
        f"a margin of {comparison.margin} on {entry.name}{entry.of} is below the noise: on "
        f"{known.where}, {effect}",
        at=entry.at("margin"),
        help=f"these rows show {in_unit(entry.name, noise.least)} or more; {comparison.margin} "
        f"takes about {rows(noise.rows_needed(known.rows))} such rows. Write "
        f"{_written(entry, noise)}, or hold out more rows{_ground(case, entry)}",
    )


def _say_on_point(case: Case, entry: Entry, noise: Noise, found: Diagnostics) -> None:
    if noise.passed_on_the_point <= case.risk.alpha:
        return
    comparison: Comparison = entry.value
    twice = in_unit(entry.name, 2 * noise.margin)
    who = (
        "a candidate no better than production"
        if comparison.hypothesis == "margin"
        else f"a candidate that is worse by {twice}"
    )
    found.add(
        MARGIN_BELOW_NOISE,
        f"a margin of {comparison.margin} on {entry.name}{entry.of}, decided on the point "
        f"estimate, is below the noise: on {case.known.where}, {who} passes "
        f"{percent(noise.passed_on_the_point)} of the time",
        at=entry.at("margin"),
        help="write decide_on: bound, or a wider margin; the estimate is off by "
        f"{in_unit(entry.name, noise.error)} as a rule{_ground(case, entry)}",
    )


def _ground(case: Case, entry: Entry) -> str:
    """On whose word the noise rests, where it was not measured itself."""
    if entry.name in case.known.deviations:
        return ""
    if entry.name == "roc_auc":
        return "; the areas of two versions are taken to correlate by 0.9"
    return f"; {case.known.ground}"


def _written(entry: Entry, noise: Noise) -> str:
    """The margin that can be shown, in the unit that the spec uses, where a person can write it."""
    margin: Margin = entry.value.margin
    if margin.unit == "%":
        shown = f"{number(100 * margin.value * noise.least / noise.margin)}%"
    else:
        shown = points(noise.least) if margin.unit else number(noise.least)
    if not entry.of:
        return f"margin: {shown}"
    hypothesis = entry.value.hypothesis
    return (
        f"production: {{{entry.name}: {{hypothesis: {hypothesis}, margin: {shown}}}}} in a Gates "
        "of yours"
    )


def in_unit(metric: str, value: float) -> str:
    """A difference of a metric as people write it: points of a share, or a plain number."""
    return points(value) if METRICS[metric].share else number(value)


def least_rows_can_show_margins(scope: Scope, found: Diagnostics) -> None:
    """MLS330: where nothing is known of the data, a policy's `min_rows` is what it asks for."""
    told = {
        id(policy)
        for one in scope.resolved
        if known_of(one, scope.facts) is not None
        for policy in one.gates
    }
    for document in scope.of(GatesSpec):
        if id(document) not in told:
            _compare_with_min_rows(document, found)


def _compare_with_min_rows(document: Document[GatesSpec], found: Diagnostics) -> None:
    spec = document.spec
    least, margins = spec.min_rows, _margins(spec)
    confidence = spec.confidence.value if spec.confidence else 0.95
    if least is None or not margins or not 0.5 < confidence < 1:
        return
    name = min(margins, key=lambda metric: margins[metric].value)
    needed = rows_for_margin(margins[name].value, confidence)
    if least < needed:
        found.add(
            MARGIN_BELOW_NOISE,
            f"a margin of {margins[name]} on {name} takes about {needed:,} rows; min_rows is "
            f"{least}",
            at=document.places.value("min_rows"),
            help="raise min_rows, widen the margin, or state `expected: {rows: …}` in the Dataset "
            "to reckon with your rows; two versions are taken to disagree on 10% of rows",
        )


def rows_for_margin(margin: float, confidence: float) -> int:
    """Paired rows that show a difference within `margin` with 80 % power, at a disagreement of 10 %
    (Connor, Biometrics 43, 1987).
    """
    needed = rows_for_paired(GUESSED_DISAGREEMENT, 0.0, -margin, Risk(alpha=1 - confidence))
    return int(needed.value or 0)


def _margins(spec: GatesSpec) -> dict[str, Margin]:
    # A relative margin is at most that share of 1: fewer rows never suffice.
    return {
        name: comparison.margin
        for name, comparison in spec.production.items()
        if comparison.margin is not None
        and comparison.margin.unit
        and comparison.margin.value > 0
        and (name == "primary" or (name in METRICS and METRICS[name].share))
    }
