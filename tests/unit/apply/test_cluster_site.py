"""An environment on Kubernetes, as plan, apply and rollback see it, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cluster_api import Cluster, serving, write_kubeconfig
from rich.text import Text

from mlops_spec.apply import go_back as going_back
from mlops_spec.apply.cluster import ClusterSite, cluster_variables, objects_stage
from mlops_spec.apply.go_back import go_back
from mlops_spec.apply.site import Site
from mlops_spec.apply.stages import ApplyObjects
from mlops_spec.cli.fields import placed
from mlops_spec.cli.views.plan_text import _stage_lines
from mlops_spec.model.facets import facets
from mlops_spec.model.spec.base import Change
from mlops_spec.pipeline import cluster_objects, compile_project, render_project
from mlops_spec.runtime.cluster.recorded import Instance, record_instance, rendered_objects
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment, Store

FLIGHTS = Path(__file__).parents[3] / "examples" / "flights"
MODEL = "flight-delay"


@pytest.fixture(scope="module")
def compiled():
    project, _ = compile_project(FLIGHTS, {})
    return project, render_project(project, "production"), cluster_objects(project, "production")


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def site(tmp_path, monkeypatch, compiled, cluster):
    project, files, objects = compiled
    store = Store.at(tmp_path / "state.db")
    with serving(cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", url)))
        yield Site(tmp_path, project, "production", files, store, objects)
    store.close()


def release(site, number, role):
    """A release that was rolled out before, with what it was started with."""
    name = f"{number:016x}"
    found = site.deployments
    found.save(
        Deployment(
            MODEL, name, f"run{number}", str(number), role, float(role == "production"), port=3000
        )
    )
    rendered = ClusterSite(site).rendered()
    shape = facets(site.model(MODEL), site.spec)[Change.SERVE]
    image = f"registry.example/{MODEL}@sha256:{number:064x}"
    record_instance(site.journal, MODEL, name, Instance(rendered, image, shape))
    return name


def notes(_: str) -> None:
    """Nobody reads them."""


def image_in(cluster):
    found = cluster.find("Deployment", MODEL)
    return found and found["spec"]["template"]["spec"]["containers"][0]["image"]


def test_an_empty_cluster_gets_everything_but_what_a_rollout_starts(site, cluster):
    (before,) = objects_stage(site)
    ClusterSite(site).apply(notes, take_over=False)

    assert before.created[0] == "namespace/ml"
    assert f"httproute/{MODEL}" in before.created
    assert f"deployment/{MODEL}" not in before.created
    assert list(objects_stage(site)) == []
    assert cluster.names("Deployment") == []


def test_what_only_a_rollout_applies_is_remembered_before_it(site, cluster):
    ClusterSite(site).apply(notes, take_over=False)
    changed = [
        {**one, "spec": {**one["spec"], "minReadySeconds": 7}}
        if one["kind"] == "Deployment" else one
        for one in site.objects[MODEL]
    ]  # fmt: skip
    after = replace(site, objects={**site.objects, MODEL: tuple(changed)})

    (stage,) = objects_stage(after)
    ClusterSite(after).apply(notes, take_over=False)

    assert (stage.created, stage.changed, stage.removed) == ((), (), ())
    assert tuple(changed) == rendered_objects(site.journal, MODEL)[0]
    assert list(objects_stage(after)) == []


def test_a_plan_shows_each_object_and_that_it_could_not_look(site, cluster):
    stage = ApplyObjects(
        "namespace ml, context 'test'", ("service/m",), ("route/m: spec.rules",), ("job/old",)
    )
    unseen = ApplyObjects("namespace ml", unseen="the cluster does not answer")

    lines = [Text.from_markup(line).plain for s in (stage, unseen) for line in _stage_lines(s)]

    assert lines == [
        "~ cluster: namespace ml, context 'test'",
        "    + service/m",
        "    ~ route/m: spec.rules",
        "    - job/old",
        "~ cluster: namespace ml",
        "    ? could not look: the cluster does not answer",
    ]


def test_a_cluster_that_does_not_answer_is_said_in_the_plan(site, cluster, monkeypatch):
    monkeypatch.setattr("mlops_spec.apply.cluster._LOOK_FOR", 0.2)
    cluster.cut = 1000

    (stage,) = objects_stage(site)

    assert stage.unseen.startswith("the cluster of context 'test' (http://127.0.0.1:")
    assert stage.created == ()


def test_what_somebody_changed_by_hand_is_shown_and_repaired_with_the_live_image(site, cluster):
    ClusterSite(site).apply(notes, take_over=False)
    release(site, 1, "production")
    ClusterSite(site).apply(notes, take_over=False)
    live = cluster.find("Deployment", MODEL)
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody/elses:image"

    (stage,) = objects_stage(site)
    ClusterSite(site).apply(notes, take_over=False)

    assert stage.changed == (f"deployment/{MODEL}: spec.template.spec.containers[0].image",)
    assert image_in(cluster) == f"registry.example/{MODEL}@sha256:{1:064x}"
    assert list(objects_stage(site)) == []


def test_the_release_before_serves_again_and_the_other_is_kept_out(site, cluster, monkeypatch):
    monkeypatch.setattr(going_back, "_name", lambda site, going: None)
    ClusterSite(site).apply(notes, take_over=False)
    first, second = release(site, 1, "previous"), release(site, 2, "production")
    ClusterSite(site).apply(notes, take_over=False)

    done = go_back(site, MODEL, who="ann@example", why="complaints", note=notes)

    roles = {d.release: (d.role, d.weight, d.reason) for d in site.deployments.of(MODEL)}
    assert roles == {
        first: ("production", 1.0, ""),
        second: ("quarantined", 0.0, "rolled back by ann@example: complaints"),
    }
    assert image_in(cluster) == f"registry.example/{MODEL}@sha256:{1:064x}"
    assert done.back.release == first
    with pytest.raises(Refusal, match="has no release that served before") as no:
        go_back(site, MODEL, who="ann@example", why="again", note=notes)
    assert no.value.code == "MLS631"


def test_a_rollback_that_was_killed_is_finished(site, cluster, monkeypatch):
    monkeypatch.setattr(going_back, "_name", lambda site, going: None)
    ClusterSite(site).apply(notes, take_over=False)
    first, _ = release(site, 1, "previous"), release(site, 2, "production")
    ClusterSite(site).apply(notes, take_over=False)
    with monkeypatch.context() as killed:
        killed.setattr(going_back, "_send_traffic", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            go_back(site, MODEL, who="ann", why="complaints", note=notes)

    done = go_back(site, MODEL, who="bob", why="again", note=notes)

    assert (done.back.release, done.who) == (first, "ann")
    assert image_in(cluster) == f"registry.example/{MODEL}@sha256:{1:064x}"


def test_flows_roll_out_on_the_cluster_that_was_applied_to(site, tmp_path):
    assert cluster_variables(site) == {
        "KUBECONFIG": str(tmp_path / "config"), "MLOPS_SPEC_KUBE_CONTEXT": "test"
    }  # fmt: skip


@pytest.mark.parametrize(("field", "line"), [
    (("environment", "serve", "images"), "images:"),
    (("environment", "serve", "nothing", "such"), "serve:"),
    (("model", MODEL, "serve", "replicas"), "serve:"),
    (("model", MODEL, "serve", "nowhere"), "serve:"),
])  # fmt: skip
def test_a_refusal_knows_the_line_that_owns_it(site, field, line):
    said = placed(site, Refusal("MLS626", "no", field=field))

    path, number, _ = said.at.split(":")
    assert line in (FLIGHTS / path).read_text().splitlines()[int(number) - 1]


@pytest.mark.parametrize("field", [(), ("model", "another", "serve"), ("cluster",)])
def test_a_refusal_of_nothing_in_the_specs_has_no_line(site, field):
    assert placed(site, Refusal("MLS620", "no", field=field)).at == ""
