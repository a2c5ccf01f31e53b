"""What a mutant truly does to the thing it damages, and the least of it that the rows can show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Gates, Segments
from mlops_spec.runtime.gates.own_metric import is_own
from mlops_spec.runtime.gates.selftest.targets import Target
from mlops_spec.stats.estimate import Estimate, two_sided
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.metrics import difference
from mlops_spec.stats.power import Risk
from mlops_spec.stats.proportions import paired_difference
from mlops_spec.stats.resample import Units, of_clusters
from mlops_spec.terms.metrics import METRICS, PRIMARY

# What a mutant damages, and so which rules could be expected to see it.
Damage = Literal["quality", "group", "calibration", "bias", "latency"]

_CALIBRATION: Final = {
    "binary": "brier_score", "multiclass": "log_loss", "regression": "root_mean_squared_error",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effect:
    """The true harm (more is worse) in the unit of `of`, and the smallest that can be detected.

    None where these rows do not define it.
    """

    of: str
    harm: float | None
    detectable: float | None

    @property
    def is_detectable(self) -> bool:
        """Whether the harm is beyond what chance looks like."""
        known = self.harm is not None and self.detectable is not None
        return known and (self.harm or 0.0) > (self.detectable or 0.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """How harm is measured: what the gates ask for, at their confidence."""

    gates: Gates
    task: str
    units: Units | None = None

    @property
    def level(self) -> float:
        return two_sided(self.gates.confidence)

    def effect(self, of: str, gain: Estimate, sign: int) -> Effect:
        """`sign` 1 where more is better. The least harm that is found with 80 % power is
        (z_α + z_β) standard errors; the interval's half-width is z_α of them.
        """
        if not gain.known:
            return Effect(of, None, None)
        risk = Risk(alpha=1 - self.gates.confidence)
        half = (gain.high - gain.low) / 2
        return Effect(of, -sign * gain.value, half * risk.z / risk.z_alpha)


def on_all(scale: Scale, mutant: Judged, original: Judged) -> Effect:
    """The loss in the metric that the gates compare, or else limit; the task's own without any."""
    return _metric(scale, _asked_metric(scale.gates, scale.task), mutant, original, scale.units)


def in_group(scale: Scale, mutant: Judged, original: Judged, target: Target) -> Effect:
    """The loss within the group, in the metric that its rule asks for."""
    asked = target.rule.rule.metric if isinstance(target.rule, Segments) else ""
    metric = asked if asked in METRICS else PRIMARY[scale.task]
    units = _restricted(scale.units, target)
    on_rows = [rows.take(target.places) for rows in (mutant, original)]
    found = _metric(scale, metric, on_rows[0], on_rows[1], units)
    return replace(found, of=f"{found.of} in {target.name}")


def on_calibration(scale: Scale, mutant: Judged, original: Judged) -> Effect:
    """The loss in a score that is best for true probabilities."""
    return _metric(scale, _CALIBRATION[scale.task], mutant, original, scale.units)


def on_treatment(scale: Scale, mutant: Judged, original: Judged, target: Target) -> Effect:
    """How far the share of positive decisions in the group moved; of other tasks, its loss."""
    if scale.task != "binary":
        return in_group(scale, mutant, original, target)
    now, then = (rows.said_positive[target.places] for rows in (mutant, original))
    counts = int((now & ~then).sum()), int((then & ~now).sum()), len(target.places)
    return scale.effect(
        f"positive decisions in {target.name}",
        paired_difference(*counts, scale.level), -target.pushed,
    )  # fmt: skip


def _metric(
    scale: Scale, metric: str, mutant: Judged, original: Judged, units: Units | None
) -> Effect:
    gain = difference(metric, mutant, original, scale.level, units=units)
    return scale.effect(metric, gain, 1 if METRICS[metric].more_is_better else -1)


def _asked_metric(gates: Gates, task: str) -> str:
    compared = [rule.metric for rule in gates.gates if isinstance(rule, Against)]
    limited = [rule.metric for rule in gates.gates if isinstance(rule, AtLeast | AtMost)]
    known = [m for m in (*compared, *limited) if not is_own(m) and m in METRICS]
    fitting = [m for m in known if task in METRICS[m].tasks]
    primary = PRIMARY[task]
    return primary if primary in fitting or not fitting else fitting[0]


def _restricted(units: Units | None, target: Target) -> Units | None:
    if units is None or units.of_row is None:
        return None
    return of_clusters(units.of_row[target.places])
