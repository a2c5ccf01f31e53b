"""Limits on calibration that a perfectly calibrated model fails."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import PERFECT_MODEL_REFUSED
from mlops_spec.link.rules.power.cases import Case, Entry, cases
from mlops_spec.link.rules.power.known import Known
from mlops_spec.link.rules.power.words import number, percent, rows
from mlops_spec.link.scope import Scope
from mlops_spec.model.spec.gates import Limit
from mlops_spec.stats.calibration_power import (
    binormal,
    l2_error,
    level_error,
    refused_though_right,
    slope_error,
)
from mlops_spec.stats.false_alarms import ece_false_alarm, noise_floor

_BINS: Final = 15  # those of `stats.calibration_bins`, which needs numpy
_AREA: Final = 0.75
_EVEN: Final = 1 / 6  # the mean of p(1 - p) where predictions are spread evenly
_POWER: Final = 0.8

Look = Callable[[Case, Entry], tuple[str, str] | None]


def perfect_models_are_calibrated(scope: Scope, found: Diagnostics) -> None:
    """MLS332: an error that a perfectly calibrated model shows by chance is no limit."""
    for case in cases(scope):
        if case.known.task not in ("binary", "multiclass"):
            continue
        for entry in case.entries("calibration"):
            said = _LOOKS[entry.name](case, entry)
            if said is not None:
                message, help = said
                at = entry.at("max" if entry.value.max is not None else "min")
                found.add(PERFECT_MODEL_REFUSED, message, at=at, help=help)


def variance_of(known: Known) -> float:
    """The mean of p(1 - p) of a calibrated model: its Brier score, at most that of a constant."""
    if "brier_score" in known.estimates:
        return min(0.25, known.estimates["brier_score"])
    if known.positives:
        share = known.positives / known.rows
        return min(_EVEN, share * (1 - share))
    return _EVEN


def _ece(case: Case, entry: Entry) -> tuple[str, str] | None:
    """On the bound, the ECE and z errors of a mean of y - p together lie below the limit."""
    limit: Limit = entry.value
    if limit.max is None or limit.max <= 0:
        return None
    n, variance, most = case.known.rows, variance_of(case.known), float(limit.max)
    chance = ece_false_alarm(most - _z(case) * level_error(n, variance), n, _BINS, variance)
    if chance <= _allowed(case):
        return None
    floor = noise_floor(n, _BINS, variance)
    spread = math.sqrt(1 - 2 / math.pi) * NormalDist().inv_cdf(1 - _allowed(case))
    enough = floor + (_z(case) + spread) * level_error(n, variance)
    return (
        f"ece{entry.of} max: {most:g}: on {case.known.where}, a perfectly calibrated model "
        f"{_verb(case)} {percent(chance)} of the time; by chance alone its ece is {floor:.2g} on "
        f"average, of {_BINS} bins",
        f"write max: {number(enough)}; as it is, it takes about {rows(n * (enough / most) ** 2)} "
        "rows. Or limit debiased_l2, which is 0 on average for a perfect model",
    )


def _debiased(case: Case, entry: Entry) -> tuple[str, str] | None:
    limit: Limit = entry.value
    if limit.max is None or limit.max <= 0:
        return None
    n, most = case.known.rows, float(limit.max)
    error = l2_error(n, _BINS, variance_of(case.known))
    return _off(case, entry, Right(-math.inf, most, 0.0, error), lambda reach: n * reach / most)


def _in_the_large(case: Case, entry: Entry) -> tuple[str, str] | None:
    limit: Limit = entry.value
    n, error = case.known.rows, level_error(case.known.rows, variance_of(case.known))
    room = _room(limit, 0.0)
    if room is None:
        return None
    least, most = _ends(limit)
    return _off(case, entry, Right(least, most, 0.0, error), lambda reach: n * (reach / room) ** 2)


def _slope(case: Case, entry: Entry) -> tuple[str, str] | None:
    known, limit = case.known, entry.value
    room = _room(limit, 1.0)
    if room is None or not known.positives or known.positives >= known.rows:
        return None
    area = known.estimates.get("roc_auc", _AREA)
    error = slope_error(binormal(known.positives / known.rows, area), known.rows)
    least, most = _ends(limit)
    return _off(
        case, entry, Right(least, most, 1.0, error), lambda reach: known.rows * (reach / room) ** 2
    )


@dataclass(frozen=True, slots=True)
class Right:
    """Limits, infinite where there is none, around the value that is `right`, with its error."""

    least: float
    most: float
    right: float
    error: float

    @property
    def ends(self) -> int:
        return sum(map(math.isfinite, (self.least, self.most)))


def _off(
    case: Case, entry: Entry, of: Right, needed: Callable[[float], float]
) -> tuple[str, str] | None:
    """Message and help where a perfect model's bounds leave the limits too often.

    `needed`: the rows at which a perfect model is told to be within some reach of what is right.
    """
    chance = refused_though_right(of.least, of.most, of.right, of.error, _z(case))
    if chance <= _allowed(case):
        return None
    # Where both ends can be missed, each may be missed half as often.
    spread = NormalDist().inv_cdf(1 - _allowed(case) / of.ends)
    reach = (_z(case) + spread) * of.error
    ends = [key for key in ("min", "max") if getattr(entry.value, key) is not None]
    stated = ", ".join(f"{key}: {getattr(entry.value, key):g}" for key in ends)
    write = {"min": _outward(of.right - reach, -1), "max": _outward(of.right + reach, 1)}
    return (
        f"{entry.name}{entry.of} {stated}: on {case.known.where}, a perfectly calibrated model "
        f"{_verb(case)} {percent(chance)} of the time; its standard error is {of.error:.2g}",
        f"write {', '.join(f'{key}: {write[key]}' for key in ends)}; as it is, it takes about "
        f"{rows(needed(reach))} rows",
    )


def _outward(value: float, sign: int) -> str:
    """Three figures or three decimals, whichever is finer, rounded away from what is right."""
    step = 10.0 ** min(-3, math.floor(math.log10(abs(value) or 1)) - 2)
    return f"{sign * math.ceil(sign * value / step - 1e-9) * step:.12g}"


def _allowed(case: Case) -> float:
    """How often a perfect model may be refused before it is worth saying."""
    return case.risk.alpha if case.on_point else 1 - _POWER


def _verb(case: Case) -> str:
    return "fails" if case.on_point else "does not pass"


def _z(case: Case) -> float:
    return 0.0 if case.on_point else case.risk.z_alpha


def _ends(limit: Limit) -> tuple[float, float]:
    least = -math.inf if limit.min is None else float(limit.min)
    most = math.inf if limit.max is None else float(limit.max)
    return least, most


def _room(limit: Limit, right: float) -> float | None:
    """How far the nearer end is from what is right; None where a perfect model is outside."""
    least, most = _ends(limit)
    room = min(right - least, most - right)
    return room if 0 < room < math.inf else None


_LOOKS: Final[dict[str, Look]] = {
    "ece": _ece,
    "debiased_l2": _debiased,
    "slope": _slope,
    "in_the_large": _in_the_large,
}
