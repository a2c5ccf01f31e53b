"""The Kubernetes objects of a service: thin, non-root, scaled by their scaler alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlops_spec.lower import conventions
from mlops_spec.lower.origin import Placed
from mlops_spec.model.plan import Artifact, Manifest

Object = Mapping[str, Any]

_CPU_TARGET: Final = 80  # percent of the request at which the scaler adds a copy
_DRAIN_SECONDS: Final = 5  # a router needs this long to stop sending to a copy that ends
_WRITABLE: Final = {"temporary": "/tmp", "workspace": "/workspace"}  # noqa: S108 - in the container


def lower_kubernetes(placed: Placed) -> Iterator[Artifact]:
    """kubernetes/*.yaml, for an environment that serves on Kubernetes."""
    if placed.environment.serve.on != "kubernetes":
        return
    objects = {
        "service-account": service_account(placed),
        "deployment": deployment(placed),
        "service": service(placed),
        "autoscaler": autoscaler(placed),
        "disruption-budget": disruption_budget(placed),
    }
    if placed.environment.serve.router == "gateway-api":
        objects["route"] = route(placed)
    for name, found in objects.items():
        yield Manifest(placed.origin, f"kubernetes/{name}.yaml", (found,))


def service_account(placed: Placed) -> Object:
    """An identity without a token: a service has no business with the API server."""
    return {
        **_head("v1", "ServiceAccount", placed),
        "automountServiceAccountToken": False,
    }


def deployment(placed: Placed) -> Object:
    """No `replicas`: the autoscaler owns that number, and two owners would fight over it."""
    origin = placed.origin
    return {
        **_head("apps/v1", "Deployment", placed),
        "spec": {
            "revisionHistoryLimit": 5,
            "selector": {"matchLabels": conventions.selector(origin)},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "template": {
                "metadata": {"labels": conventions.labels(origin, "service")},
                "spec": _pod(placed),
            },
        },
    }


def _pod(placed: Placed) -> Object:
    return {
        "serviceAccountName": placed.origin.model,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": conventions.selector(placed.origin)},
            }
        ],
        "containers": [_container(placed)],
        "volumes": [{"name": name, "emptyDir": {}} for name in _WRITABLE],
    }


def _container(placed: Placed) -> Object:
    serve = placed.environment.serve
    return {
        "name": "service",
        "image": conventions.image(serve.images, placed.origin.model),
        "imagePullPolicy": "Always",  # the tag follows promotion
        "ports": [{"name": "http", "containerPort": conventions.SERVICE_PORT}],
        "env": [
            {"name": "MLOPS_SPEC_WORKSPACE", "value": f"/workspace/{placed.origin.workspace}"},
            {"name": "BENTOML_DO_NOT_TRACK", "value": "True"},
        ],
        "startupProbe": {
            **_get(conventions.READY_PATH),
            "periodSeconds": 2,
            "failureThreshold": 60,
        },
        "readinessProbe": {**_get(conventions.READY_PATH), "periodSeconds": 5},
        "livenessProbe": {**_get(conventions.LIVE_PATH), "periodSeconds": 10},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(_DRAIN_SECONDS)]}}},
        "resources": _resources(placed.model.spec.serve.workers),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in _WRITABLE.items()],
    }


def _get(path: str) -> Object:
    return {"httpGet": {"path": path, "port": "http"}}


def _resources(workers: int) -> Object:
    """A CPU a worker, without a limit that would throttle; memory with one."""
    memory = f"{workers * conventions.MEMORY_PER_WORKER_MIB}Mi"
    return {
        "requests": {"cpu": str(workers), "memory": memory},
        "limits": {"memory": memory},
    }


def service(placed: Placed) -> Object:
    """What the router sends to."""
    return {
        **_head("v1", "Service", placed),
        "spec": {
            "selector": conventions.selector(placed.origin),
            "ports": [{"name": "http", "port": conventions.SERVICE_PORT, "targetPort": "http"}],
        },
    }


def autoscaler(placed: Placed) -> Object:
    """Scales on requests per second where a metrics adapter gives them, and on CPU in any case."""
    replicas = placed.model.spec.serve.replicas
    cpu = {"type": "Utilization", "averageUtilization": _CPU_TARGET}
    requests = {"type": "AverageValue", "averageValue": str(replicas.at_rps)}
    return {
        **_head("autoscaling/v2", "HorizontalPodAutoscaler", placed),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": placed.origin.model,
            },
            "minReplicas": replicas.min,
            "maxReplicas": replicas.max,
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": cpu}},
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": "mlops_requests_per_second"},
                        "target": requests,
                    },
                },
            ],
        },
    }


def disruption_budget(placed: Placed) -> Object:
    """One copy at a time may be taken; `minAvailable` would block a node that holds the last."""
    return {
        **_head("policy/v1", "PodDisruptionBudget", placed),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": conventions.selector(placed.origin)},
        },
    }


def route(placed: Placed) -> Object:
    """`/<model>/…` of the project's Gateway, with the model's own path to the service."""
    origin, serve = placed.origin, placed.model.spec.serve
    rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
    return {
        **_head("gateway.networking.k8s.io/v1", "HTTPRoute", placed, "router"),
        "spec": {
            "parentRefs": [{"name": origin.project}],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": f"/{origin.model}"}}],
                    "filters": [{"type": "URLRewrite", "urlRewrite": rewrite}],
                    "timeouts": {"request": f"{round(serve.timeout.seconds * 1000)}ms"},
                    "backendRefs": [{"name": origin.model, "port": conventions.SERVICE_PORT}],
                }
            ],
        },
    }


def _head(api: str, kind: str, placed: Placed, component: str = "service") -> dict[str, Any]:
    namespace = placed.environment.serve.namespace
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": conventions.metadata(placed.origin, namespace, component),
    }
