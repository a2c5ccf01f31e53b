"""Limits on segments, on fairness and on calibration: each says something that can be met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mlops_spec.diagnostics import Code, Diagnostics
from mlops_spec.diagnostics.catalogue import (
    AMBIGUOUS_MARGIN,
    EMPTY_LIMIT,
    LIMITS_CROSS,
    MARGIN_MISFIT,
)
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Loc
from mlops_spec.model.spec.gates import Disparity, Fairness, GatesSpec, Limit, Segments
from mlops_spec.terms.metrics import METRICS

MEASURES: Final = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "equalized_odds_difference",
)
_RATIO: Final = "demographic_parity_ratio"
# The errors have an end at 0; slope and in_the_large have two sides.
_ERRORS: Final = frozenset({"ece", "debiased_l2"})
_EXAMPLES: Final = {
    "ece": "{max: 0.05}",
    "debiased_l2": "{max: 0.002}",
    "slope": "{min: 0.8, max: 1.25}",
    "in_the_large": "{min: -0.02, max: 0.02}",
}


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong, at which value (or key), and what to write instead."""

    code: Code
    at: Loc
    message: str
    help: str
    at_key: bool = False


def group_limits_decide(scope: Scope, found: Diagnostics) -> None:
    """MLS307, MLS313, MLS314, MLS315: as for the limits on all rows."""
    for document in scope.of(GatesSpec):
        for fault in _faults(document.spec):
            places = document.places
            at = places.key(*fault.at) if fault.at_key else places.value(*fault.at)
            found.add(fault.code, fault.message, at=at, help=fault.help)


def _faults(spec: GatesSpec) -> Iterator[_Fault]:
    for name, segments in spec.segments.items():
        yield from _segments(("segments", name), segments)
    for name, fairness in spec.fairness.items():
        yield from _fairness(("fairness", name), fairness)
    for measure, limit in spec.calibration.items():
        yield from _calibration(("calibration", measure), measure, limit)


def _segments(at: Loc, spec: Segments) -> Iterator[_Fault]:
    if spec.min is None and spec.max is None and spec.hypothesis is None:
        message = f"the segments {at[-1]} have neither min nor max nor hypothesis"
        help = "write min: 0.6, or hypothesis: non_inferiority and a margin"
        yield _Fault(EMPTY_LIMIT, at, message, help, at_key=True)
    yield from _crossed(at, spec.min, spec.max)
    if spec.min is not None and spec.min > 1 and _is_share(spec.metric):
        message = f"min is {spec.min}, but {spec.metric} is never above 1"
        yield _Fault(LIMITS_CROSS, (*at, "min"), message, "0.7 stands for 70%")
    yield from _hypothesis(at, spec)
    yield from _margin(at, spec)


def _hypothesis(at: Loc, spec: Segments) -> Iterator[_Fault]:
    kind, margin = spec.hypothesis, spec.margin
    if kind is None and margin is not None:
        message, help = "a margin without a hypothesis", "write hypothesis: non_inferiority"
        yield _Fault(MARGIN_MISFIT, (*at, "margin"), message, help, at_key=True)
    elif kind == "superiority" and margin is not None:
        message = "superiority means better at all, and takes no margin"
        help = "remove it, or write hypothesis: margin for better by more than it"
        yield _Fault(MARGIN_MISFIT, (*at, "margin"), message, help, at_key=True)
    elif kind not in {None, "superiority"} and margin is None:
        message = f"{kind} on {spec.metric} has no margin"
        help = "write margin: 2% (relative) or margin: 0.5pp (in points)"
        yield _Fault(MARGIN_MISFIT, (*at, "hypothesis"), message, help)


def _margin(at: Loc, spec: Segments) -> Iterator[_Fault]:
    margin, metric = spec.margin, spec.metric
    if margin is None or (metric not in METRICS and metric != "primary"):
        return
    if margin.unit == "" and _is_share(metric):
        relative = f"{margin.value * 100:.6g}"
        message = f"a margin of {margin} on {metric} could be {relative}% of it or {relative}pp"
        help = f"write {relative}% or {relative}pp"
        yield _Fault(AMBIGUOUS_MARGIN, (*at, "margin"), message, help)
    elif margin.unit == "pp" and not _is_share(metric):
        message = f"{metric} is not a share, so that a margin in points means nothing"
        help = "write a relative margin (2%), or a number in the metric's own unit"
        yield _Fault(AMBIGUOUS_MARGIN, (*at, "margin"), message, help)


