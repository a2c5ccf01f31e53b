"""Pure forms of a release on a cluster: its objects on a track, its route, its counts."""

from __future__ import annotations

import math

from cluster_tree import MODEL, rendered
from hypothesis import given
from hypothesis import strategies as st

from mlops_spec.runtime.cluster.counts import Counts, ReleaseCounts, counts_of
from mlops_spec.runtime.cluster.instance import (
    gets_copies,
    image_of,
    instance,
    of_model,
    ports_of,
    release_of,
)
from mlops_spec.runtime.cluster.route import Split, routed, shares, taken, trouble_of
from mlops_spec.terms.labels import TRACK

IMAGE = f"r/{MODEL}@sha256:{7:064x}"
TREE = of_model(rendered(), MODEL)
ROUTE = next(found for found in rendered() if found["kind"] == "HTTPRoute")


def of(objects, kind):
    return next(found for found in objects if found["kind"] == kind)


def test_the_stable_track_is_the_tree_with_a_release_and_its_image():
    made = instance(TREE, MODEL, release="r7", image=IMAGE, track="stable")

    deployment = of(made, "Deployment")
    assert (release_of(deployment), image_of(deployment)) == ("r7", IMAGE)
    assert of(made, "Service") == of(TREE, "Service")
    assert deployment["spec"]["selector"] == of(TREE, "Deployment")["spec"]["selector"]


