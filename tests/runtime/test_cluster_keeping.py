"""Production keeps its pods while a candidate answers, whatever its scaler thinks of idle ones."""

from __future__ import annotations

from contextlib import nullcontext, suppress

import cluster_world
import pytest
from cluster_scaler import LEAST
from cluster_tree import MODEL, rendered
from cluster_world import OWNER, cluster_stage
from rollout_world import Killed

from mlops_spec.runtime.cluster.objects import Object
from mlops_spec.runtime.cluster.recorded import instance_of
from mlops_spec.runtime.cluster.scaler import least_of
from mlops_spec.runtime.cluster.tree import difference
from mlops_spec.runtime.rollout import steps

BUSY = 6  # pods that production has, of at least 2 and at most 10


def by_cpu(found: Object) -> Object:
    """The rendered scaler as one by CPU."""
    if found["kind"] != "ScaledObject":
        return found
    spec = found["spec"]
    bounds = {"minReplicas": spec["minReplicaCount"], "maxReplicas": spec["maxReplicaCount"]}
    target = {"scaleTargetRef": spec["scaleTargetRef"], **bounds}
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    return {**found, **kind, "spec": target}


@pytest.fixture(params=["HorizontalPodAutoscaler", "ScaledObject"])
def stage(tmp_path, monkeypatch, request):
    """One release serves with many pods, another run is registered."""
    tree = [by_cpu(one) if request.param in LEAST and request.param[0] == "H" else one
            for one in rendered()]  # fmt: skip
    monkeypatch.setattr(cluster_world, "rendered", lambda: tree)
    with cluster_stage(tmp_path, monkeypatch) as found:
        found.tree, found.kind = tree, request.param
        found.register("run1", "1")
        found.roll_out()
        found.register("run2", "2")
        found.users.cluster.find("Deployment", MODEL)["spec"]["replicas"] = BUSY
        yield found


def least(stage) -> int:
    return least_of([stage.users.cluster.find(stage.kind, MODEL)])


def idle(stage) -> list[int]:
    """Every number of production's pods, from now on, with a scaler that takes idle ones away."""
    seen: list[int] = []

    def look() -> None:
        route, found = (stage.users.cluster.find(k, MODEL) for k in ("HTTPRoute", "Deployment"))
        backends = {b["name"]: b["weight"] for b in route["spec"]["rules"][0]["backendRefs"]}
        if not backends.get(MODEL):
            found["spec"]["replicas"] = min(found["spec"]["replicas"], least(stage))
        if not seen or seen[-1] != found["spec"]["replicas"]:
            seen.append(found["spec"]["replicas"])

    stage.users.cluster.controllers.append(look)
    return seen


@pytest.mark.parametrize(("harm", "outcome"), [(0, "pass"), (30, "fail")])
def test_all_requests_may_come_back_at_any_moment(stage, harm, outcome):
    seen = idle(stage)
    share = stage.sleep

    def fails_alone(seconds: float) -> None:
        """What goes wrong does so at 100 %."""
        if any(weight == 1.0 and role == "candidate" for role, weight in stage.roles().values()):
            stage.users.errors[stage.image("run2")] = harm
        share(seconds)

    stage.sleep = fails_alone
    ending = stage.roll_out()

    assert (ending.outcome, seen) == (outcome, [BUSY])
    assert least(stage) == 2


def test_a_number_that_grew_while_the_candidate_answers_is_production_s_too(stage):
    seen = idle(stage)

    def more_users() -> None:
        found = stage.users.cluster.find("Deployment", f"{MODEL}-next")
        if found is not None and found["spec"]["replicas"] == BUSY:
            found["spec"]["replicas"] = 9

    stage.users.cluster.controllers.append(more_users)

    assert stage.roll_out().outcome == "pass"
    assert seen == [BUSY, 9]


def test_what_was_killed_is_kept_and_apply_leaves_it_so(stage, monkeypatch):
    monkeypatch.setattr(steps, "_withdrawn_on_error", lambda _: nullcontext())  # as kill -9 does
    seen = idle(stage)
    sleep = stage.sleep

    def killed(seconds: float) -> None:
        if any(weight == 1.0 and role == "candidate" for role, weight in stage.roles().values()):
            raise Killed("at 100 %")
        sleep(seconds)

    stage.sleep = killed
    with suppress(Killed):
        stage.roll_out()
    stage.sleep, tracks = sleep, stage.world.tracks
    production = stage.context.deployments.production(MODEL)
    made = instance_of(stage.context.journal, MODEL, production.release)
    wanted = [tracks.steady(found, tracks.split(), made) for found in stage.tree]

    assert least(stage) == BUSY
    assert difference(stage.server, OWNER, wanted, stage.tree).empty
    assert stage.roll_out().outcome == "pass"
    assert (least(stage), seen) == (2, [BUSY])


def test_a_number_that_somebody_has_set_is_theirs(stage):
    """A rollout does not end because of it; the next plan says whose it is."""
    cluster = stage.users.cluster
    key = next(k for k in cluster.objects if k[1] == stage.kind and k[3] == MODEL)
    cluster.apply(key, {**cluster.objects[key], "spec": {LEAST[stage.kind]: 3}}, "ann", True)

    assert stage.roll_out().outcome == "pass"
    assert least(stage) == 3
