"""What the Prometheus operator reads: where metrics are, and the rules over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlops_spec.lower import conventions
from mlops_spec.lower.alerts import rule_groups
from mlops_spec.lower.kubernetes.argo import HASH_LABEL
from mlops_spec.lower.kubernetes.head import SERVICE, Object, head
from mlops_spec.lower.origin import Placed
from mlops_spec.terms.labels import TRACK

# Whatever Prometheus' own default is: a scaler's rate over 2 minutes has four of them.
_SCRAPED_EVERY: Final = "30s"


def pod_monitor(placed: Placed, labels: Mapping[str, str]) -> Object:
    """Every pod by itself: a Service would answer with the numbers of one of them."""
    hashed = [HASH_LABEL] if placed.environment.serve.router == "argo-rollouts" else []
    return {
        **_picked(head("monitoring.coreos.com/v1", "PodMonitor", placed), labels),
        "spec": {
            "selector": {"matchLabels": conventions.pods_of(placed.origin, SERVICE)},
            # Which of two versions a number is of, during a rollout.
            "podTargetLabels": [TRACK, *hashed],
            "podMetricsEndpoints": [
                {"port": "http", "path": conventions.METRICS_PATH, "interval": _SCRAPED_EVERY}
            ],
        },
    }


def prometheus_rule(placed: Placed, labels: Mapping[str, str]) -> Object:
    """The rules of prometheus/rules.yaml."""
    return {
        **_picked(head("monitoring.coreos.com/v1", "PrometheusRule", placed), labels),
        "spec": {"groups": rule_groups(placed)},
    }


def _picked(found: dict[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """With the labels by which a Prometheus picks its objects; ours are not overwritten."""
    metadata = found["metadata"]
    return {**found, "metadata": {**metadata, "labels": {**labels, **metadata["labels"]}}}