def _is_share(metric: str) -> bool:
    return metric == "primary" or (metric in METRICS and METRICS[metric].share)


def _fairness(at: Loc, spec: Fairness) -> Iterator[_Fault]:
    measures = {name: getattr(spec, name) for name in MEASURES}
    if not any(measures.values()):
        message = f"the fairness {at[-1]} limits nothing"
        help = "write equal_opportunity_difference: {max: 0.1}"
        yield _Fault(EMPTY_LIMIT, at, message, help, at_key=True)
    for name, limit in measures.items():
        if limit is not None:
            yield from _disparity((*at, name), name, limit)


def _disparity(at: Loc, name: str, limit: Disparity) -> Iterator[_Fault]:
    end, other = ("min", "max") if name == _RATIO else ("max", "min")
    example = "{min: 0.8}" if name == _RATIO else "{max: 0.1}, or {no_worse_by: 2pp}"
    help = f"write {name}: {example}"
    if getattr(limit, other) is not None:
        message = f"{name} takes {end}, and no {other}"
        yield _Fault(EMPTY_LIMIT, (*at, other), message, help, at_key=True)
    elif getattr(limit, end) is None and (name == _RATIO or limit.no_worse_by is None):
        yield _Fault(EMPTY_LIMIT, at, f"{name} has no {end}", help, at_key=True)
    value = getattr(limit, end)
    if value is not None and not 0 <= value <= 1:
        message = f"{end} is {value}, but {name} lies between 0 and 1"
        yield _Fault(LIMITS_CROSS, (*at, end), message, "0.1 stands for 10 points")
    yield from _no_worse(at, name, limit)


def _no_worse(at: Loc, name: str, limit: Disparity) -> Iterator[_Fault]:
    margin = limit.no_worse_by
    if margin is None:
        return
    if name == _RATIO:
        message = "no_worse_by compares differences, and this is a ratio"
        help = "write demographic_parity_difference: {no_worse_by: 2pp}"
        yield _Fault(EMPTY_LIMIT, (*at, "no_worse_by"), message, help, at_key=True)
    elif margin.unit != "pp":
        points = f"{margin.value * 100:.6g}pp"
        message = f"no_worse_by is {margin}, which could be of production's difference or in points"
        yield _Fault(AMBIGUOUS_MARGIN, (*at, "no_worse_by"), message, f"write {points}")


def _calibration(at: Loc, measure: str, limit: Limit) -> Iterator[_Fault]:
    help = f"write {measure}: {_EXAMPLES[measure]}"
    if measure in _ERRORS:
        yield from _error(at, measure, limit, help)
    elif limit.min is None and limit.max is None:
        message = f"the limit on {measure} has neither min nor max"
        yield _Fault(EMPTY_LIMIT, at, message, help, at_key=True)
    yield from _crossed(at, limit.min, limit.max)


def _error(at: Loc, measure: str, limit: Limit, help: str) -> Iterator[_Fault]:
    if limit.min is not None:
        message = f"{measure} is an error: it takes max, and no min"
        yield _Fault(EMPTY_LIMIT, (*at, "min"), message, help, at_key=True)
    elif limit.max is None:
        yield _Fault(EMPTY_LIMIT, at, f"{measure} has no max", help, at_key=True)
    if limit.max is not None and limit.max <= 0:
        message = f"max is {limit.max}, but no error of real rows is shown to be 0 or below"
        yield _Fault(LIMITS_CROSS, (*at, "max"), message, help)


def _crossed(at: Loc, least: float | None, most: float | None) -> Iterator[_Fault]:
    if least is not None and most is not None and least > most:
        message = f"min is {least}, above max, which is {most}"
        yield _Fault(LIMITS_CROSS, (*at, "min"), message, "exchange the two")


RULES: Final = (group_limits_decide,)
