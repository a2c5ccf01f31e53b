"""What runs on a schedule in the cluster: the batch and monitor flows, in an image that has them.

The flows are the same files that Prefect runs elsewhere; where a CronJob runs one, Prefect's own
schedule of it is left out (`lower.flows`), so that nothing runs twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mlops_spec.lower import conventions
from mlops_spec.lower.kubernetes import pod, workload
from mlops_spec.lower.kubernetes.head import JOBS, Object, head
from mlops_spec.lower.kubernetes.quantity import cores, size
from mlops_spec.lower.origin import Placed
from mlops_spec.model.cron import shortest_gap
from mlops_spec.model.spec.project import FlowImage
from mlops_spec.terms.steps import BATCH_FLOW, MONITOR_FLOW

_SCRATCH_MIB: Final = 4096  # a workspace of one job, where no claim keeps it
_LATE_SECONDS: Final = 3600  # a job that could not start for this long waits for its next time
# A job that hangs would keep every later one from starting (`Forbid`): it ends when the next is
# due, which goes on with the parts that are written. Often is no reason to end one within an hour.
_LEAST_SECONDS: Final = 3600
_MOST_SECONDS: Final = 86_400
# A pod whose node is drained, or needed by others, has not failed: it costs no attempt.
_TAKEN: Final = {"type": "DisruptionTarget", "status": "True"}
_NOT_ITS_FAULT: Final[Object] = {"rules": [{"action": "Ignore", "onPodConditions": [_TAKEN]}]}
_KEPT: Final = 3  # finished jobs, for whoever looks at their logs
_DISK: Final = "6Gi"  # the workspace of one job, temporary files, and what it prints


def cron_jobs(placed: Placed, flows: FlowImage) -> Iterator[tuple[str, Object]]:
    """By the name of its flow: what has a schedule."""
    batch = placed.model.spec.batch
    if placed.spark is None and batch is not None and batch.schedule is not None:
        yield BATCH_FLOW, _cron_job(placed, flows, BATCH_FLOW, batch.schedule)
    yield MONITOR_FLOW, _cron_job(placed, flows, MONITOR_FLOW, placed.model.monitor.schedule)


def settings(placed: Placed) -> Object:
    """The variables that all flows of a model share; none of them is secret."""
    environment = placed.environment
    addresses = {
        "PREFECT_API_URL": environment.orchestrator,
        "MLFLOW_TRACKING_URI": environment.registry,
    }
    return {
        **head("v1", "ConfigMap", placed, JOBS, _shared_name(placed)),
        "data": {
            "MLOPS_SPEC_WORKSPACE": f"{pod.WORKSPACE}/{placed.origin.workspace}",
            "HOME": "/tmp",  # noqa: S108 - in the container
            "PREFECT_HOME": "/tmp/prefect",  # noqa: S108
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": ".",  # an estimator of the project's own lies beside mlops.yaml
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **{name: value for name, value in addresses.items() if "://" in value},
        },
    }


def service_account(placed: Placed) -> Object:
    """Whom all flows of a model run as."""
    return workload.service_account(placed, JOBS, _shared_name(placed))


def _shared_name(placed: Placed) -> str:
    return f"{placed.origin.model}-{JOBS}"


def _cron_job(placed: Placed, flows: FlowImage, flow: str, schedule: str) -> Object:
    name = conventions.job_name(placed.origin, flow)
    return {
        **head("batch/v1", "CronJob", placed, JOBS, name),
        "spec": {
            "schedule": schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _LATE_SECONDS,
            "successfulJobsHistoryLimit": _KEPT,
            "failedJobsHistoryLimit": _KEPT,
            "jobTemplate": {
                "metadata": {"labels": conventions.labels(placed.origin, JOBS)},
                "spec": {
                    "backoffLimit": 2,
                    "podFailurePolicy": _NOT_ITS_FAULT,
                    "activeDeadlineSeconds": _deadline(schedule),
                    "template": _pod(placed, flows, flow),
                },
            },
        },
    }


def _deadline(schedule: str) -> int:
    """Seconds for all attempts of one job: as long as two jobs lie apart, an hour to a day."""
    return min(max(shortest_gap(schedule), _LEAST_SECONDS), _MOST_SECONDS)


def _pod(placed: Placed, flows: FlowImage, flow: str) -> Object:
    return {
        "metadata": {"labels": conventions.labels(placed.origin, JOBS)},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": _shared_name(placed),
            **pod.unprivileged(),
            "containers": [_container(placed, flows, flow)],
            "volumes": pod.volumes(placed, _SCRATCH_MIB),
        },
    }


def _container(placed: Placed, flows: FlowImage, flow: str) -> Object:
    secret = [{"secretRef": {"name": flows.secret}}] if flows.secret else []
    return {
        "name": flow,
        "image": flows.image,
        "command": ["python", f"{placed.origin.folder}/flows/{flow}.py"],
        "envFrom": [{"configMapRef": {"name": _shared_name(placed)}}, *secret],
        **_state(placed, flows),
        "resources": _resources(flows),
        "securityContext": pod.LOCKED,
        "volumeMounts": pod.MOUNTS,
    }


def _resources(flows: FlowImage) -> Object:
    asks = flows.resources
    cpu, memory = cores(asks.cpu), size(asks.memory)
    return {
        "requests": {"cpu": cpu, "memory": memory, "ephemeral-storage": _DISK},
        "limits": {"memory": memory, "ephemeral-storage": _DISK},
    }


def _state(placed: Placed, flows: FlowImage) -> Mapping[str, list[Object]]:
    """The state's URL under the name that flows know, from the key that the environment names."""
    if placed.origin.state_env is None or flows.secret is None:
        return {}
    key = {"name": flows.secret, "key": placed.origin.state_env}
    return {"env": [{"name": "MLOPS_SPEC_STATE", "valueFrom": {"secretKeyRef": key}}]}
