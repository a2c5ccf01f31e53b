"""Production moves to pods that are as many as their scaler keeps, never to the first one alone."""

from __future__ import annotations

import pytest
from cluster_tree import MODEL, rendered
from cluster_world import cluster_stage

from mlops_spec.runtime.cluster.objects import Object
from mlops_spec.runtime.cluster.recorded import instance_of, record_objects
from mlops_spec.runtime.cluster.scaler import at_least, least_of
from mlops_spec.runtime.refusal import Refusal

LEAST = 2  # of the example


@pytest.fixture
def stage(tmp_path, monkeypatch):
    with cluster_stage(tmp_path, monkeypatch) as found:
        yield found


def ready(stage, name):
    found = stage.users.cluster.find("Deployment", name)
    return found.get("status", {}).get("readyReplicas", 0) if found else 0


def share_of_next(stage):
    """What the candidate gets of the requests; None while no route says anything."""
    route = stage.users.cluster.find("HTTPRoute", MODEL)
    backends = {one["name"]: one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]}
    return backends.get(f"{MODEL}-next", 0) / sum(backends.values())


def moves(stage):
    """How many pods were ready of those that the requests went to, at each move of the route."""
    seen = []

    def look():
        if stage.users.cluster.find("HTTPRoute", MODEL) is None:
            return
        share = share_of_next(stage)
        if not seen or seen[-1][0] != share:
            seen.append((share, ready(stage, f"{MODEL}-next" if share else MODEL)))

    stage.users.cluster.controllers.append(look)
    return seen


def test_users_of_a_first_model_never_meet_a_single_pod(stage):
    stage.users.cluster.scaler.after = 5
    stage.register("run1", "1")
    seen = moves(stage)

    ending = stage.roll_out()

    # From nothing at all to the candidate, and from there to what stays.
    assert (ending.outcome, seen) == ("pass", [(0.0, 0), (1.0, LEAST), (0.0, LEAST)])


def test_a_scaler_that_does_nothing_is_told_and_the_candidate_answers_meanwhile(stage):
    stage.users.cluster.scaler.after = None
    stage.register("run1", "1")

    with pytest.raises(Refusal) as no:
        stage.roll_out()
    meanwhile = share_of_next(stage), ready(stage, f"{MODEL}-next")
    stage.users.cluster.scaler.after = 2
    ending = stage.roll_out()

    said = "NotScaled: its scaler has asked for 1 of at least 2 pods so far"
    assert (no.value.code, no.value.field) == ("MLS626", ("model", MODEL, "serve", "replicas"))
    assert no.value.message.endswith(f"after 600 s, 1 of 2 pods ready: {said}")
    assert meanwhile == (1.0, 1)
    assert ending.outcome == "pass"
    assert ready(stage, MODEL) == LEAST


def test_a_deployment_that_somebody_removed_comes_back_whole(stage):
    stage.register("run1", "1")
    stage.roll_out()
    stage.users.cluster.delete(("apps/v1", "Deployment", "ml", MODEL))

    stage.world.tracks.follow()

    assert ready(stage, MODEL) == LEAST


def test_the_ports_that_a_route_leads_to_outlast_a_release_of_before_they_were_there(stage):
    """Going back to it must not leave the gateway with a rule that it cannot follow."""
    stage.register("run1", "1")
    stage.roll_out()
    grpc = {"name": "grpc", "port": 9000, "targetPort": "grpc", "protocol": "TCP"}
    tree = [
        {**one, "spec": {**one["spec"], "ports": [*one["spec"]["ports"], grpc]}}
        if one["kind"] == "Service"
        else one
        for one in rendered()
    ]
    record_objects(stage.context.journal, MODEL, tree, "with gRPC")
    stage.users.cluster.delete(("apps/v1", "Deployment", "ml", MODEL))

    stage.world.tracks.follow()

    service = stage.users.cluster.find("Service", MODEL)
    assert [port["port"] for port in service["spec"]["ports"]] == [3000, 9000]


def test_apply_waits_for_as_many_pods_as_are_rendered(stage):
    release = stage.register("run1", "1")
    stage.roll_out()
    stage.users.cluster.delete(("apps/v1", "Deployment", "ml", MODEL))
    tracks, told = stage.world.tracks, []
    made = instance_of(stage.context.journal, MODEL, release)
    (deployment,) = (found for found in rendered() if found["kind"] == "Deployment")
    stage.server.apply(tracks.steady(deployment, tracks.split(), made))

    stage.users.cluster.scaler.after = 8

    tracks.wait_for_stable(lambda standing: told.append(str(standing)))

    assert list(dict.fromkeys(told)) == ["1 of 2 pods ready", "2 of 2 pods ready"]


def scaler(kind: str, **spec: int) -> Object:
    return {"kind": kind, "metadata": {"name": MODEL}, "spec": spec}


def test_the_least_of_a_scaler_is_read_and_raised_within_its_bounds() -> None:
    hpa = scaler("HorizontalPodAutoscaler", minReplicas=2, maxReplicas=10)
    keda = scaler("ScaledObject", maxReplicaCount=4)

    assert [least_of(found) for found in ([hpa], [keda], [], [hpa, keda])] == [2, 1, 1, 2]
    assert at_least(hpa, 1) == hpa
    assert at_least(hpa, 20)["spec"] == {"minReplicas": 10, "maxReplicas": 10}
    assert at_least(keda, 3)["spec"] == {"minReplicaCount": 3, "maxReplicaCount": 4}
