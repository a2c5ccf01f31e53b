"""Batch predictions on Spark: the PySpark job, and the objects by which its operator runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mlops_spec.lower import conventions, declarations
from mlops_spec.lower.kubernetes import pod
from mlops_spec.lower.kubernetes.head import Object, head
from mlops_spec.lower.origin import Placed
from mlops_spec.lower.signatures import trust
from mlops_spec.model.plan import Artifact, Manifest, SparkJob
from mlops_spec.model.spec.project import SparkCluster
from mlops_spec.terms.steps import BATCH_FLOW

SPARK: Final = "spark"
_API: Final = "sparkoperator.k8s.io/v1beta2"
# The working folder of Spark's own images.
_FOLDER: Final = "/opt/spark/work-dir"
_WORKSPACE_MIB: Final = 4096
_KEPT: Final = 3  # finished runs, for whoever looks at their logs
_RETRIES: Final = 3
_RETRY_SECONDS: Final = 60
_MIB: Final = 2**20
_LOCKED: Final[Object] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def lower_spark(placed: Placed) -> Iterator[Artifact]:
    """spark/batch.py, and on a cluster the object that runs it and who may talk to its pods."""
    model, cluster = placed.model, placed.spark
    batch = model.spec.batch
    if batch is None or cluster is None:
        return
    rows = model.batch_input or model.dataset.spec
    yield SparkJob(
        origin=placed.origin,
        rows=rows.name,
        root=cluster.root,
        csv=rows.source.csv is not None,
        dataset=declarations.dataset(rows, model.spec.features),
        output=declarations.batch_output(batch.output),
        trust=trust(placed),
    )
    if placed.environment.serve.on == "kubernetes":
        yield from _objects(placed, cluster, batch.schedule)


def _objects(placed: Placed, cluster: SparkCluster, schedule: str | None) -> Iterator[Artifact]:
    yield _file(placed, "kubernetes/spark-network-policy.yaml", network_policy(placed))
    if schedule is None:
        # Applied, it would run at once; it is there for `kubectl create`.
        yield _file(placed, "spark/application.yaml", application(placed, cluster))
    else:
        scheduled = scheduled_application(placed, cluster, schedule)
        yield _file(placed, "kubernetes/spark-application.yaml", scheduled)


def _file(placed: Placed, path: str, found: Object) -> Manifest:
    return Manifest(placed.origin, path, (found,))


def application(placed: Placed, cluster: SparkCluster) -> Object:
    """One run."""
    return {**_head("SparkApplication", placed), "spec": _run(placed, cluster)}


def scheduled_application(placed: Placed, cluster: SparkCluster, schedule: str) -> Object:
    """A run at each time of the schedule, never two at once."""
    return {
        **_head("ScheduledSparkApplication", placed),
        "spec": {
            "schedule": schedule,
            "timeZone": "UTC",
            "concurrencyPolicy": "Forbid",
            "successfulRunHistoryLimit": _KEPT,
            "failedRunHistoryLimit": _KEPT,
            "template": _run(placed, cluster),
        },
    }


def network_policy(placed: Placed) -> Object:
    """Driver and executors talk to each other; data and registries are anywhere."""
    pods = {"matchLabels": conventions.pods_of(placed.origin, SPARK)}
    name = f"{placed.origin.model}-{SPARK}"
    return {
        **head("networking.k8s.io/v1", "NetworkPolicy", placed, SPARK, name),
        "spec": {
            "podSelector": pods,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": pods}]}],
            "egress": [{}],
        },
    }


def _head(kind: str, placed: Placed) -> dict[str, Any]:
    name = conventions.job_name(placed.origin, BATCH_FLOW)
    return head(_API, kind, placed, SPARK, name)


def _run(placed: Placed, cluster: SparkCluster) -> Object:
    return {
        "type": "Python",
        "pythonVersion": "3",
        "mode": "cluster",
        "image": cluster.image,
        "sparkVersion": cluster.version,
        "mainApplicationFile": f"local://{_FOLDER}/{placed.origin.folder}/spark/batch.py",
        "sparkConf": {name: cluster.settings[name] for name in sorted(cluster.settings)},
        # What is half done has been seen by nobody: a run can start again from the beginning.
        "restartPolicy": {
            "type": "OnFailure",
            "onFailureRetries": _RETRIES,
            "onFailureRetryInterval": _RETRY_SECONDS,
            "onSubmissionFailureRetries": _RETRIES,
            "onSubmissionFailureRetryInterval": _RETRY_SECONDS,
        },
        "volumes": pod.volumes(placed, _WORKSPACE_MIB),
        "driver": {
            **_pod(placed, cluster),
            "serviceAccount": cluster.service_account,
            **_driver_environment(placed, cluster),
            "volumeMounts": pod.MOUNTS,
        },
        "executor": {**_pod(placed, cluster), "instances": cluster.executors},
    }


def _pod(placed: Placed, cluster: SparkCluster) -> dict[str, Any]:
    return {
        "cores": cluster.cores,
        "memory": f"{round(cluster.memory.count / _MIB)}m",
        "labels": conventions.labels(placed.origin, SPARK),
        "securityContext": _LOCKED,
    }


def _driver_environment(placed: Placed, cluster: SparkCluster) -> dict[str, Any]:
    """Where the driver finds what serves: executors get the model from it."""
    values = {"MLOPS_SPEC_WORKSPACE": f"{pod.WORKSPACE}/{placed.origin.workspace}"}
    found: dict[str, Any] = {"env": pod.variables(values)}
    if cluster.secret is None:
        return found
    found["envFrom"] = [{"secretRef": {"name": cluster.secret}}]
    if placed.origin.state_env is not None:
        key = {"name": cluster.secret, "key": placed.origin.state_env}
        found["env"] += [{"name": "MLOPS_SPEC_STATE", "valueFrom": {"secretKeyRef": key}}]
    return found
