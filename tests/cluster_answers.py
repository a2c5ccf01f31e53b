"""What the test cluster answers, as Kubernetes says it."""

from __future__ import annotations

import json

from cluster_pods import Image

KINDS = {
    "v1": {"namespaces": "Namespace", "services": "Service", "serviceaccounts": "ServiceAccount",
           "configmaps": "ConfigMap", "pods": "Pod",
           "persistentvolumeclaims": "PersistentVolumeClaim"},
    "apps/v1": {"deployments": "Deployment", "replicasets": "ReplicaSet"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "batch/v1": {"cronjobs": "CronJob"},
    "networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy"},
    "gateway.networking.k8s.io/v1": {"httproutes": "HTTPRoute"},
    "keda.sh/v1alpha1": {"scaledobjects": "ScaledObject"},
    "monitoring.coreos.com/v1": {"podmonitors": "PodMonitor", "prometheusrules": "PrometheusRule"},
}  # fmt: skip


def status(code: int, reason: str, message: str, causes: tuple[dict, ...] = ()) -> dict:
    """An answer as Kubernetes gives it when it says no."""
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason,
            "message": message, "details": {"causes": list(causes)}}  # fmt: skip


def yes(found: dict) -> tuple[int, bytes]:
    return 200, json.dumps(found).encode()


def no(code: int, reason: str, message: str) -> tuple[int, bytes]:
    return code, json.dumps(status(code, reason, message)).encode()


def told(
    objects: dict, images: dict[str, Image], path: list[str], query: dict
) -> tuple[int, bytes]:
    """The log of a pod, or what happened to it."""
    pods = {k[3]: o for k, o in objects.items() if k[1] == "Pod"}
    name = path[-2] if path[-1] == "log" else query["fieldSelector"].partition("=")[2]
    if name not in pods:
        return yes({"items": []})
    image = pods[name]["status"]["containerStatuses"][0]["image"]
    how = images.get(image, Image())
    if path[-1] == "log":
        return 200, how.log.encode()
    return yes({"items": [{"reason": reason, "message": said} for reason, said in how.events]})
