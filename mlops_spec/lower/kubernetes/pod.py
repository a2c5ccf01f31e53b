"""A pod that may do nothing that it need not: the `restricted` Pod Security Standard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlops_spec.lower import conventions
from mlops_spec.lower.kubernetes.head import SERVICE, Object
from mlops_spec.lower.kubernetes.quantity import cores, size
from mlops_spec.lower.origin import Placed
from mlops_spec.model.units import Bytes
from mlops_spec.terms.labels import STABLE, TRACK

WORKSPACE: Final = "/workspace"
_TEMPORARY_MIB: Final = 512
_LOG_MIB: Final = 1024  # a workspace that ends with its pod, who is evicted when it is full
_LOG_KEPT: Final = 512 * 2**20  # bytes of log in there, of all workers
_OWN_DISK_MIB: Final = 512  # what containerd keeps of a container's own output
DRAIN_SECONDS: Final = 5  # a router needs this long to stop sending to a pod that ends
FLUSH_SECONDS: Final = 7  # to write what the prediction log still holds, after the last answer

REPLACED: Final[Object] = {
    "revisionHistoryLimit": 5,
    # Routers get to know a new copy in the time that they need to forget one that ends.
    "minReadySeconds": DRAIN_SECONDS,
    "progressDeadlineSeconds": 600,
}
# A copy leaves when another one answers, never before; many copies do not go one by one.
SURGE: Final[Object] = {"maxSurge": "25%", "maxUnavailable": 0}

LOCKED: Final[Object] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}


def template(placed: Placed, hash_label: str) -> Object:
    """The pod of a service; `hash_label` tells the pods of one version from those of the next."""
    origin = placed.origin
    labels = {**conventions.labels(origin, SERVICE), TRACK: STABLE}
    return {"metadata": {"labels": labels}, "spec": _spec(placed, hash_label)}


def _spec(placed: Placed, hash_label: str) -> Object:
    serve = placed.model.spec.serve
    # What is asked over HTTP is answered first, then what is asked over gRPC.
    answering = conventions.stop_seconds(serve.timeout) * (2 if serve.grpc else 1)
    return {
        "serviceAccountName": placed.origin.model,
        **unprivileged(),
        "terminationGracePeriodSeconds": DRAIN_SECONDS + answering + FLUSH_SECONDS,
        "topologySpreadConstraints": [
            _spread(placed, key, hash_label)
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "containers": [_container(placed)],
        "volumes": volumes(placed, _LOG_MIB),
    }


def unprivileged() -> dict[str, Any]:
    """What every pod of ours has, services and jobs."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # or each Service of the namespace adds variables
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": conventions.USER_ID,
            "runAsGroup": conventions.USER_ID,
            "fsGroup": conventions.USER_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _spread(placed: Placed, key: str, hash_label: str) -> Object:
    """Copies of one version over zones and nodes, as far as there are any."""
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": conventions.selector(placed.origin)},
        "matchLabelKeys": [hash_label],
    }


def _container(placed: Placed) -> Object:
    serve = placed.environment.serve
    return {
        "name": "service",
        "image": conventions.image(serve.images, placed.origin.model),
        "imagePullPolicy": "Always",  # the tag follows promotion
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"}
            for name, port in ports(placed).items()
        ],
        "env": _environment(placed),
        "startupProbe": _probe(conventions.READY_PATH, period=2, failures=90),
        "readinessProbe": _probe(conventions.READY_PATH, period=5, failures=2),
        "livenessProbe": _probe(conventions.LIVE_PATH, period=10, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "resources": _resources(placed),
        "securityContext": LOCKED,
        "volumeMounts": MOUNTS,
    }


def ports(placed: Placed) -> dict[str, int]:
    """What a service listens on, by name."""
    found = {"http": conventions.SERVICE_PORT}
    return {**found, "grpc": conventions.GRPC_PORT} if placed.model.spec.serve.grpc else found


def _environment(placed: Placed) -> list[Object]:
    values = {
        "MLOPS_SPEC_WORKSPACE": f"{WORKSPACE}/{placed.origin.workspace}",
        "BENTOML_DO_NOT_TRACK": "True",
        "DO_NOT_TRACK": "1",
    }
    if placed.model.spec.serve.grpc:
        values["MLOPS_SPEC_GRPC"] = f"0.0.0.0:{conventions.GRPC_PORT}"
    if not placed.environment.serve.volume:
        # Whoever judges a rollout copies what is new every few seconds; nobody reads the rest.
        values["MLOPS_SPEC_LOG_KEEPS"] = str(_LOG_KEPT // placed.model.spec.serve.workers)
    else:
        # The monitor ends with its job: what it found is told by whom Prometheus asks anyway.
        reports = f"{values['MLOPS_SPEC_WORKSPACE']}/reports/{placed.origin.model}"
        values["MLOPS_SPEC_MONITOR_METRICS"] = f"{reports}/metrics.prom"
    if placed.environment.serve.router == "gateway-api":
        # Whoever judges a rollout reads there what both versions answered.
        values["MLOPS_SPEC_SHARE_LOG"] = "1"
    return variables(values)


def variables(values: Mapping[str, str]) -> list[Object]:
    """`env:` of a container."""
    return [{"name": name, "value": value} for name, value in values.items()]


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }


def _resources(placed: Placed) -> Object:
    """CPU without a limit, which would throttle; memory and disk with one."""
    serve = placed.model.spec.serve
    cpu = serve.resources.cpu or serve.workers
    memory = _memory(serve.resources.memory, serve.workers)
    kept = 0 if placed.environment.serve.volume else _LOG_MIB
    disk = f"{_TEMPORARY_MIB + _OWN_DISK_MIB + kept}Mi"
    return {
        "requests": {"cpu": cores(cpu), "memory": memory, "ephemeral-storage": disk},
        "limits": {"memory": memory, "ephemeral-storage": disk},
    }


def _memory(asked: Bytes | None, workers: int) -> str:
    return size(asked) if asked else f"{workers * conventions.MEMORY_PER_WORKER_MIB}Mi"


MOUNTS: Final[list[Object]] = [
    {"name": "temporary", "mountPath": "/tmp"},  # noqa: S108 - in the container
    {"name": "workspace", "mountPath": WORKSPACE},
]


def volumes(placed: Placed, workspace_mib: int) -> list[Object]:
    """All that can be written: a temporary folder, and the workspace on its claim if it has one."""
    claim = placed.environment.serve.volume
    workspace: Object = (
        {"persistentVolumeClaim": {"claimName": claim}} if claim else _scratch(workspace_mib)
    )
    return [
        {"name": "temporary", **_scratch(_TEMPORARY_MIB)},
        {"name": "workspace", **workspace},
    ]


def _scratch(mib: int) -> Object:
    return {"emptyDir": {"sizeLimit": f"{mib}Mi"}}
