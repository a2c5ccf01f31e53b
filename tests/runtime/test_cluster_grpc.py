"""Callers of gRPC are never sent to pods that do not answer it, whichever way a model goes."""

from __future__ import annotations

from dataclasses import replace

import argo_tree
import pytest
from argo_stage import argo_stage
from cluster_tree import MODEL, rendered
from cluster_world import OWNER, cluster_stage

from mlops_spec.runtime.cluster.instance import ports_of
from mlops_spec.runtime.cluster.objects import Object
from mlops_spec.runtime.cluster.recorded import instance_of, record_objects
from mlops_spec.runtime.cluster.tree import apply_tree, difference

PORT = 9000


def with_grpc(found: Object) -> Object:
    """A rendered object as it is with `serve.grpc`."""
    spec = found.get("spec", {})
    match found["kind"]:
        case "Service":
            port = {"name": "grpc", "port": PORT, "targetPort": "grpc", "protocol": "TCP"}
            return {**found, "spec": {**spec, "ports": [*spec["ports"], port]}}
        case "HTTPRoute":
            backend = {"name": MODEL, "port": PORT, "weight": 100}
            rule = {"matches": [], "filters": [], "backendRefs": [backend]}
            return {**found, "spec": {**spec, "rules": [*spec["rules"], rule]}}
        case "Deployment" | "Rollout":
            (one,) = spec["template"]["spec"]["containers"]
            port = {"name": "grpc", "containerPort": PORT, "protocol": "TCP"}
            container = {**one, "ports": [*one["ports"], port]}
            pod = {**spec["template"]["spec"], "containers": [container]}
            template = {**spec["template"], "spec": pod}
            return {**found, "spec": {**spec, "template": template}}
        case _:
            return found


TREE = [with_grpc(found) for found in rendered()]


def steady(stage) -> list[Object]:
    """The tree as apply wants it right now."""
    tracks, production = stage.world.tracks, stage.context.deployments.production(MODEL)
    made = instance_of(stage.context.journal, MODEL, production.release)
    return [tracks.steady(found, tracks.split(), made) for found in TREE]


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A release without gRPC serves; the spec asks for it, and another run is registered."""
    with cluster_stage(tmp_path, monkeypatch) as found:
        found.register("run1", "1")
        found.roll_out()
        apply_tree(found.server, OWNER, steady(found), TREE)
        record_objects(found.context.journal, MODEL, TREE, "with gRPC")
        found.register("run2", "2")
        yield found


def calls(stage) -> list[str]:
    """The Services that calls of gRPC go to; none while there is no rule for them."""
    return calls_of(stage.users.cluster.find("HTTPRoute", MODEL))


def calls_of(route: Object) -> list[str]:
    rules = route["spec"]["rules"]
    backends = [one for rule in rules for one in rule["backendRefs"] if one["port"] == PORT]
    return [one["name"] for one in backends if one["weight"] > 0]


def watched(stage) -> list[list[str]]:
    """Where calls go, whenever that changes; only to pods that all answer them."""
    seen: list[list[str]] = []

    def look() -> None:
        cluster, names = stage.users.cluster, calls(stage)
        for name in names:
            found = cluster.find("Deployment", name)
            assert PORT in ports_of(found), f"{name} answers no gRPC"
            pods = [o for k, o in cluster.objects.items() if k[1] == "Pod"
                    and o["metadata"]["ownerReferences"][0]["name"] == name
                    and o["status"]["containerStatuses"][0]["ready"]]  # fmt: skip
            assert {pod["metadata"]["generation"] for pod in pods} == {
                found["metadata"]["generation"]
            }, f"old pods of {name} answer no gRPC"
        if not seen or seen[-1] != names:
            seen.append(names)

    stage.users.cluster.controllers.append(look)
    return seen


def test_calls_begin_when_everything_that_has_a_share_answers_them(stage):
    seen = watched(stage)
    before = difference(stage.server, OWNER, steady(stage), TREE)

    assert stage.roll_out().outcome == "pass"
    assert before.empty
    assert seen == [[], [f"{MODEL}-next"], [MODEL]]
    assert difference(stage.server, OWNER, steady(stage), TREE).empty


def test_a_release_that_brings_grpc_and_goes_back_takes_it_along(stage):
    seen = watched(stage)
    stage.users.errors[stage.image("run2")] = 5

    assert stage.roll_out().outcome == "fail"
    assert seen == [[]]


def test_calls_end_before_the_pods_do_that_answer_them(stage):
    stage.roll_out()
    seen, deployments = watched(stage), stage.context.deployments
    back = next(d for d in deployments.of(MODEL) if d.role == "previous")
    live = deployments.production(MODEL)
    deployments.save(
        replace(back, role="production", weight=1.0), replace(live, role="quarantined", weight=0.0)
    )

    stage.world.tracks.follow()

    assert seen == [[MODEL], []]
    assert difference(stage.server, OWNER, steady(stage), TREE).empty


OF_ARGO = [with_grpc(found) for found in argo_tree.rendered()]


def test_with_argo_calls_begin_when_every_pod_answers_them_and_end_before_one_does_not(
    tmp_path, monkeypatch
):
    """All pods are behind one Service, whose port for calls has those that answer them alone."""
    with argo_stage(tmp_path, monkeypatch) as stage:
        first = stage.register("run1", "1")
        stage.roll_out()
        record_objects(stage.context.journal, MODEL, OF_ARGO, "with gRPC")
        tracks, seen = stage.world.tracks, []
        (route,) = (found for found in OF_ARGO if found["kind"] == "HTTPRoute")
        before = calls_of(tracks.routed(route))

        def look() -> None:
            pods = [o for k, o in stage.users.cluster.objects.items() if k[1] == "Pod"]
            images = {pod["status"]["containerStatuses"][0]["image"] for pod in pods}
            now = calls(stage), images == {stage.image("run2")}
            if not seen or seen[-1] != now:
                seen.append(now)

        new = stage.register("run2", "2")
        stage.users.cluster.controllers.append(look)
        passed = stage.roll_out().outcome
        deployments = stage.context.deployments
        back, live = (deployments.find(MODEL, release) for release in (first, new))
        deployments.save(
            replace(back, role="production", weight=1.0),
            replace(live, role="quarantined", weight=0.0),
        )
        tracks.follow()

        assert (passed, before) == ("pass", [])
        assert seen == [
            ([], False), ([], True), ([MODEL], True), ([], True), ([], False),
        ]  # fmt: skip
        assert calls_of(tracks.routed(route)) == []
