"""Why a pod does not become ready, in one line, at the field of the spec that owns it."""

from __future__ import annotations

import pytest

from mlops_spec.runtime.cluster.explain import (
    IMAGES,
    NAMESPACE,
    RESOURCES,
    SERVE,
    VOLUME,
    Trouble,
    troubles,
)

DEPLOYMENT = {"metadata": {"name": "m", "namespace": "ml"}}


def pod(**container):
    found = {"name": "service", "image": "r/m@sha256:1", "ready": False, **container}
    return {"metadata": {"name": "m-1"}, "status": {"containerStatuses": [found]}}


def waiting(reason, message=""):
    return {"waiting": {"reason": reason, "message": message}}


def event(reason, message, at="2026-01-01T00:00:00Z"):
    return {"reason": reason, "message": message, "lastTimestamp": at}


FOUND = {
    "an image that is not there": (
        pod(state=waiting("ImagePullBackOff", "Back-off")),
        [event("Failed", "older", "2025-01-01T00:00:00Z"), event("Failed", "manifest unknown"),
         event("Failed", "Error: ImagePullBackOff", "2026-01-01T00:00:09Z")],
        Trouble("m-1", "the image r/m@sha256:1", "manifest unknown", IMAGES, True),
    ),
    "a container that cannot be made": (
        pod(state=waiting("CreateContainerConfigError", 'secret "s" not found')),
        [],
        Trouble("m-1", "CreateContainerConfigError", 'secret "s" not found', SERVE, True),
    ),
    "a service that ends again and again": (
        pod(state=waiting("CrashLoopBackOff"), restartCount=3,
            lastState={"terminated": {"exitCode": 1, "reason": "Error"}}),
        [],
        Trouble("m-1", "the service does not start", "it ended with 1, 3 times", SERVE, True,
                "service", True),
    ),
    "a service that has ended once may start again": (
        pod(state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
        [],
        Trouble("m-1", "OOMKilled", "it needs more memory than its limit", RESOURCES, False,
                "service", False),
    ),
    "a probe that fails": (
        pod(state={"running": {"startedAt": "x"}}),
        [event("Unhealthy", "Readiness probe failed: 503")],
        Trouble("m-1", "it is not ready", "Readiness probe failed: 503", SERVE, False, "service"),
    ),
    "a pod that fits no node": (
        {"metadata": {"name": "m-1"}, "status": {"conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available:\n3 Insufficient cpu."}]}},
        [],
        Trouble("m-1", "Unschedulable", "0/3 nodes are available: 3 Insufficient cpu.", RESOURCES),
    ),
    "a pod whose volume is not there": (
        {"metadata": {"name": "m-1"}, "status": {"conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "1 pod has unbound immediate PersistentVolumeClaims."}]}},
        [],
        Trouble("m-1", "Unschedulable", "1 pod has unbound immediate PersistentVolumeClaims.",
                VOLUME),
    ),
    "a pod that was evicted": (
        {"metadata": {"name": "m-1"}, "status": {"reason": "Evicted", "message": "low on memory"}},
        [],
        Trouble("m-1", "Evicted", "low on memory", RESOURCES),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
def test_a_pod_says(case):
    found, events, expected = FOUND[case]

    assert troubles(DEPLOYMENT, [found], {"m-1": events}) == (expected,)


@pytest.mark.parametrize(("message", "reason", "field"), [
    ('pods "m" is forbidden: exceeded quota: q', "the namespace's quota", RESOURCES),
    ('violates PodSecurity "restricted:latest"', "Pod Security refuses the pod", NAMESPACE),
    ('serviceaccount "m" not found', "FailedCreate", SERVE),
])  # fmt: skip
def test_pods_that_are_not_even_made(message, reason, field):
    condition = {
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message,
    }  # fmt: skip
    refused = {**DEPLOYMENT, "status": {"conditions": [condition]}}

    assert troubles(refused, [], {}) == (Trouble("m", reason, message, field, True),)


def test_a_trouble_of_many_pods_is_said_once_and_a_ready_pod_has_none():
    bad = [pod(state=waiting("ErrImagePull", "no such host")) for _ in range(3)]
    for number, one in enumerate(bad):
        one["metadata"] = {"name": f"m-{number}"}
    good = pod(ready=True, state={"running": {}}, lastState={"terminated": {"exitCode": 1}})

    found = troubles(DEPLOYMENT, [*bad, good], {})

    assert [str(one) for one in found] == ["m-0: the image r/m@sha256:1: no such host"]
