"""Several Gates policies to the one that decides: later ones win, metric by metric."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from mlops_spec.model.spec.gates import GatesSpec
from mlops_spec.terms.metrics import PRIMARY

T = TypeVar("T")
# Of these, a later policy's replaces an earlier one's, whole.
_SINGLE: Final = (
    "confidence", "decide_on", "min_rows", "on_inconclusive", "cluster", "blocks",
    "evaluation_budget", "size", "stability", "leakage", "consistency",
)  # fmt: skip
# Of these, entry by entry.
_BY_NAME: Final = ("segments", "fairness", "calibration", "latency")


def merge(name: str, policies: Iterable[GatesSpec], task: str) -> GatesSpec:
    """One policy named `name`, with `primary` as the task's metric; unset overrides nothing."""
    ordered = tuple(policies)
    stated: dict[str, Any] = {
        field: value
        for policy in ordered
        for field in _SINGLE
        if (value := getattr(policy, field)) is not None
    }
    stated |= {
        field: {name: entry for policy in ordered for name, entry in getattr(policy, field).items()}
        for field in _BY_NAME
    }
    return GatesSpec(
        kind="Gates",
        name=name,
        metrics=_by_metric((policy.metrics for policy in ordered), task),
        production=_by_metric((policy.production for policy in ordered), task),
        **stated,
    )


def _by_metric(parts: Iterable[dict[str, T]], task: str) -> dict[str, T]:
    merged: dict[str, T] = {}
    for part in parts:
        # Within one policy the metric's own entry says more than `primary`.
        primary = {PRIMARY[task]: part["primary"]} if "primary" in part else {}
        merged |= primary | {metric: entry for metric, entry in part.items() if metric != "primary"}
    return merged
