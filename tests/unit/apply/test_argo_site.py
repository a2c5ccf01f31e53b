"""An environment that Argo rolls out, as plan, apply and rollback see it, over real HTTP."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from argo_tree import compiled
from cluster_api import Cluster, serving, write_kubeconfig
from cluster_argo import Argo
from cluster_pods import Image
from cluster_tree import MODEL

from mlops_spec.apply import go_back as going_back
from mlops_spec.apply.cluster import ClusterSite, objects_stage
from mlops_spec.apply.go_back import go_back
from mlops_spec.apply.site import Site
from mlops_spec.model.facets import facets
from mlops_spec.model.spec.base import Change
from mlops_spec.runtime.cluster import rest
from mlops_spec.runtime.cluster.recorded import Instance, record_instance
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment, Store


@pytest.fixture
def argo():
    return Argo(Cluster())


@pytest.fixture
def site(tmp_path, monkeypatch, argo):
    monkeypatch.setattr(rest, "LEAST", 0.0)
    project, files, objects = compiled()
    store = Store.at(tmp_path / "state.db")
    with serving(argo.cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", url)))
        yield Site(tmp_path, project, "production", files, store, objects)
    store.close()


def release(site, number, role, port=3000):
    """A release that was started before, with what it was started with."""
    name = f"{number:016x}"
    weight = float(role == "production")
    found = Deployment(MODEL, name, f"run{number}", str(number), role, weight, port=port)
    site.deployments.save(found)
    shape = facets(site.model(MODEL), site.spec)[Change.SERVE]
    image = f"registry.example/{MODEL}@sha256:{number:064x}"
    made = Instance(ClusterSite(site).rendered(), image, shape)
    record_instance(site.journal, MODEL, name, made)
    return name


def apply(site):
    told = []
    ClusterSite(site).apply(told.append, take_over=False)
    return told


def asked_for(argo):
    found = argo.cluster.find("Rollout", MODEL)
    return found["spec"]["template"]["metadata"]["labels"]["mlops-spec/release"]


def test_an_empty_cluster_gets_everything_but_what_a_rollout_starts(site, argo):
    (before,) = objects_stage(site)
    apply(site)

    assert f"analysistemplate/{MODEL}-harm" in before.created
    assert f"rollout/{MODEL}" not in before.created
    assert list(objects_stage(site)) == []
    assert argo.cluster.names("Rollout") == []


def test_what_somebody_changed_by_hand_is_shown_and_argo_goes_back_without_steps(site, argo):
    apply(site)
    release(site, 1, "production")
    told = apply(site)
    assert told[-1] == f"{MODEL}: Healthy, 2 of 2 pods ready"
    argo.hold = 0  # it is still at its first step when apply comes
    live = argo.cluster.find("Rollout", MODEL)
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody/elses:image"
    live["metadata"]["generation"] += 1
    argo.cluster.control()

    (stage,) = objects_stage(site)
    apply(site)

    assert stage.changed == (f"rollout/{MODEL}: spec.template.spec.containers[0].image",)
    assert list(objects_stage(site)) == []
    assert live_images(argo) == {f"registry.example/{MODEL}@sha256:{1:064x}"}
    assert argo.cluster.names("AnalysisRun") == []


def live_images(argo):
    pods = [o for k, o in argo.cluster.objects.items() if k[1] == "Pod"]
    return {o["status"]["containerStatuses"][0]["image"] for o in pods}


def with_memory(site, amount):
    """The site whose pods may use so much: another form of the same release."""
    (rollout,) = (one for one in site.objects[MODEL] if one["kind"] == "Rollout")
    made = deepcopy(rollout)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    container["resources"]["limits"]["memory"] = amount
    objects = tuple(made if one is rollout else one for one in site.objects[MODEL])
    return replace(site, objects={**site.objects, MODEL: objects})


def test_more_memory_is_no_release_and_is_rolled_out_without_being_judged(site, argo):
    apply(site)
    release(site, 1, "production")
    apply(site)
    argo.looks = 10**6  # an analysis would never end
    more = with_memory(site, "2Gi")
    path = "rollout/flight-delay: spec.template.spec.containers[0].resources.limits.memory"

    (stage,) = objects_stage(more)
    told = apply(more)

    assert stage.changed == (path,)
    assert told[-1] == f"{MODEL}: Healthy, 2 of 2 pods ready"
    assert list(objects_stage(more)) == []


def test_pods_that_do_not_come_up_in_another_form_are_explained(site, argo):
    apply(site)
    release(site, 1, "production")
    apply(site)
    image = f"registry.example/{MODEL}@sha256:{1:064x}"
    argo.cluster.images[image] = Image(ready_after=10**6)
    condition = {"type": "Progressing", "status": "False", "message": "has timed out progressing."}
    argo.cluster.controllers.append(
        lambda: argo.cluster.find("Rollout", MODEL)["status"].update(
            abort=True, conditions=[condition]
        )
    )

    with pytest.raises(Refusal, match="rollout/flight-delay is not ready") as no:
        apply(with_memory(site, "2Gi"))

    assert no.value.code == "MLS626"


def test_an_apply_beside_a_rollout_leaves_it_alone_and_what_is_withdrawn_goes_back(site, argo):
    apply(site)
    first = release(site, 1, "production")
    apply(site)
    second = release(site, 2, "candidate")
    argo.hold = 2
    ClusterSite(site).follow(MODEL, print)
    argo.cluster.control()

    assert asked_for(argo) == second
    assert list(objects_stage(site)) == []
    apply(site)
    assert asked_for(argo) == second

    site.deployments.remove(site.deployments.find(MODEL, second))
    ClusterSite(site).follow(MODEL, print)
    assert asked_for(argo) == first
    assert argo.cluster.find("Rollout", MODEL)["status"]["phase"] == "Healthy"


def test_the_release_before_serves_again_without_being_judged_again(site, argo, monkeypatch):
    monkeypatch.setattr(going_back, "_name", lambda site, going: None)
    apply(site)
    first, second = release(site, 1, "previous"), release(site, 2, "production")
    apply(site)
    argo.looks = 10**6  # an analysis would never end

    go_back(site, MODEL, who="ann", why="complaints", note=print)

    assert {d.release: d.role for d in site.deployments.of(MODEL)} == {
        first: "production", second: "quarantined"
    }  # fmt: skip
    assert live_images(argo) == {f"registry.example/{MODEL}@sha256:{1:064x}"}
    assert argo.cluster.find("Rollout", MODEL)["status"]["phase"] == "Healthy"
    assert list(objects_stage(site)) == []


def test_the_pods_of_a_first_release_that_was_refused_are_ended(site, argo):
    apply(site)
    name = release(site, 1, "candidate")
    ClusterSite(site).follow(MODEL, print)
    assert asked_for(argo) == name
    refused = replace(site.deployments.find(MODEL, name), role="quarantined", port=None)
    site.deployments.save(refused)

    ClusterSite(site).follow(MODEL, print)

    assert argo.cluster.names("Rollout") == []
