"""What runs and answers: the service's account, its Deployment, its Service, its budget."""

from __future__ import annotations

from typing import Final

from mlops_spec.lower import conventions
from mlops_spec.lower.kubernetes import pod
from mlops_spec.lower.kubernetes.head import SERVICE, Object, head
from mlops_spec.lower.origin import Placed

_PROTOCOLS: Final = {"http": "http", "grpc": "kubernetes.io/h2c"}


def service_account(placed: Placed, component: str = SERVICE, name: str = "") -> Object:
    """An identity without a token: neither service nor job has business with the API server.

    Jobs have one of their own: what a cloud lets it read, whoever answers the public may not.
    """
    made = head("v1", "ServiceAccount", placed, component, name)
    return {**made, "automountServiceAccountToken": False}


def deployment(placed: Placed) -> Object:
    """No `replicas`: the autoscaler owns that number, and two owners would fight over it."""
    return {
        **head("apps/v1", "Deployment", placed),
        "spec": {
            **pod.REPLACED,
            "selector": {"matchLabels": conventions.selector(placed.origin)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": pod.SURGE},
            "template": pod.template(placed, "pod-template-hash"),
        },
    }


def service(placed: Placed) -> Object:
    """What the router sends to, and callers inside of the cluster."""
    ports = [
        {
            "name": name,
            "port": port,
            "targetPort": name,
            "protocol": "TCP",
            "appProtocol": _PROTOCOLS[name],
        }
        for name, port in pod.ports(placed).items()
    ]
    return {
        **head("v1", "Service", placed),
        "spec": {
            "type": "ClusterIP",
            "selector": conventions.selector(placed.origin),
            "ports": ports,
        },
    }


def disruption_budget(placed: Placed) -> Object:
    """One copy at a time may be taken; `minAvailable` would block a node that holds the last."""
    return {
        **head("policy/v1", "PodDisruptionBudget", placed),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": conventions.selector(placed.origin)},
        },
    }
