"""Drift: every column of the window against the baseline, as verdicts.

A column fails when its distance is above the limit *and* is no chance at the confidence that holds
over all columns together (Benjamini-Hochberg). Above the limit by chance is inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.declare import Drift
from mlops_spec.runtime.monitor.profile import NEW, Categories, Column, Numbers, Profile
from mlops_spec.stats.drift import (
    Distance,
    ks,
    psi,
    psi_distance,
    share_distance,
)
from mlops_spec.stats.multiplicity import benjamini_hochberg
from mlops_spec.terms.verdict import Outcome, Verdict

# Categories that are expected in fewer rows than this are folded into one: below it the
# chi-square approximation of the PSI does not hold.
EXPECTED_ROWS: Final = 5

KS: Final = "ks"
PSI: Final = "psi"
MISSING: Final = "missing"
NEW_VALUES: Final = "new"
TESTS: Final = {
    KS: "Kolmogorov-Smirnov distance",
    PSI: "population stability index",
    MISSING: "change of the share without a value",
    NEW_VALUES: "share of values that training never saw",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One test of one column, before it is judged together with the others."""

    test: str
    column: str
    limit: float
    n: int
    distance: Distance | None
    reason: str

    @property
    def name(self) -> str:
        return f"{self.test} {self.column}"


def verdicts(before: Profile, now: Profile, drift: Drift) -> tuple[Verdict, ...]:
    """One verdict a column and test; the model's answers come first."""
    checks = [
        check
        for part in ("answers", "columns")
        for name, column in getattr(before, part).items()
        for check in _checks(name, column, getattr(now, part)[name], drift)
    ]
    decidable = [check.distance.p_value for check in checks if check.distance is not None]
    adjusted = iter(benjamini_hochberg(decidable))
    return tuple(
        _no_data(check, drift)
        if check.distance is None
        else _judge(check, check.distance, next(adjusted), 1 - drift.confidence)
        for check in checks
    )


def _checks(name: str, before: Column, now: Column, drift: Drift) -> Iterator[Check]:
    alpha = 1 - drift.confidence
    match before, now:
        case Numbers(), Numbers():
            yield _ks_check(name, before, now, drift, alpha)
        case Categories(), Categories():
            yield _psi_check(name, before, now, drift, alpha)
            yield _new_check(name, before, now, drift, alpha)
    yield _missing_check(name, before, now, drift, alpha)


def _ks_check(name: str, before: Numbers, now: Numbers, drift: Drift, alpha: float) -> Check:
    reason = _too_few(before, now, drift)
    if reason:
        return Check(KS, name, drift.ks, now.rows, None, reason)
    distance = ks(before.counts, now.counts, alpha)
    return Check(KS, name, drift.ks, now.rows, distance, f"chance stays under {distance.floor:.3g}")


def _psi_check(name: str, before: Categories, now: Categories, drift: Drift, alpha: float) -> Check:
    reason = _too_few(before, now, drift)
    if reason:
        return Check(PSI, name, drift.psi, now.rows, None, reason)
    expected, found = folded(before, now)
    distance = psi_distance(expected, found, alpha)
    reason = (
        f"{len(expected)} values, uncorrected {psi(expected, found):.3g}, "
        f"chance stays under {distance.floor:.3g}"
    )
    return Check(PSI, name, drift.psi, now.rows, distance, reason)


def _new_check(name: str, before: Categories, now: Categories, drift: Drift, alpha: float) -> Check:
    reason = _too_few(before, now, drift)
    if reason:
        return Check(NEW_VALUES, name, drift.ks, now.rows, None, reason)
    new = now.counts[now.values.index(NEW)]
    distance = share_distance(0, before.rows, new, now.rows, alpha)
    return Check(NEW_VALUES, name, drift.ks, now.rows, distance, f"{new} rows of {now.rows}")


def _missing_check(name: str, before: Column, now: Column, drift: Drift, alpha: float) -> Check:
    rows, found = before.rows + before.missing, now.rows + now.missing
    if not rows or found < max(1, drift.min_rows):
        reason = "the baseline has no rows" if not rows else "too few predictions in the window"
        return Check(MISSING, name, drift.ks, found, None, reason)
    distance = share_distance(before.missing, rows, now.missing, found, alpha)
    reason = f"{before.missing / rows:.2%} in training, {now.missing / found:.2%} now"
    return Check(MISSING, name, drift.ks, found, distance, reason)


def _too_few(before: Column, now: Column, drift: Drift) -> str:
    if not before.rows:
        return "the training rows have no value in this column"
    if now.rows < max(1, drift.min_rows):
        return f"{now.rows} values in the window, {drift.min_rows} are needed"
    return ""


def folded(before: Categories, now: Categories) -> tuple[list[int], list[int]]:
    """The counts of two columns with all rare values in one bin; rare is decided by the baseline.

    Deciding by the window would choose bins by what is to be tested. A value that was never seen
    keeps a bin of its own once the window holds one.
    """
    scale = min(1.0, now.rows / before.rows)
    expected: list[int] = []
    found: list[int] = []
    rare = [0, 0]
    for value, reference, current in zip(before.values, before.counts, now.counts, strict=True):
        if reference * scale >= EXPECTED_ROWS or (value == NEW and current):
            expected.append(reference)
            found.append(current)
        else:
            rare = [rare[0] + reference, rare[1] + current]
    if any(rare):
        expected.append(rare[0])
        found.append(rare[1])
    return expected, found


def _judge(check: Check, distance: Distance, adjusted_p: float, alpha: float) -> Verdict:
    above, certain = distance.estimate > check.limit, adjusted_p <= alpha
    outcome = Outcome.PASS
    if above:
        outcome = Outcome.FAIL if certain else Outcome.INCONCLUSIVE
    reason = check.reason
    if above and not certain:
        reason = f"above the limit, yet chance does this with p={adjusted_p:.2g}; {reason}"
    return Verdict(
        check.name, outcome, distance.estimate, distance.low, distance.high, check.n,
        f"{check.limit:g}", reason,
    )  # fmt: skip


def _no_data(check: Check, drift: Drift) -> Verdict:
    return Verdict(
        check.name, Outcome.NO_DATA, n=check.n, limit=f"{check.limit:g}", reason=check.reason,
        n_enough=max(1, drift.min_rows),
    )  # fmt: skip
