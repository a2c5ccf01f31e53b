"""Limits on disparity that models fail which treat all groups alike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import FAIR_MODEL_REFUSED
from mlops_spec.link.rules.power.cases import Case, Entry, cases
from mlops_spec.link.rules.power.known import Known
from mlops_spec.link.rules.power.words import number, percent, points, rows
from mlops_spec.link.scope import Scope
from mlops_spec.model.facts import Group
from mlops_spec.model.spec.gates import Disparity, Fairness
from mlops_spec.stats.chance_gap import log_ratio_error, not_shown_fair, rows_to_show_fair

_NORMAL: Final = NormalDist()
_POWER: Final = 0.8
# Before there was a run: shares of positives found, and of negatives taken for positives.
_FOUND: Final = 0.7
_FALSE: Final = 0.2
_NEAR: Final = 1.02  # two figures are printed
# Of more groups than this the largest are looked at: the chance only grows with the others.
_MOST: Final = 20

PARITY: Final = ("demographic_parity_difference", "demographic_parity_ratio")


@dataclass(frozen=True, slots=True)
class Family:
    """One rate of all groups: their denominators, and what the rate is where groups are alike."""

    what: str
    rate: float
    groups: tuple[tuple[str, int], ...]  # by name

    def kept(self, least: int) -> list[int]:
        """The denominators that are compared, the largest of them, in order."""
        return sorted((n for _, n in self.groups if n >= max(least, 1)), reverse=True)[:_MOST]

    def errors(self, least: int, *, ratio: bool) -> list[float]:
        spread = math.sqrt(self.rate * (1 - self.rate))
        return [
            log_ratio_error(self.rate, n) if ratio else spread / math.sqrt(n)
            for n in self.kept(least)
        ]


def families(known: Known, measure: str, groups: tuple[Group, ...]) -> Iterator[Family]:
    """The rates that a measure compares; none where positives are not known."""
    if measure in PARITY:
        sizes = tuple((group.value, group.rows) for group in groups)
        yield Family("rows", _selection(known), sizes)
        return
    if any(group.positives is None for group in groups):
        return
    found = tuple((group.value, group.positives or 0) for group in groups)
    yield Family("positives", known.estimates.get("recall", _FOUND), found)
    if measure == "equalized_odds_difference":
        rest = tuple((group.value, group.rows - (group.positives or 0)) for group in groups)
        yield Family("negatives", _false_positives(known), rest)


def _selection(known: Known) -> float:
    """The share of positive decisions: from the last recall and precision, else as positives."""
    share = known.positives / known.rows if known.positives else 0.5
    recall, precision = known.estimates.get("recall"), known.estimates.get("precision")
    if recall and precision:
        share = recall * share / precision
    return min(max(share, 0.001), 0.999)


def _false_positives(known: Known) -> float:
    share = known.positives / known.rows if known.positives else 0.5
    recall, precision = known.estimates.get("recall"), known.estimates.get("precision")
    if not recall or not precision or share >= 1:
        return _FALSE
    return min(max(recall * share * (1 / precision - 1) / (1 - share), 0.001), 0.999)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that fair models are held against; `reach` is the gap allowed, in logs for ratios."""

    measure: str
    key: str
    reach: float
    z: float
    families: tuple[Family, ...]
    least: int

    @property
    def ratio(self) -> bool:
        return self.key == "min"

    def refused(self, reach: float | None = None) -> float:
        """At least how often a model that treats all groups alike is not passed."""
        passed = 1.0
        for family in self.families:
            errors = family.errors(self.least, ratio=self.ratio)
            passed *= 1 - not_shown_fair(self.reach if reach is None else reach, errors, self.z)
        return 1 - passed

    def enough(self, chance: float) -> float:
        """The smallest reach that refuses fair models with at most that chance."""
        low, high = self.reach, max(self.reach, 0.01)
        while self.refused(high) > chance and high < 64:
            high *= 2
        while high > _NEAR * low:
            middle = (low + high) / 2
            low, high = (middle, high) if self.refused(middle) > chance else (low, middle)
        return high


def fair_models_pass(scope: Scope, found: Diagnostics) -> None:
    """MLS331: a gap that equal groups of these sizes show by chance is no limit on fairness."""
    for case in cases(scope):
        for entry in case.entries("fairness"):
            spec: Fairness = entry.value
            groups = case.known.groups_of(spec.by, spec.cuts)
            if groups is None:
                continue
            for measure in Fairness.model_fields:
                limit = getattr(spec, measure)
                if isinstance(limit, Disparity):
                    _look(case, entry, measure, groups, found)


def _look(
    case: Case, entry: Entry, measure: str, groups: tuple[Group, ...], found: Diagnostics
) -> None:
    spec: Fairness = entry.value
    limit: Disparity = getattr(spec, measure)
    of = tuple(families(case.known, measure, groups))
    if not of or any(len(family.kept(spec.min_rows)) < 2 for family in of):
        return
    allowed = 1 - _POWER if not case.on_point else case.risk.alpha
    for one in _limits(case, limit, measure, of, spec.min_rows):
        if one.refused() > allowed:
            _say(case, entry, one, allowed, found)
    if limit.no_worse_by is not None and measure not in PARITY[1:] and not case.on_point:
        _look_beside(case, entry, measure, of, found)


