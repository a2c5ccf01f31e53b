"""How many copies a scaler keeps at least. Pure.

A Deployment that is made from nothing has one copy until its scaler has looked at it, which takes
that up to half a minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from mlops_spec.runtime.cluster.objects import Object

_BOUNDS: Final = {
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}
# By API version and kind; an environment renders one of them.
SCALERS: Final = (
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("keda.sh/v1alpha1", "ScaledObject"),
)


def is_scaler(found: Object) -> bool:
    return found["kind"] in _BOUNDS


def least_of(objects: Iterable[Object]) -> int:
    """The copies that the scaler among these objects keeps at least; 1 where there is none."""
    return max((_least(found) for found in objects if is_scaler(found)), default=1)


def at_least(scaler: Object, wanted: int) -> Object:
    """A scaler that keeps at least so many pods, within its own bounds."""
    low, high = _BOUNDS[scaler["kind"]]
    spec: dict[str, Any] = scaler["spec"]
    number = max(_least(scaler), min(wanted, int(spec.get(high, wanted))))
    return {**scaler, "spec": {**spec, low: number}}


def _least(scaler: Object) -> int:
    low, _ = _BOUNDS[scaler["kind"]]
    return int(scaler["spec"].get(low, 1))
