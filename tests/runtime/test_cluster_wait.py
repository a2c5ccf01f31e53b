"""Waiting for pods: what is ready, what is still coming, and what is hopeless."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops_spec.runtime.cluster.instance import deployment_ref
from mlops_spec.runtime.cluster.wait import HASH, REVISION, Patience, standing_of, wait_until_ready
from mlops_spec.runtime.refusal import Refusal

REF = deployment_ref("ml", "m", "stable")
LABELS = {"app": "m", "mlops-spec/release": "r2"}


def deployment(**status):
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "m", "namespace": "ml", "generation": 2,
                     "labels": {"app.kubernetes.io/name": "m"}, "annotations": {REVISION: "2"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "m"}},
                 "template": {"metadata": {"labels": LABELS}}},
        "status": status,
    }  # fmt: skip


def pod(name, *, ready=True, form="new", waiting=None):
    state = {"waiting": {"reason": waiting, "message": "no"}} if waiting else {"running": {}}
    one = {"name": "service", "image": "i", "ready": ready, "restartCount": 0, "state": state}
    labels = {**LABELS, HASH: form}
    return {
        "metadata": {"name": name, "labels": labels}, "status": {"containerStatuses": [one]}
    }  # fmt: skip


def replica_set(form, revision):
    labels, annotations = {**LABELS, HASH: form}, {REVISION: revision}
    return {"metadata": {"name": f"m-{form}", "labels": labels, "annotations": annotations}}


class Server:
    """Looks at what a test says; each look at a Deployment is the next one of its list."""

    def __init__(self, *looks, pods=()):
        self.looks = list(looks)
        self.pods = pods

    def get(self, ref):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def list(self, api, kind, namespace, labels):
        if kind == "ReplicaSet":
            return (replica_set("old", "1"), replica_set("new", "2"))
        return tuple(p for p in self.pods if labels.items() <= p["metadata"]["labels"].items())

    def events(self, *_):
        return ()

    def await_change(self, *_):
        """Nothing changes before somebody looks."""

    def log(self, *_, **__):
        return ""


DONE = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}


@pytest.mark.parametrize(("status", "done"), [
    (DONE, True),
    ({**DONE, "observedGeneration": 1}, False),  # its controller has not looked yet
    ({**DONE, "replicas": 3, "readyReplicas": 3}, False),  # a pod of before is left
    ({**DONE, "updatedReplicas": 1}, False),
    ({**DONE, "readyReplicas": 1}, False),
    ({}, False),
])  # fmt: skip
def test_a_deployment_is_done_when_all_its_pods_and_no_others_are_ready(status, done):
    assert standing_of(Server(pods=()), deployment(**status)).done is done


def test_pods_of_an_older_form_do_not_count():
    pods = (pod("new"), pod("coming", ready=False), pod("before", form="old"))

    found = standing_of(Server(pods=pods), deployment(**{**DONE, "replicas": 3}))
    unseen = standing_of(Server(pods=pods), deployment(observedGeneration=1))

    assert str(found) == "1 of 2 pods ready"
    assert str(unseen) == "0 of 2 pods ready"


def clock():
    now = [0.0]
    return Patience(now=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s)), now


def test_each_change_is_told_once_until_it_is_done():
    patience, _ = clock()
    coming = deployment(observedGeneration=2)
    server = Server(coming, coming, coming, deployment(**DONE), pods=(pod("new"),))
    told = []

    wait_until_ready(server, REF, lambda standing: told.append(str(standing)), patience)

    assert told == ["1 of 2 pods ready", "2 of 2 pods ready"]


def test_what_waiting_cannot_help_is_told_soon_and_the_rest_when_time_is_up():
    patience, now = clock()
    hopeless = (pod("new", ready=False, waiting="InvalidImageName"),)
    seen = deployment(observedGeneration=2)
    with pytest.raises(Refusal, match="the image i: no") as no:
        wait_until_ready(Server(seen, pods=hopeless), REF, lambda _: None, patience)
    assert (now[0], no.value.field) == (20.0, ("environment", "serve", "images"))

    patience, now = clock()
    with pytest.raises(Refusal, match="is not ready after 600 s, 0 of 2 pods ready"):
        wait_until_ready(Server(deployment(), pods=()), REF, lambda _: None, patience)
    assert now[0] == 600.0


def test_a_deployment_that_somebody_removes_is_not_waited_for():
    patience, _ = clock()

    with pytest.raises(Refusal, match="deployment/m is gone"):
        wait_until_ready(Server(None), REF, lambda _: None, patience)


def test_many_copies_may_take_long_together_as_long_as_another_one_comes():
    patience, now = clock()
    looks = [deployment(), *[deployment(observedGeneration=2)] * 3, deployment(**DONE)]
    server = Server(*looks, pods=())

    def sleep(_):
        now[0] += 400
        server.pods = (*server.pods, pod(f"p{len(server.pods)}"))

    done = wait_until_ready(server, REF, lambda _: None, replace(patience, sleep=sleep))

    assert (done.done, now[0]) == (True, 1600.0)
