"""How pods of an image behave in the test cluster."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_spec.runtime.cluster.wait import HASH, REVISION


@dataclass
class Image:
    """How pods of an image behave. `waiting`: the reason and the message of what never starts."""

    ready_after: int = 1  # looks at the cluster
    waiting: tuple[str, str] | None = None
    restarts: int = 0
    ended: dict | None = None
    log: str = ""
    events: tuple[tuple[str, str], ...] = ()
    refused: str = ""  # why no pod is made


def replica_set_of(owner: tuple, labels: dict, generation: int) -> dict:
    """What stands between a Deployment and the pods of one of its forms."""
    references = [{"kind": "Deployment", "name": owner[3]}]
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {
        "name": f"{owner[3]}-{generation}", "namespace": owner[2], "ownerReferences": references,
        "labels": {**labels, HASH: str(generation)}, "annotations": {REVISION: str(generation)},
        "generation": generation,
    }}  # fmt: skip


def owner_of(pod: dict) -> str:
    return pod["metadata"]["ownerReferences"][0]["name"]


def pod_of(owner: tuple, key: tuple, template: dict, generation: int) -> dict:
    references = [{"kind": "ReplicaSet", "name": owner[3]}]
    labels = {**template["metadata"]["labels"], HASH: str(generation)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": key[3], "namespace": key[2], "labels": labels,
        "generation": generation, "ownerReferences": references,
    }}  # fmt: skip


def status_of(how: Image, image: str, ready: bool) -> dict:
    container = {"name": "service", "image": image, "ready": ready, "restartCount": how.restarts}
    if how.waiting:
        container["state"] = {"waiting": {"reason": how.waiting[0], "message": how.waiting[1]}}
    else:
        container["state"] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    if how.ended:
        container["lastState"] = {"terminated": how.ended}
    return {"phase": "Running" if ready else "Pending", "containerStatuses": [container]}
