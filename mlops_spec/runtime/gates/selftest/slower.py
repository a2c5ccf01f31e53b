"""A slower model before the gates, made from the times that were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from mlops_spec.runtime.declare import Gates, Latency
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measured import Measured, Timings
from mlops_spec.runtime.gates.selftest.effects import Scale
from mlops_spec.runtime.gates.selftest.report import Trial
from mlops_spec.runtime.gates.selftest.trials import Court, fate_of
from mlops_spec.stats.estimate import Estimate
from mlops_spec.stats.serial_quantiles import quantile_ratio

_SLOWER: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 3.0)


def beside_itself(measured: Measured) -> Measured:
    """The recorded times beside those of the turn before: the same model, at other moments."""
    timings = measured.timings
    if timings is None:
        return measured
    before = np.roll(timings.candidate, 1)
    return replace(measured, timings=Timings(timings.candidate, before))


def slower(court: Court, scale: Scale) -> Iterator[Trial]:
    """The recorded model with every time longer. Nothing without recorded times."""
    timings = court.control.measured.timings
    quantiles = _quantiles(court.gates)
    if timings is None or timings.production is None or not quantiles:
        return
    looking = court.looking_at("latency", ())
    for strength in _SLOWER:
        slowed = Timings((1 + strength) * timings.candidate, timings.production)
        evidence = _with(court.control, slowed)
        found = quantile_ratio(slowed.candidate, timings.production, quantiles[0], scale.level)
        effect = scale.effect(f"p{quantiles[0] * 100:g} against production", _more(found), -1)
        stopped = court.stopped_by(evidence)
        strongest = strength == _SLOWER[-1]
        fate, by = fate_of(stopped, effect, looking, strongest=strongest)
        said = f"{strength:+.0%}"
        yield Trial("slower model", "latency", "every call", (), said, effect, fate, by)


def _quantiles(gates: Gates) -> tuple[float, ...]:
    return tuple(sorted(rule.quantile for rule in gates.gates if isinstance(rule, Latency)))


def _with(control: Evidence, timings: Timings) -> Evidence:
    return replace(control, measured=replace(control.measured, timings=timings))


def _more(ratio: Estimate) -> Estimate:
    """By how much more than production's: 0.1 for a tenth."""
    return replace(ratio, value=ratio.value - 1, low=ratio.low - 1, high=ratio.high - 1)
