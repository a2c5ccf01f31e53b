"""A tolerance for a slower model that timings of equal models do not keep."""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import MARGIN_BELOW_NOISE
from mlops_spec.link.rules.power.cases import cases
from mlops_spec.link.rules.power.words import number, percent
from mlops_spec.link.scope import Scope
from mlops_spec.model.spec.gates import LatencyLimit

_NORMAL: Final = NormalDist()


def slower_is_above_the_noise(scope: Scope, found: Diagnostics) -> None:
    """MLS330: what the last timings beside production could not have told apart."""
    for case in cases(scope):
        for entry in case.entries("latency"):
            limit: LatencyLimit = entry.value
            error = case.known.slowness.get(entry.name)
            if error is None or limit.slower_by is None or case.on_point:
                continue
            margin = limit.slower_by.value
            if margin <= 0 or margin >= case.risk.z * error:
                continue
            passed = _NORMAL.cdf(margin / error - case.risk.z_alpha)
            found.add(
                MARGIN_BELOW_NOISE,
                f"latency.{entry.name}{entry.of} slower_by: {limit.slower_by} is below the noise: "
                f"timed as at the last run, a candidate that is as fast as production passes "
                f"{percent(passed)} of the time",
                at=entry.at("slower_by"),
                help=f"write slower_by: {number(100 * case.risk.z * error)}%, or time on a machine "
                "with less to do; p50 varies least of all quantiles",
            )
