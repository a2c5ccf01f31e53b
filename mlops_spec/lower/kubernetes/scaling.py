"""One owner of the number of copies: requests per second where Prometheus is known, else CPU."""

from __future__ import annotations

from typing import Final

from mlops_spec.lower.kubernetes.head import Object, head
from mlops_spec.lower.origin import Placed, own_series
from mlops_spec.terms import exposition
from mlops_spec.terms.labels import USERS_OF_EITHER

_CPU_TARGET: Final = 80  # percent of the request at which the scaler adds a copy
_CALM_SECONDS: Final = 300  # a lull this long, and copies go
_RATE_WINDOW: Final = "2m"  # two scrapes at least lie in it, also at Prometheus' default of 1m

# Slowly: when requests come back from a candidate, a scaler has seen idle pods for long, and learns
# within a minute that they are needed. At least one pod, or few would never become fewer.
_DOWN: Final[Object] = {
    "scaleDown": {
        "stabilizationWindowSeconds": _CALM_SECONDS,
        "policies": [
            {"type": "Percent", "value": 10, "periodSeconds": 60},
            {"type": "Pods", "value": 1, "periodSeconds": 60},
        ],
    }
}


def autoscaler(placed: Placed) -> Object:
    """A KEDA ScaledObject on requests, or a HorizontalPodAutoscaler on CPU; never both."""
    monitoring = placed.environment.monitoring
    if monitoring is not None and monitoring.prometheus is not None:
        return _by_requests(placed, monitoring.prometheus)
    return _by_cpu(placed)


def _target(placed: Placed) -> Object:
    """What is scaled."""
    if placed.environment.serve.router == "argo-rollouts":
        kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    else:
        kind = {"apiVersion": "apps/v1", "kind": "Deployment"}
    return {**kind, "name": placed.origin.model}


def _by_cpu(placed: Placed) -> Object:
    replicas = placed.model.spec.serve.replicas
    cpu = {"type": "Utilization", "averageUtilization": _CPU_TARGET}
    return {
        **head("autoscaling/v2", "HorizontalPodAutoscaler", placed),
        "spec": {
            "scaleTargetRef": _target(placed),
            "minReplicas": replicas.min,
            "maxReplicas": replicas.max,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": cpu}}],
            "behavior": _DOWN,
        },
    }


def _by_requests(placed: Placed, prometheus: str) -> Object:
    replicas = placed.model.spec.serve.replicas
    trigger = {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": prometheus,
            "query": _requests_per_second(placed),
            "threshold": str(replicas.at_rps),
            "ignoreNullValues": "false",  # no series is no proof of no requests
        },
    }
    return {
        **head("keda.sh/v1alpha1", "ScaledObject", placed),
        "spec": {
            "scaleTargetRef": _target(placed),
            "minReplicaCount": replicas.min,
            "maxReplicaCount": replicas.max,
            "pollingInterval": 15,
            # Without Prometheus, what runs goes on to run.
            "fallback": {
                "failureThreshold": 3,
                "replicas": replicas.min,
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _DOWN}},
            "triggers": [trigger],
        },
    }


def _requests_per_second(placed: Placed) -> str:
    """Of users, on both tracks: while a candidate answers all, production can take it back.

    A candidate's scaler asks for its own track alone (`runtime.cluster.instance`), which only the
    Prometheus operator tells apart. A Rollout of Argo's has the pods of both versions.
    """
    watched = placed.environment.monitoring
    told_apart = watched is not None and watched.operator == "prometheus-operator"
    tracks = told_apart and placed.environment.serve.router == "gateway-api"
    counted = USERS_OF_EITHER if tracks else exposition.TO_USERS
    asked = f"{exposition.REQUESTS}{{{own_series(placed)}, {counted}}}"
    return f"sum(rate({asked}[{_RATE_WINDOW}]))"