def _limits(
    case: Case, limit: Disparity, measure: str, of: tuple[Family, ...], least: int
) -> Iterator[Limit]:
    alpha = case.risk.alpha
    if limit.max is not None:
        z = 0.0 if case.on_point else case.risk.z_alpha
        yield Limit(measure, "max", float(limit.max), z, of, least)
    if limit.min is not None and 0 < limit.min < 1:
        # A ratio is bounded by the interval of each of two shares, at half the error each.
        z = 0.0 if case.on_point else math.sqrt(2) * _NORMAL.inv_cdf(1 - alpha / 2)
        yield Limit(measure, "min", -math.log(limit.min), z, of, least)


def _say(case: Case, entry: Entry, one: Limit, allowed: float, found: Diagnostics) -> None:
    spec: Fairness = entry.value
    stated = getattr(spec, one.measure)
    of = max(one.families, key=lambda family: _worst(one, family))
    sizes = of.kept(one.least)
    span = f"{sizes[-1]:,}" if sizes[0] == sizes[-1] else f"{sizes[-1]:,} to {sizes[0]:,}"
    verb = "fails" if case.on_point else "does not pass"
    limit = f"{one.key}: {stated.max if one.key == 'max' else stated.min}"
    enough = one.enough(allowed)
    write = f"{math.floor(100 * math.exp(-enough)) / 100:g}" if one.ratio else number(enough)
    needed = _needed(one, of, allowed)
    found.add(
        FAIR_MODEL_REFUSED,
        f"{one.measure}{entry.of} {limit} by {' and '.join(spec.by)}: on {case.known.where}, "
        f"{len(sizes)} groups of {span} {of.what}, a model that treats all groups alike {verb} "
        f"{percent(one.refused())} of the time",
        at=entry.at(one.measure, one.key),
        help=f"these groups can be held to {one.key}: {write}; {limit} takes about {needed} "
        f"{of.what} a group{_beside(case, entry, one)}. A rate of {percent(of.rate)} is reckoned "
        "with",
    )


def _worst(one: Limit, family: Family) -> float:
    return not_shown_fair(one.reach, family.errors(one.least, ratio=one.ratio), one.z)


def _beside(case: Case, entry: Entry, one: Limit) -> str:
    """The same rows compared with production's answers to them, where that shows more."""
    spec: Fairness = entry.value
    least = _least_change(case, one.families, spec.min_rows)
    if case.on_point or one.ratio or least >= one.reach:
        return ""
    return f"; beside production, {one.measure}: {{no_worse_by: {points(least)}}} can be shown"


def _needed(one: Limit, of: Family, allowed: float) -> str:
    count = len(of.kept(one.least))
    if not one.ratio:
        return rows(rows_to_show_fair(one.reach, count, of.rate, one.z, allowed).value or math.inf)
    # (1 - p)/(p n) takes the place of p(1 - p)/n.
    scaled = rows_to_show_fair(one.reach, count, 0.5, one.z, allowed).value or math.inf
    return rows(scaled * 4 * (1 - of.rate) / of.rate)


def _look_beside(
    case: Case, entry: Entry, measure: str, of: tuple[Family, ...], found: Diagnostics
) -> None:
    """A candidate that is as fair as production, held to production's disparity."""
    spec: Fairness = entry.value
    margin = getattr(spec, measure).no_worse_by
    # Half of the error goes to choosing the pair of groups that is furthest apart.
    z = _NORMAL.inv_cdf(1 - case.risk.alpha / 2)
    error = max(_change_error(family, spec.min_rows, case.known.disagreement) for family in of)
    passed = _NORMAL.cdf(margin.value / error - z)
    if passed >= _POWER or margin.value <= 0:
        return
    least = _least_change(case, of, spec.min_rows)
    found.add(
        FAIR_MODEL_REFUSED,
        f"{measure}{entry.of} no_worse_by: {margin} by {' and '.join(spec.by)}: on "
        f"{case.known.where}, a candidate that is exactly as fair as production passes "
        f"{percent(passed)} of the time at most",
        at=entry.at(measure, "no_worse_by"),
        help=f"write no_worse_by: {points(least)}, or hold out more rows; {margin} takes about "
        f"{(least / margin.value) ** 2:.1f} times as many; {case.known.ground}",
    )


def _least_change(case: Case, of: tuple[Family, ...], least: int) -> float:
    """The smallest margin that a candidate as fair as production is shown to keep."""
    z = _NORMAL.inv_cdf(1 - case.risk.alpha / 2) + case.risk.z_power
    return z * max(_change_error(family, least, case.known.disagreement) for family in of)


def _change_error(family: Family, least: int, disagreement: float) -> float:
    """Of the change of the gap of the two largest groups: √(π/n + π/n'); others only do worse."""
    first, second = family.kept(least)[:2]
    return math.sqrt(disagreement / first + disagreement / second)
