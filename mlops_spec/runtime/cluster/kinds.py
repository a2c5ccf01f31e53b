"""Every kind of object that is ever rendered: in which order, what may be removed, who asks for it.

What others stand on comes first: a pod is refused while its account is not there, and Argo takes
no Rollout whose analyses it does not know. Removed, the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ROUTER: Final = ("environment", "serve", "router")
_OPERATOR: Final = ("environment", "monitoring", "operator")
_SPARK: Final = ("environment", "spark")


@dataclass(frozen=True, slots=True)
class Kind:
    """`kept`: never removed, because it holds data, work or what is not ours.

    `asked_by`: the field of the environment that asks for a kind that not every cluster has.
    """

    api: str
    name: str
    kept: bool = False
    asked_by: tuple[str, ...] = ()


KINDS: Final = (
    Kind("v1", "Namespace", kept=True),
    Kind("v1", "ServiceAccount"),
    Kind("v1", "ConfigMap"),
    Kind("networking.k8s.io/v1", "NetworkPolicy"),
    Kind("v1", "PersistentVolumeClaim", kept=True),
    Kind("v1", "Service"),
    Kind("policy/v1", "PodDisruptionBudget"),
    Kind("argoproj.io/v1alpha1", "AnalysisTemplate", asked_by=_ROUTER),
    Kind("apps/v1", "Deployment"),
    Kind("argoproj.io/v1alpha1", "Rollout", asked_by=_ROUTER),
    Kind("batch/v1", "CronJob"),
    # Rendered for whoever starts it, never applied: one that runs is somebody's work.
    Kind("sparkoperator.k8s.io/v1beta2", "SparkApplication", kept=True, asked_by=_SPARK),
    Kind("sparkoperator.k8s.io/v1beta2", "ScheduledSparkApplication", asked_by=_SPARK),
    Kind("monitoring.coreos.com/v1", "PrometheusRule", asked_by=_OPERATOR),
    Kind("monitoring.coreos.com/v1", "PodMonitor", asked_by=_OPERATOR),
    Kind("autoscaling/v2", "HorizontalPodAutoscaler"),
    Kind("keda.sh/v1alpha1", "ScaledObject", asked_by=("environment", "monitoring", "prometheus")),
    Kind("gateway.networking.k8s.io/v1", "HTTPRoute", asked_by=_ROUTER),
)
RANK: Final[Mapping[str, int]] = {kind.name: rank for rank, kind in enumerate(KINDS)}
ASKED_BY: Final[Mapping[str, tuple[str, ...]]] = {kind.name: kind.asked_by for kind in KINDS}
# What may be removed, in the order in which it can be.
REMOVED: Final = tuple((kind.api, kind.name) for kind in reversed(KINDS) if not kind.kept)
