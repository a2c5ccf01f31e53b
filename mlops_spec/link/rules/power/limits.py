"""Limits asked of fewer observations than could clear them, or than the last estimate needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import TOO_FEW_FOR_LIMIT
from mlops_spec.link.rules.power.cases import Case, Entry, all_cases, cases
from mlops_spec.link.rules.power.errors import denominator, estimate_error, whole
from mlops_spec.link.rules.power.words import number, percent, rows
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Loc
from mlops_spec.model.spec.gates import GatesSpec, MetricLimit
from mlops_spec.model.units import Share
from mlops_spec.stats.power import most_when_none, rows_when_none
from mlops_spec.terms.measuring import CONSISTENCY_ROWS, STABILITY_ROWS
from mlops_spec.terms.metrics import METRICS

# Without one mistake, the bound of each is that of a share of which all are hits: for a perfect
# ranking, of the rarer class.
_COUNTED: Final = {
    "accuracy": "rows",
    "recall": "positives",
    "roc_auc": "rows of the rarer class",
}
_POWER: Final = 0.8


def models_have_rows(scope: Scope, found: Diagnostics) -> None:
    """MLS333: with fewer held-out rows than `min_rows` no gate has data."""
    for case in all_cases(scope):
        n, least = case.known.rows, case.min_rows
        if n >= least:
            continue
        found.add(
            TOO_FEW_FOR_LIMIT,
            f"no gate of {case.known.model!r} ever passes: on {case.known.where}, where fewer than "
            f"{least:,} (min_rows) are no data",
            at=case.one.model.places.value("gates"),
            help=f"hold out {least:,} rows or more, or write min_rows: {n} in a Gates of yours; "
            "bounds are then wide, and few limits can be shown",
        )


def limits_have_observations(scope: Scope, found: Diagnostics) -> None:
    """MLS333: limits that even a faultless model cannot be shown to meet on these rows."""
    for case in cases(scope):
        for entry in case.entries("metrics"):
            if entry.name not in METRICS or not _has_positives(case, entry, found):
                continue
            if entry.name in _COUNTED and not case.on_point and _never_shown(case, entry, found):
                continue
            _look_at_last(case, entry, found)


def _has_positives(case: Case, entry: Entry, found: Diagnostics) -> bool:
    """Recall is a share of the positives: they are what `min_rows` counts there."""
    n = case.known.positives
    if entry.name != "recall" or n is None or n >= case.min_rows:
        return True
    found.add(
        TOO_FEW_FOR_LIMIT,
        f"recall{entry.of} never passes: of {case.known.where}, {n:,} are positive, and fewer than "
        f"{case.min_rows:,} (min_rows) are no data",
        at=entry.at(*_end(entry)),
        help=f"hold out {rows(case.known.rows * case.min_rows / max(n, 1))} rows or more, or write "
        f"min_rows: {n}; the bound is then wide",
    )
    return False


def _end(entry: Entry) -> Loc:
    limit: MetricLimit = entry.value
    return ("min",) if limit.min is not None else ("max",)


def _never_shown(case: Case, entry: Entry, found: Diagnostics) -> bool:
    """Whether not even a model without a mistake is shown to reach the limit."""
    limit: MetricLimit = entry.value
    n = denominator(case.known, entry.name, whole(case.known))
    if limit.min is None or not n or not 0 < limit.min < 1:
        return False
    missed, bound = 1 - float(limit.min), 1 - most_when_none(n, case.risk)
    if bound >= limit.min:
        return False
    what = _COUNTED[entry.name]
    counted = "" if what == "rows" else f" with {n:,} {what}"
    found.add(
        TOO_FEW_FOR_LIMIT,
        f"{entry.name}{entry.of} min: {limit.min} can never be shown: on {case.known.where}"
        f"{counted}, a model without one mistake has a bound of {bound:.3g}",
        at=entry.at("min"),
        help=f"it takes {rows_when_none(missed, case.risk):,} {what} without a mistake, more with "
        f"some; hold out more rows, or write min: {math.floor(100 * bound) / 100:g} at most",
    )
    return True


def _look_at_last(case: Case, entry: Entry, found: Diagnostics) -> None:
    """Where the last estimate is good, but nearer to the limit than its own bounds."""
    last = case.known.estimates.get(entry.name)
    limit: MetricLimit = entry.value
    if last is None or case.on_point:
        return
    error = estimate_error(case.known, entry.name, last, whole(case.known))
    for key, room in (("min", last - (limit.min or 0)), ("max", (limit.max or 0) - last)):
        end = getattr(limit, key)
        if end is None or error is None or not 0 < room < case.risk.z * error:
            continue
        n = denominator(case.known, entry.name, whole(case.known)) or 0
        what = _COUNTED.get(entry.name, "rows")
        found.add(
            TOO_FEW_FOR_LIMIT,
            f"{entry.name}{entry.of} {key}: {end} is close to the last estimate, {last:.3g}: on "
            f"{case.known.where}, {n:,} {what}, as good a model passes "
            f"{percent(_passes(case, room / error))} of the time",
            at=entry.at(key),
            help=f"about {rows(case.known.rows * (case.risk.z * error / room) ** 2)} held-out rows "
            f"decide it; or write {key}: {_widened(key, last, case.risk.z * error)}",
        )


def _passes(case: Case, room: float) -> float:
    return 0.5 * (1 + math.erf((room - case.risk.z_alpha) / math.sqrt(2)))


def _widened(key: str, last: float, reach: float) -> str:
    end = last - reach if key == "min" else last + reach
    return f"{math.floor(1000 * end) / 1000 if key == 'min' else math.ceil(1000 * end) / 1000:g}"


def shares_can_be_bounded(scope: Scope, found: Diagnostics) -> None:
    """MLS333: a share of changed decisions that even none of the rows looked at can bound."""
    for case in cases(scope):
        if case.on_point:
            continue
        for part, loc, most, cap in _shares(case.gates):
            looked_at = min(case.known.rows, cap)
            if not 0 < most.value < 1 or most_when_none(looked_at, case.risk) <= most.value:
                continue
            entry = next(iter(case.entries_of(part)), None)
            if entry is None:
                continue
            bound = 100 * most_when_none(looked_at, case.risk)
            needed = rows_when_none(most.value, case.risk)
            more = (
                f"it takes {needed:,} rows; hold out more, or write"
                if needed <= cap
                else f"no more than {cap:,} rows are looked at; write"
            )
            found.add(
                TOO_FEW_FOR_LIMIT,
                f"{part}.{'.'.join(loc)}{entry.of} max: {most} can never be shown: on "
                f"{case.known.where}, {looked_at:,} are looked at, and if not one of them counts, "
                f"the bound is {bound:.2g}%",
                at=entry.at(*loc, "max"),
                help=f"{more} max: {number(bound)}% or more",
            )


def _shares(gates: GatesSpec) -> Iterator[tuple[str, tuple[str, ...], Share, int]]:
    """Limits on a share of rows, and of how many rows it is measured."""
    if gates.stability is not None:
        yield "stability", ("changed",), gates.stability.changed.max, STABILITY_ROWS
    if gates.leakage is not None and gates.leakage.duplicates is not None:
        yield "leakage", ("duplicates",), gates.leakage.duplicates.max, 10**12
    if gates.consistency is not None and gates.consistency.changed is not None:
        yield "consistency", ("changed",), gates.consistency.changed.max, CONSISTENCY_ROWS
