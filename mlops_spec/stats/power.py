"""Rows needed to see an effect, and the smallest effect that rows can show; closed forms.

z = z_alpha + z_power throughout, alpha one-sided. Shares and gains are fractions (0.01 is one
percentage point). Rows that come in clusters: multiply by `cluster.design_effect`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

_NORMAL = NormalDist()
_NEVER = "the effect does not clear the limit, so no number of rows shows it"


@dataclass(frozen=True, slots=True)
class Size:
    """Rows or an effect; None, with the reason, where there is no such number."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Risk:
    """The chance of passing what should not pass, and of passing what should."""

    alpha: float = 0.05
    power: float = 0.80

    @property
    def z(self) -> float:
        return self.z_alpha + self.z_power

    @property
    def z_alpha(self) -> float:
        return _NORMAL.inv_cdf(1 - self.alpha)

    @property
    def z_power(self) -> float:
        return _NORMAL.inv_cdf(self.power)


def rows_for_share(share: float, limit: float, risk: Risk) -> Size:
    """Rows (of the metric's denominator) at which a true `share` clears `limit`.

    (z_alpha √(l(1 - l)) + z_power √(p(1 - p)))² / (p - l)²: Fleiss, Levin and Paik 2003, 2.6.
    """
    if share == limit or not (0 < limit < 1 and 0 <= share <= 1):
        return Size(None, _NEVER)
    spread = risk.z_alpha * math.sqrt(limit * (1 - limit))
    spread += risk.z_power * math.sqrt(share * (1 - share))
    return Size(math.ceil((spread / (share - limit)) ** 2))


def detectable_share(share: float, n: int, risk: Risk) -> Size:
    """How far from `share` a limit must be for n rows to tell: z √(p(1 - p)/n)."""
    return _root(risk.z**2 * share * (1 - share), n)


def most_when_none(n: int, risk: Risk) -> float:
    """The upper bound of a share of which n rows show none: z²/(n + z²), Wilson's. 1 without rows.

    1 less this is the lower bound of a share that all rows show.
    """
    return risk.z_alpha**2 / (n + risk.z_alpha**2) if n > 0 else 1.0


def rows_when_none(limit: float, risk: Risk) -> int:
    """The fewest rows that bound a share by `limit`, in (0, 1), if none of them shows it."""
    return math.ceil(risk.z_alpha**2 * (1 - limit) / limit)


def rows_for_paired(disagreement: float, gain: float, margin: float, risk: Risk) -> Size:
    """Rows at which a true `gain` of shares on the same rows clears `margin`.

    z² (π - d²) / (d - m)², π the share of rows on which the models disagree (Connor, Biometrics 43
    (1987) 207-211, with a margin).
    """
    if gain <= margin:
        return Size(None, _NEVER)
    if abs(gain) > disagreement:
        return Size(None, "models cannot differ by more than they disagree")
    return Size(math.ceil(risk.z**2 * (disagreement - gain**2) / (gain - margin) ** 2))


def detectable_paired(disagreement: float, n: int, margin: float, risk: Risk) -> Size:
    """The smallest true gain that clears `margin` on n rows: the root of n(d - m)² = z²(π - d²)."""
    if n <= 0:
        return Size(None, "no rows")
    scale = n + risk.z**2
    inner = (n * margin) ** 2 - scale * (n * margin**2 - risk.z**2 * disagreement)
    gain = (n * margin + math.sqrt(max(inner, 0.0))) / scale
    if gain > disagreement:
        return Size(None, "models that disagree this seldom cannot differ by as much as needed")
    return Size(gain)


def rows_for_unpaired(first: float, second: float, margin: float, risk: Risk) -> Size:
    """Rows on each side at which first - second clears `margin`: z² (p q + p' q') / (d - m)²."""
    if first - second <= margin:
        return Size(None, _NEVER)
    variance = first * (1 - first) + second * (1 - second)
    return Size(math.ceil(risk.z**2 * variance / (first - second - margin) ** 2))


def rows_for_mean(deviation: float, gain: float, margin: float, risk: Risk) -> Size:
    """Rows at which a mean (paired loss) clears `margin`: z² s² / (d - m)²."""
    if gain <= margin:
        return Size(None, _NEVER)
    return Size(max(1, math.ceil((risk.z * deviation / (gain - margin)) ** 2)))


def detectable_mean(deviation: float, n: int, risk: Risk) -> Size:
    """The smallest mean difference that n rows show: z s / √n, in the unit of s."""
    return _root((risk.z * deviation) ** 2, n)


def auc_variance(area: float, positives: int, negatives: int) -> float:
    """Hanley and McNeil, Radiology 143 (1982) 29-36; infinite without both classes.

    [A(1 - A) + (m - 1)(A/(2 - A) - A²) + (n - 1)(2A²/(1 + A) - A²)] / (m n)
    """
    if positives < 1 or negatives < 1:
        return math.inf
    cases = (positives - 1) * (area / (2 - area) - area**2)
    controls = (negatives - 1) * (2 * area**2 / (1 + area) - area**2)
    return (area * (1 - area) + cases + controls) / (positives * negatives)


def detectable_auc(area: float, positives: int, negatives: int, risk: Risk) -> Size:
    """How far from `area` a limit must be: z times Hanley and McNeil's error."""
    variance = auc_variance(area, positives, negatives)
    return Size(risk.z * math.sqrt(variance)) if math.isfinite(variance) else _one_class()


def detectable_auc_gain(
    area: float, positives: int, negatives: int, correlation: float, risk: Risk
) -> Size:
    """The smallest gain in AUC on the same rows: z √(2 V (1 - r)), r between the two areas.

    Hanley and McNeil, Radiology 148 (1983) 839-843; two versions of a model have r of 0.8 to 0.99.
    """
    variance = auc_variance(area, positives, negatives)
    if not math.isfinite(variance):
        return _one_class()
    return Size(risk.z * math.sqrt(2 * variance * (1 - correlation)))


def _root(variance: float, n: int) -> Size:
    return Size(math.sqrt(variance / n)) if n > 0 else Size(None, "no rows")


def _one_class() -> Size:
    return Size(None, "both classes are needed")