def test_the_next_track_meets_the_stable_one_nowhere():
    made = instance(TREE, MODEL, release="r7", image=IMAGE, track="next")
    stable = of(TREE, "Deployment")["spec"]["template"]["metadata"]["labels"]

    assert {found["metadata"]["name"] for found in made} == {f"{MODEL}-next"}
    for kind in ("Deployment", "PodDisruptionBudget"):
        wanted = of(made, kind)["spec"]["selector"]["matchLabels"]
        assert wanted[TRACK] == "next" != stable[TRACK]
    assert of(made, "Service")["spec"]["selector"][TRACK] == "next"
    spread = of(made, "Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert {one["labelSelector"]["matchLabels"][TRACK] for one in spread} == {"next"}
    scaler = next(found for found in made if "scaleTargetRef" in found["spec"])
    assert scaler["spec"]["scaleTargetRef"]["name"] == f"{MODEL}-next"


def test_making_an_instance_changes_nothing_of_the_tree():
    before = repr(TREE)

    instance(TREE, MODEL, release="r7", image=IMAGE, track="next")

    assert repr(TREE) == before


@given(st.floats(0, 1))
def test_shares_are_whole_parts_that_make_a_whole(share):
    found = shares(routed(ROUTE, MODEL, Split(next=share)))

    assert abs(found.get(f"{MODEL}-next", 0.0) - share) <= 0.0005
    assert math.isclose(sum(found.values()), 1)


def test_without_a_share_or_copies_the_route_is_the_rendered_one():
    assert routed(ROUTE, MODEL, Split()) == ROUTE


def test_copies_go_beside_and_answers_come_from_production_alone():
    made = routed(ROUTE, MODEL, Split(mirror=True))
    rule = made["spec"]["rules"][0]

    assert shares(made) == {MODEL: 1.0}
    assert rule["filters"][-1] == {
        "type": "RequestMirror",
        "requestMirror": {"backendRef": {"name": f"{MODEL}-next", "port": 3000}},
    }


def test_calls_of_grpc_are_split_and_copied_as_requests_are():
    backend = {"name": MODEL, "port": 9000, "weight": 100}
    called = {"matches": [], "filters": [], "backendRefs": [backend]}
    route = {**ROUTE, "spec": {"rules": [*ROUTE["spec"]["rules"], called]}}

    rule = routed(route, MODEL, Split(next=0.25, mirror=True))["spec"]["rules"][-1]

    assert rule["backendRefs"] == [
        {"name": MODEL, "port": 9000, "weight": 750},
        {"name": f"{MODEL}-next", "port": 9000, "weight": 250},
    ]
    copy = {"name": f"{MODEL}-next", "port": 9000}
    assert rule["filters"] == [{"type": "RequestMirror", "requestMirror": {"backendRef": copy}}]


def test_a_rule_is_there_when_all_that_have_a_share_answer_on_its_port():
    backend = {"name": MODEL, "port": 9000, "weight": 100}
    called = {"matches": [], "filters": [], "backendRefs": [backend]}
    others = {"backendRefs": [{"name": "elsewhere", "port": 1}]}
    own = ROUTE["spec"]["rules"]
    route = {**ROUTE, "spec": {"rules": [*own, called, others]}}

    assert routed(route, MODEL, Split(), {3000, 9000}) == route
    assert routed(route, MODEL, Split())["spec"]["rules"] == [*own, called, others]
    assert routed(route, MODEL, Split(), {3000})["spec"]["rules"] == [*own, others]


def test_what_a_deployment_answers_on_and_is_sent_is_read_from_it():
    made = of(instance(TREE, MODEL, release="r7", image=IMAGE, track="next", copies=True),
              "Deployment")  # fmt: skip
    plain = of(instance(TREE, MODEL, release="r7", image=IMAGE, track="next"), "Deployment")

    assert [ports_of(one) for one in (made, None)] == [{3000}, set()]
    assert [gets_copies(one) for one in (made, plain, None)] == [True, False, False]
    env = [one["spec"]["template"]["spec"]["containers"][0]["env"] for one in (plain, made)]
    assert env[1] == [*env[0], {"name": "MLOPS_SPEC_GETS_COPIES", "value": "1"}]


def test_a_route_is_in_force_when_its_controller_says_so_of_its_newest_form():
    def told(generation, **conditions):
        said = [
            {"type": kind, "status": value, "observedGeneration": generation, "message": "why"}
            for kind, value in conditions.items()
        ]
        parents = {"parents": [{"conditions": said}]}
        return {**ROUTE, "metadata": {**ROUTE["metadata"], "generation": 2}, "status": parents}

    assert taken(told(2, Accepted="True", ResolvedRefs="True"))
    assert not taken(told(1, Accepted="True", ResolvedRefs="True"))
    assert not taken(told(2, Accepted="True"))
    assert not taken(ROUTE)
    assert trouble_of(told(2, Accepted="False", ResolvedRefs="True")) == "Accepted: why"
    assert trouble_of(ROUTE) == "no controller of a Gateway looks after it"


def metrics(ok, failed, fast, slow, release="r7", shadow="false"):
    of_release = f'model="m",release="{release}",shadow="{shadow}"'
    return (
        "# TYPE mlops_requests_total counter\n"
        f'mlops_requests_total{{{of_release},code="200"}} {ok}\n'
        f'mlops_requests_total{{{of_release},code="503"}} {failed}\n'
        "# TYPE mlops_request_seconds histogram\n"
        f'mlops_request_seconds_bucket{{{of_release},le="0.1"}} {fast}\n'
        f'mlops_request_seconds_bucket{{{of_release},le="+Inf"}} {fast + slow}\n'
    )


def test_metrics_of_a_release_are_read_and_those_of_others_are_not():
    assert counts_of(metrics(5, 1, 4, 2), "r7") == Counts(
        {"200": 5.0, "503": 1.0}, {0.1: 4.0, math.inf: 2.0}
    )
    assert counts_of(metrics(5, 1, 4, 2), "another") == Counts()
    assert counts_of(metrics(5, 1, 4, 2, shadow="true"), "r7") == Counts()


class Pods:
    """An API server behind which each pod shows these metrics."""

    def __init__(self, **texts):
        self.texts = texts

    def ask_pod(self, namespace, pod, port, path, body):
        answer = {"status": 200, "body": self.texts[pod].encode()}
        return type("Answer", (), answer)


def pod(name, restarts=0, ready=True):
    status = {"containerStatuses": [{"ready": ready, "restartCount": restarts}]}
    return {"metadata": {"name": name}, "status": status}


def test_what_was_counted_before_does_not_count_and_a_pod_that_came_counts_whole():
    pods = Pods(a=metrics(100, 0, 100, 0))
    counts = ReleaseCounts(pods, "ml", "r7")
    counts.look((pod("a"),))
    pods.texts = {"a": metrics(110, 1, 109, 2), "b": metrics(3, 0, 3, 0)}

    found, ended = counts.look((pod("a"), pod("b")))

    assert (found.failed, ended) == (1, 0)
    assert found.seconds == {0.1: 12.0, math.inf: 2.0}


def test_a_container_that_began_anew_keeps_what_it_had_counted_and_is_a_failure():
    pods = Pods(a=metrics(0, 0, 0, 0))
    counts = ReleaseCounts(pods, "ml", "r7")
    counts.look((pod("a"),))
    pods.texts = {"a": metrics(50, 0, 50, 0)}
    counts.look((pod("a"),))
    counts.look((pod("a", restarts=1, ready=False),))
    pods.texts = {"a": metrics(4, 0, 4, 0)}

    found, ended = counts.look((pod("a", restarts=1),))

    assert (found.seconds[0.1], ended) == (54.0, 1)


def test_workers_that_died_in_a_container_that_goes_on_are_failures():
    died = "\n# TYPE mlops_workers_died_total counter\nmlops_workers_died_total{{{}}} {}\n".format
    name = 'model="m",release="r7"'
    pods = Pods(a=metrics(10, 0, 10, 0) + died(name, 2))
    counts = ReleaseCounts(pods, "ml", "r7")
    counts.look((pod("a"),))
    pods.texts = {
        "a": metrics(20, 0, 20, 0) + died(name, 5), "b": metrics(1, 0, 1, 0) + died(name, 1),
    }  # fmt: skip

    found, ended = counts.look((pod("a"), pod("b")))

    assert (found.failed, ended) == (0, 4)


def test_a_pod_that_is_gone_has_still_counted():
    pods = Pods(a=metrics(0, 0, 0, 0))
    counts = ReleaseCounts(pods, "ml", "r7")
    counts.look((pod("a"),))
    pods.texts = {"a": metrics(50, 2, 52, 0)}
    counts.look((pod("a"),))

    found, _ = counts.look(())

    assert (found.codes["200"], found.failed) == (50.0, 2)
