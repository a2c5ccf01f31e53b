"""What calibration looks like by chance in a model that is perfectly calibrated; pure Python.

Scores are taken as binormal: log-odds are N(c ± δ²/2, δ²) in the classes, c = logit(prevalence) and
δ = √2 Φ⁻¹(AUC). Of all binormal scores with equal variances these are the calibrated ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from mlops_spec.stats.power import Risk, Size

_STANDARD: Final = NormalDist()
_POINTS: Final = 240
_WIDEST: Final = 8.0


@dataclass(frozen=True, slots=True)
class Scores:
    """Moments of calibrated log-odds x with p = 1 / (1 + exp(-x)).

    `variance` is the mean of p(1 - p); `information` that of one row on intercept and slope: means
    of p(1 - p), of x p(1 - p), of x² p(1 - p). `noise` and `pull` are of Spiegelhalter's
    statistic: the means of (1 - 2p)² p(1 - p) and of x p(1 - p)(1 - 2p).
    """

    variance: float
    information: tuple[float, float, float]
    noise: float
    pull: float


def binormal(prevalence: float, area: float) -> Scores:
    """The scores of a calibrated model of that prevalence and area; both within (0, 1)."""
    delta = math.sqrt(2) * _STANDARD.inv_cdf(min(max(area, 0.501), 0.999))
    middle = math.log(prevalence / (1 - prevalence))
    reach = delta * delta / 2 + _WIDEST * delta
    step = 2 * reach / _POINTS
    sums = [0.0] * 5
    for i in range(_POINTS + 1):
        x = middle - reach + i * step
        p = 1 / (1 + math.exp(-x))
        weight = (
            step
            / delta
            * (
                prevalence * _STANDARD.pdf((x - middle) / delta - delta / 2)
                + (1 - prevalence) * _STANDARD.pdf((x - middle) / delta + delta / 2)
            )
        )
        each = weight * p * (1 - p)
        for place, factor in enumerate((1, x, x * x, (1 - 2 * p) ** 2, x * (1 - 2 * p))):
            sums[place] += each * factor
    return Scores(sums[0], (sums[0], sums[1], sums[2]), sums[3], sums[4])


def slope_error(scores: Scores, n: float) -> float:
    """The standard error of the reliability slope (Cox 1958) of n rows; infinite without rows."""
    if n <= 0:
        return math.inf
    own, cross, square = scores.information
    return math.sqrt(own / (own * square - cross * cross) / n)


def detectable_slope(scores: Scores, n: float, risk: Risk) -> Size:
    """How far from 1 a slope must be for n rows to show it: z times its standard error."""
    return Size(risk.z * slope_error(scores, n)) if n > 0 else Size(None, "no rows")


def detectable_slope_by_spiegelhalter(scores: Scores, n: float, risk: Risk) -> Size:
    """The same by Spiegelhalter's z: z √(noise / n) / pull, to first order in the slope."""
    if n <= 0:
        return Size(None, "no rows")
    if scores.pull == 0:
        return Size(None, "scores that say nothing have no slope to show")
    return Size(risk.z * math.sqrt(scores.noise / n) / abs(scores.pull))


def l2_error(n: float, bins: int, variance: float) -> float:
    """The standard error of the debiased L2 of a perfect model: v √(2 B) / n.

    Each of B bins of n/B rows adds w² 2 (v B/n)² to the variance, w = 1/B.
    """
    return variance * math.sqrt(2 * bins) / n if n > 0 else math.inf


def detectable_l2(n: float, bins: int, variance: float, risk: Risk) -> Size:
    """The smallest debiased L2 (squared probability) that n rows tell from 0."""
    return Size(risk.z * l2_error(n, bins, variance)) if n > 0 else Size(None, "no rows")


def level_error(n: float, variance: float) -> float:
    """The standard error of mean prediction less share of positives: √(v / n)."""
    return math.sqrt(variance / n) if n > 0 else math.inf


def refused_though_right(least: float, most: float, right: float, error: float, z: float) -> float:
    """How often the bounds right ± z errors of an estimate around `right` leave [least, most]."""
    if error <= 0:
        return 0.0 if least <= right <= most else 1.0
    low, high = least + z * error, most - z * error
    if low >= high:
        return 1.0
    inside = _STANDARD.cdf((high - right) / error) - _STANDARD.cdf((low - right) / error)
    return 1.0 - inside
