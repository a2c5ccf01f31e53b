"""Groups that are too small for the rule that is asked of each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import POWERLESS_SEGMENTS
from mlops_spec.link.rules.power.cases import Case, Entry, cases
from mlops_spec.link.rules.power.errors import (
    difference_error,
    estimate_error,
    expected_value,
)
from mlops_spec.link.rules.power.fairness import families
from mlops_spec.link.rules.power.known import MOST_CELLS
from mlops_spec.link.rules.power.margins import absolute, in_unit
from mlops_spec.link.rules.power.words import percent, rows
from mlops_spec.link.scope import Scope
from mlops_spec.model.facts import Group
from mlops_spec.model.spec.gates import Disparity, Fairness, Segments
from mlops_spec.stats.power import Risk
from mlops_spec.terms.facts import crossed
from mlops_spec.terms.metrics import METRICS, PRIMARY

_NORMAL: Final = NormalDist()
_POWER: Final = 0.8
_MOST: Final = 0.5  # groups, or rows in groups, that may be too small before it is worth saying
_HEARD_OF: Final = 0.01  # share of rows below which a group that is left out is no surprise
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Ruled:
    """A segments rule with the groups that it judges one by one, and those it puts together."""

    case: Case
    entry: Entry
    metric: str
    judged: tuple[Group, ...]
    small: tuple[Group, ...]

    @property
    def spec(self) -> Segments:
        spec: Segments = self.entry.value
        return spec

    @property
    def by(self) -> str:
        return " × ".join(self.spec.by)

    @property
    def risk(self) -> Risk:
        """Of one group: a rule that any group may fail shares its error between them (Šidák)."""
        if self.spec.require == "shown" or not self.judged:
            return self.case.risk
        return Risk(alpha=1 - self.case.confidence ** (1 / len(self.judged)))


def segments_can_decide(scope: Scope, found: Diagnostics) -> None:
    """MLS334: groups below `min_rows`, and margins that groups of this size cannot show."""
    for case in cases(scope):
        for entry in case.entries("segments"):
            ruled = _ruled(case, entry)
            if _beyond_counting(case, entry, found):
                continue
            if ruled is None or _mostly_small(ruled, found) or case.on_point:
                continue
            if ruled.spec.require == "shown":
                _look_at_shown(ruled, found)
            else:
                _look_at_blind(ruled, found)


def _beyond_counting(case: Case, entry: Entry, found: Diagnostics) -> bool:
    """Whether columns make more groups than anyone would look at, crossed."""
    spec: Segments = entry.value
    cells = case.known.cells_of(spec.by, spec.cuts)
    if cells <= MOST_CELLS or crossed(spec.by, spec.cuts) in case.known.groups:
        return False
    found.add(
        POWERLESS_SEGMENTS,
        f"segments.{entry.name}{entry.of}: {' × '.join(spec.by)} can make {cells:,} groups of "
        f"{case.known.where}",
        at=entry.at("by"),
        help=f"group by fewer columns; groups below {spec.min_rows:,} rows are judged together",
    )
    return True


def _ruled(case: Case, entry: Entry) -> Ruled | None:
    spec: Segments = entry.value
    groups = case.known.groups_of(spec.by, spec.cuts)
    metric = PRIMARY[case.known.task] if spec.metric == "primary" else spec.metric
    if not groups or metric not in METRICS:
        return None
    judged = tuple(group for group in groups if group.rows >= spec.min_rows)
    return Ruled(case, entry, metric, judged, tuple(g for g in groups if g.rows < spec.min_rows))


def _mostly_small(ruled: Ruled, found: Diagnostics) -> bool:
    """Whether hardly any group is judged by itself."""
    together = sum(group.rows for group in ruled.small)
    if together <= _MOST * ruled.case.known.rows:
        return False
    count, least = len(ruled.small), ruled.spec.min_rows
    largest = max(ruled.small, key=lambda group: group.rows)
    groups = len(ruled.small) + len(ruled.judged)
    found.add(
        POWERLESS_SEGMENTS,
        f"segments.{ruled.entry.name}{ruled.entry.of}: {count} of {groups} groups of {ruled.by} "
        f"have fewer than {least:,} rows, and are judged together as one: "
        f"{_part(together, ruled.case.known.rows)} {ruled.case.known.where}",
        at=ruled.entry.at("by"),
        help=f"group by fewer columns, or hold out more rows; the largest of them has "
        f"{largest.rows:,}, which `min_rows` would have to allow",
    )
    return True


def _look_at_shown(ruled: Ruled, found: Diagnostics) -> None:
    """Every group has to clear the limit: how often do all of them, where none is worse?"""
    chances = {group: _passes(ruled, group) for group in ruled.judged}
    known = {group: chance for group, chance in chances.items() if chance is not None}
    passed = math.prod(known.values())
    if not known or passed >= _POWER:
        return
    worst = sorted(known, key=lambda group: (known[group], group.value))
    weak = sum(chance < _POWER for chance in known.values())
    asked = _asked(ruled)
    found.add(
        POWERLESS_SEGMENTS,
        f"segments.{ruled.entry.name}{ruled.entry.of} asks that {asked} be shown in each of "
        f"{len(ruled.judged)} groups of {ruled.by}: on {ruled.case.known.where}, a candidate that "
        f"is nowhere worse passes {percent(passed)} of the time ({_names(worst)})",
        at=ruled.entry.at("require"),
        help=f"write require: not_refuted, or a wider limit; {weak} of the groups alone pass less "
        "than four times in five",
    )


def _asked(ruled: Ruled) -> str:
    spec = ruled.spec
    if spec.margin is not None:
        return f"a margin of {spec.margin} on {ruled.metric}"
    end = f"min: {spec.min}" if spec.min is not None else f"max: {spec.max}"
    return f"{ruled.metric} {end}"


def _passes(ruled: Ruled, group: Group) -> float | None:
    """How often a group that is as production, or as the last estimate, clears its limit."""
    spec, known, z = ruled.spec, ruled.case.known, ruled.risk.z_alpha
    if spec.hypothesis == "non_inferiority" and spec.margin is not None:
        margin = _margin(ruled)
        error = difference_error(known, ruled.metric, group)
        return _NORMAL.cdf(margin / error - z) if margin and error else None
    last = known.estimates.get(ruled.metric)
    if spec.min is None or last is None or last <= spec.min:
        return None
    error = estimate_error(known, ruled.metric, last, group)
    return _NORMAL.cdf((last - spec.min) / error - z) if error else None


def _margin(ruled: Ruled) -> float | None:
    usual = expected_value(ruled.case.known, ruled.metric, share=METRICS[ruled.metric].share)
    return absolute(ruled.spec.margin, usual) if ruled.spec.margin is not None else None


def _look_at_blind(ruled: Ruled, found: Diagnostics) -> None:
    """No group may be refuted: what harm goes unnoticed in most of them?"""
    margin = _margin(ruled) if ruled.spec.hypothesis == "non_inferiority" else None
    if not margin:
        return
    errors = {
        group: error
        for group in ruled.judged
        if (error := difference_error(ruled.case.known, ruled.metric, group))
    }
    blind = [group for group, error in errors.items() if ruled.risk.z * error > margin]
    if not errors or len(blind) <= _MOST * len(errors):
        return
    worst = sorted(blind, key=lambda group: (-errors[group], group.value))
    middle = sorted(errors.values())[len(errors) // 2]
    typical = errors[worst[0]]
    needed = worst[0].rows * (ruled.risk.z * typical / margin) ** 2
    found.add(
        POWERLESS_SEGMENTS,
        f"segments.{ruled.entry.name}{ruled.entry.of}: a margin of {ruled.spec.margin} on "
        f"{ruled.metric} is below the noise in {len(blind)} of {len(errors)} groups of {ruled.by}:"
        f" on {ruled.case.known.where}, a group that is worse by "
        f"{in_unit(ruled.metric, 2 * margin)} goes unnoticed more than once in five "
        f"({_names(worst)})",
        at=ruled.entry.at("margin"),
        help=f"half of the groups show {in_unit(ruled.metric, ruled.risk.z * middle)}; "
        f"{ruled.spec.margin} takes about {rows(needed)} rows a group. Write a wider margin, group "
        "by fewer columns, or hold out more rows",
    )


def compared_groups_are_counted(scope: Scope, found: Diagnostics) -> None:
    """MLS334: fairness says nothing of a group whose rate has too small a denominator."""
    for case in cases(scope):
        for entry in case.entries("fairness"):
            spec: Fairness = entry.value
            groups = case.known.groups_of(spec.by, spec.cuts) or ()
            measures = (m for m in Fairness.model_fields if isinstance(getattr(spec, m), Disparity))
            for measure in measures:
                _look_at_left_out(case, entry, measure, groups, found)


def _look_at_left_out(
    case: Case, entry: Entry, measure: str, groups: tuple[Group, ...], found: Diagnostics
) -> None:
    spec: Fairness = entry.value
    sizes = {group.value: group.rows for group in groups}
    for family in families(case.known, measure, groups):
        out = [(name, n) for name, n in family.groups if n < spec.min_rows]
        heard = [one for one in out if sizes[one[0]] >= _HEARD_OF * case.known.rows]
        left = len(family.groups) - len(out)
        if not heard and left >= 2:
            continue
        named = ", ".join(f"{name}: {n:,}" for name, n in sorted(out, key=_fewest)[:_NAMED])
        more = f" and {len(out) - _NAMED} more" if len(out) > _NAMED else ""
        verdict = "so that nothing is compared" if left < 2 else "and are left out"
        found.add(
            POWERLESS_SEGMENTS,
            f"fairness.{entry.name}{entry.of} {measure}: on {case.known.where}, {len(out)} of "
            f"{len(family.groups)} groups of {' × '.join(spec.by)} have fewer than "
            f"{spec.min_rows:,} {family.what}, {verdict} ({named}{more})",
            at=entry.at("by"),
            help="group by fewer columns, put small groups together with `cuts` or in the data, "
            "or hold out more rows",
        )
        return


def _fewest(one: tuple[str, int]) -> tuple[int, str]:
    return one[1], one[0]


def _part(some: int, of: int) -> str:
    return "all of" if some >= of else f"{percent(some / of)} of"


def _names(groups: list[Group]) -> str:
    """The first of some groups, with their rows."""
    if len(groups) > 1 and len({group.rows for group in groups}) == 1:
        return f"{groups[0].rows:,} rows each"
    shown = ", ".join(f"{group.value}: {group.rows:,} rows" for group in groups[:_NAMED])
    more = len(groups) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
