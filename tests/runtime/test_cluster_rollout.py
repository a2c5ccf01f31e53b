"""A rollout on a cluster, over real HTTP: what takes over, what goes back, what a kill leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cluster_pods import Image
from cluster_tree import MODEL
from cluster_world import POLICY, cluster_stage

from mlops_spec.runtime.declare import Shadow
from mlops_spec.runtime.refusal import Refusal

SHADOWED = replace(POLICY, shadow=Shadow(min_requests=400, min_agreement=0.8, at_most=300))


@pytest.fixture
def stage(tmp_path, monkeypatch):
    with cluster_stage(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
def second(stage):
    """A stage where one release serves and another run is registered: (stage, first, second)."""
    first = stage.register("run1", "1")
    stage.roll_out()
    return stage, first, stage.register("run2", "2")


def image_of(stage, name):
    found = stage.users.cluster.find("Deployment", name)
    return found and found["spec"]["template"]["spec"]["containers"][0]["image"]


def backends(stage):
    route = stage.users.cluster.find("HTTPRoute", MODEL)
    return {one["name"]: one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]}


def test_a_first_model_comes_up_on_an_empty_cluster(stage):
    first = stage.register("run1", "1")

    ending = stage.roll_out()

    assert ending.outcome == "pass"
    assert stage.roles() == {first: ("production", 1.0)}
    assert image_of(stage, MODEL) == stage.image("run1")
    assert image_of(stage, f"{MODEL}-next") is None
    assert backends(stage) == {MODEL: 100}
    assert stage.world.named["production"] == "1"


def test_a_good_release_takes_over_without_an_unanswered_request(second):
    stage, first, new = second
    stage.users.unanswered = 0

    ending = stage.roll_out()

    assert ending.outcome == "pass"
    assert stage.roles() == {first: ("previous", 0.0), new: ("production", 1.0)}
    assert image_of(stage, MODEL) == stage.image("run2")
    assert stage.users.cluster.names("Deployment") == [MODEL]
    assert stage.users.cluster.names("Service") == [MODEL]
    scalers = ("HorizontalPodAutoscaler", "ScaledObject")
    assert [name for kind in scalers for name in stage.users.cluster.names(kind)] == [MODEL]
    assert backends(stage) == {MODEL: 100}
    assert stage.users.unanswered == 0


@pytest.mark.parametrize(
    ("harm", "amount", "said"),
    [("errors", 5, "errors"), ("seconds", 0.4, "p99"), ("moved", 0.5, "score shift: FAIL")],
    ids=["fails more", "is slower than the limit", "scores otherwise"],
)
def test_a_release_that_does_harm_goes_back_and_production_keeps_its_image(
    second, harm, amount, said
):
    stage, first, new = second
    getattr(stage.users, harm)[stage.image("run2")] = amount

    ending = stage.roll_out()

    assert ending.outcome == "fail"
    assert said in ending.reason
    assert stage.roles() == {first: ("production", 1.0), new: ("quarantined", 0.0)}
    assert image_of(stage, MODEL) == stage.image("run1")
    assert stage.users.cluster.names("Deployment") == [MODEL]
    assert backends(stage) == {MODEL: 100}


def test_copies_are_compared_with_production_s_answers(second):
    stage, first, new = second

    ending = stage.roll_out(policy=SHADOWED)

    judged = stage.judged("shadow", new, first)
    assert ending.outcome == "pass"
    assert [(v["check"], v["outcome"]) for v in judged["verdicts"]] == [
        ("agreement", "pass"), ("lost copies", "pass"), ("score shift", "pass")
    ]  # fmt: skip
    assert judged["verdicts"][0]["estimate"] == 1.0


def test_a_release_that_decides_otherwise_goes_back_before_it_answers_anybody(second):
    stage, first, new = second
    stage.users.moved[stage.image("run2")] = 0.5

    ending = stage.roll_out(policy=SHADOWED)

    assert ending.outcome == "fail"
    assert ending.reason.startswith("shadow: fail: ")
    assert backends(stage) == {MODEL: 100}
    assert stage.judged("canary-5", new, first) is None


def test_pods_that_do_not_become_ready_are_explained_and_the_same_command_goes_on(second):
    stage, first, new = second
    bad = Image(waiting=("ImagePullBackOff", "back-off"), events=(("Failed", "not found"),))
    stage.users.cluster.images[stage.image("run2")] = bad

    with pytest.raises(Refusal) as no:
        stage.roll_out()
    stage.users.cluster.images.clear()
    ending = stage.roll_out()

    assert no.value.code == "MLS626"
    assert no.value.field == ("environment", "serve", "images")
    assert f"the image {stage.image('run2')}: not found" in no.value.message
    assert ending.outcome == "pass"
    assert stage.roles() == {first: ("previous", 0.0), new: ("production", 1.0)}


def test_an_image_of_another_release_is_not_taken(second):
    stage, first, new = second
    stage.users.release = lambda pod: first

    ending = stage.roll_out()

    assert ending.outcome == "fail"
    assert f"the image holds release {first}, and {new} was asked for" in ending.reason
    assert backends(stage) == {MODEL: 100}


def test_without_an_image_nothing_is_started_and_the_way_to_one_is_said(second, monkeypatch):
    stage, _, new = second
    stage.context.journal.forget(MODEL, "image", new)
    monkeypatch.setenv("MLOPS_SPEC_ENGINE", "none")

    with pytest.raises(Refusal, match=f"there is no image of release {new}") as no:
        stage.roll_out()

    assert no.value.code == "MLS630"
    assert no.value.help.endswith(
        f"spec apply --env production --image {MODEL}=registry.example/ml/{MODEL}@sha256:…"
    )
    assert no.value.details[0].startswith("MLOPS_SPEC_ENGINE=none: ")
    assert no.value.field == ("environment", "serve", "images")
    assert stage.users.cluster.names("Deployment") == [MODEL]
