"""Gates on the model itself: each says what it may not exceed, and may be exceeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import EMPTY_ARTIFACT_GATE
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Loc
from mlops_spec.model.spec.gates import GatesSpec, LatencyLimit, Limit, ShareLimit
from mlops_spec.model.units import Share

_WHOLE: Final = Share(1.0)
_CHANCE: Final = 0.5  # the area of a feature that tells nothing
_PERFECT: Final = 1
_TELLABLE: Final = 0.02  # of a time: docs/adr/0052


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong with an entry, where it stands, and what to write instead."""

    at: Loc
    message: str
    help: str


def artifact_gates_decide(scope: Scope, found: Diagnostics) -> None:
    """MLS329: an entry with a limit, of the kind it takes, that some model can meet and miss."""
    for document in scope.of(GatesSpec):
        for fault in _faults(document.spec):
            # A missing limit is shown at its entry; a wrong one where it stands.
            at = document.places.key(*fault.at)
            found.add(EMPTY_ARTIFACT_GATE, fault.message, at=at, help=fault.help)


def _faults(spec: GatesSpec) -> Iterator[_Fault]:
    for quantile, latency in spec.latency.items():
        yield from _latency(("latency", quantile), quantile, latency)
    if spec.size is not None and spec.size.max.count == 0:
        yield _Fault(
            ("size", "max"), "no model has a size of 0", "write the largest size, such as 50MB"
        )
    yield from _stability(spec)
    yield from _leakage(spec)
    yield from _consistency(spec)


def _latency(at: Loc, quantile: str, limit: LatencyLimit) -> Iterator[_Fault]:
    if limit.max is None and limit.slower_by is None:
        help = f"write {quantile}: {{max: 20ms}}, or {{slower_by: 10%}} than production, or both"
        yield _Fault(at, f"the limit on {quantile} has neither max nor slower_by", help)
    if limit.max is not None and limit.max.seconds == 0:
        yield _Fault((*at, "max"), "nothing is scored in no time", "write a time, such as 20ms")
    if limit.slower_by is not None and limit.slower_by.unit != "%":
        yield _Fault(
            (*at, "slower_by"),
            f"slower_by is {limit.slower_by}; it is a share of production's time",
            "write a percentage such as 10%; for a time of its own write max: 20ms",
        )
    elif limit.slower_by is not None and limit.slower_by.value < _TELLABLE:
        yield _Fault(
            (*at, "slower_by"),
            f"slower_by is {limit.slower_by}; two copies of one model differ by as much",
            "write 5% or more: where a model lies in memory makes up to 2%",
        )


def _stability(spec: GatesSpec) -> Iterator[_Fault]:
    if spec.stability is None:
        return
    if spec.stability.noise.value == 0:
        help = "write how many standard deviations, such as 1%"
        yield _Fault(("stability", "noise"), "noise of 0% changes nothing", help)
    yield from _share(("stability", "changed"), spec.stability.changed)


def _leakage(spec: GatesSpec) -> Iterator[_Fault]:
    leakage = spec.leakage
    if leakage is None:
        return
    if leakage.single_feature is None and leakage.duplicates is None:
        help = "write single_feature: {max: 0.98}, or duplicates: {max: 1%}, or both"
        yield _Fault(("leakage",), "leakage limits nothing", help)
    if leakage.single_feature is not None:
        yield from _single_feature(leakage.single_feature)
    yield from _share(("leakage", "duplicates"), leakage.duplicates)


def _single_feature(limit: Limit) -> Iterator[_Fault]:
    at, help = ("leakage", "single_feature"), "write the largest AUC of one feature: {max: 0.98}"
    yield from _only_max(at, limit, help)
    if limit.max is not None and not _CHANCE < limit.max < _PERFECT:
        message = f"max is {limit.max}; a feature alone ranks the label between 0.5 and 1"
        yield _Fault((*at, "max"), message, help)


def _consistency(spec: GatesSpec) -> Iterator[_Fault]:
    consistency = spec.consistency
    if consistency is None:
        return
    if consistency.difference is None and consistency.changed is None:
        help = "write difference: {max: 0.001}, or changed: {max: 0.1%}, or both"
        yield _Fault(("consistency",), "consistency limits nothing", help)
    if consistency.difference is not None:
        at, help = ("consistency", "difference"), "write the largest difference: {max: 0.001}"
        yield from _only_max(at, consistency.difference, help)
        most = consistency.difference.max
        if most is not None and most < 0:
            message = f"max is {most}, but a difference is never below 0"
            yield _Fault((*at, "max"), message, help)
    yield from _share(("consistency", "changed"), consistency.changed)


def _only_max(at: Loc, limit: Limit, help: str) -> Iterator[_Fault]:
    if limit.min is not None:
        yield _Fault((*at, "min"), "min asks for what should be small", help)
    elif limit.max is None:
        yield _Fault(at, f"{at[-1]} has no max", help)


def _share(at: Loc, limit: ShareLimit | None) -> Iterator[_Fault]:
    if limit is not None and limit.max == _WHOLE:
        yield _Fault((*at, "max"), "all of them may: nothing is ever refused", "write less, or 1%")


RULES: Final = (artifact_gates_decide,)
