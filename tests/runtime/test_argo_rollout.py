"""A rollout that Argo takes, over real HTTP: what takes over, what goes back, and after a kill."""

from __future__ import annotations

import pytest
from argo_stage import argo_stage
from cluster_pods import Image
from rollout_world import Killed

from mlops_spec.runtime.refusal import Refusal

BY_HAND = {"type": "Progressing", "status": "False", "message": "by hand"}


@pytest.fixture
def stage(tmp_path, monkeypatch):
    with argo_stage(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
def second(stage):
    """A stage where one release serves and another run is registered: (stage, first, second)."""
    first = stage.register("run1", "1")
    stage.roll_out()
    stage.users.unanswered = 0
    stage.argo.seen.clear()
    return stage, first, stage.register("run2", "2")


def serving(stage):
    """The images of the pods, and what Argo says."""
    pods = [o for k, o in stage.users.cluster.objects.items() if k[1] == "Pod"]
    images = {o["status"]["containerStatuses"][0]["image"] for o in pods}
    return images, stage.rollout["status"]["phase"]


def test_a_first_release_is_judged_by_held_out_rows_since_argo_takes_no_step_of_it(stage):
    first = stage.register("run1", "1")

    ending = stage.roll_out()

    assert ending.outcome == "pass"
    assert stage.roles() == {first: ("production", 1.0)}
    assert serving(stage) == ({stage.image("run1")}, "Healthy")
    assert [v["check"] for v in stage.judged("canary-100", first, "")["verdicts"]] == [
        "errors", "p99"
    ]  # fmt: skip


def test_argo_takes_the_steps_and_its_verdicts_are_recorded(second):
    stage, first, new = second

    ending = stage.roll_out()

    assert ending.outcome == "pass"
    assert stage.roles() == {first: ("previous", 0.0), new: ("production", 1.0)}
    assert serving(stage) == ({stage.image("run2")}, "Healthy")
    assert stage.world.named["production"] == "2"
    assert [step for step, _ in stage.argo.seen if step][-1] == 6
    judged = stage.judged("canary-50", new, first)
    assert [(v["check"], v["outcome"], v["limit"]) for v in judged["verdicts"]] == [
        ("requests", "pass", "at least 400"), ("errors", "pass", "0.01"), ("p99", "pass", "0.25 s"),
    ]  # fmt: skip
    assert (judged["requests"], judged["verdicts"][1]["high"]) == (5000, 0.001)
    assert stage.users.unanswered == 0


@pytest.mark.parametrize(
    ("measured", "outcome", "said"),
    [
        ({"errors": 0.5}, "fail", "errors: FAIL  [0.5, ∞]"),
        ({"p99": 9.0}, "fail", "p99: FAIL  9 s  n=0  limit 0.25 s"),
        ({"requests": 3.0}, "inconclusive", "requests: INCONCLUSIVE  n=3"),
        ({"requests": None}, "no_data", "requests: NO_DATA  n=0"),
    ],
    ids=["fails more", "is slower", "sees too few", "is not measured"],
)
def test_a_release_that_argo_aborts_goes_back_and_is_kept_out(second, measured, outcome, said):
    stage, first, new = second
    stage.argo.measured[stage.image("run2")] = measured

    ending = stage.roll_out()

    assert (ending.outcome, said in ending.reason) == (outcome, True), ending.reason
    assert stage.roles() == {first: ("production", 1.0), new: ("quarantined", 0.0)}
    assert serving(stage) == ({stage.image("run1")}, "Healthy")
    with pytest.raises(Refusal, match="was rolled back"):
        stage.roll_out()
    stage.argo.measured.clear()
    assert stage.roll_out(retry=True).outcome == "pass"
    assert serving(stage) == ({stage.image("run2")}, "Healthy")


def test_pods_that_do_not_start_are_explained_and_the_same_command_goes_on(second):
    stage, first, new = second
    bad = Image(waiting=("ImagePullBackOff", "back-off"), events=(("Failed", "not found"),))
    stage.users.cluster.images[stage.image("run2")] = bad

    with pytest.raises(Refusal, match="not found") as no:
        stage.roll_out()

    assert (no.value.code, no.value.field) == ("MLS626", ("environment", "serve", "images"))
    assert stage.roles() == {first: ("production", 1.0), new: ("candidate", 0.0)}
    stage.world.tracks.rollout()
    assert serving(stage) == ({stage.image("run1")}, "Healthy")
    stage.users.cluster.images.clear()
    assert stage.roll_out().outcome == "pass"


def test_pods_that_come_too_late_are_nobody_s_verdict(second):
    stage, _, new = second
    late = Image(ready_after=1000, events=(("Unhealthy", "Readiness probe failed"),))
    stage.users.cluster.images[stage.image("run2")] = late

    with pytest.raises(Refusal, match="0 of 1 pods ready: it is not ready: Readiness") as no:
        stage.roll_out()

    assert no.value.code == "MLS626"
    assert stage.roles()[new] == ("candidate", 0.0)


def test_a_controller_that_is_not_there_is_told(second):
    stage, *_ = second
    stage.argo.running = False

    with pytest.raises(Refusal, match="no controller of Argo Rollouts looks after") as no:
        stage.roll_out()

    assert (no.value.code, no.value.field) == ("MLS633", ("environment", "serve", "router"))


def tell(stage, **status):
    """What `kubectl argo rollouts abort` and `promote --full` do."""
    stage.rollout["status"].update(status)


@pytest.mark.parametrize(
    ("told", "outcome", "said"),
    [
        ({"promoteFull": True}, "pass", "a person decided, nothing was judged"),
        ({"abort": True, "currentStepIndex": 0, "conditions": [BY_HAND]}, "fail",
         "RolloutAborted: by hand"),
    ],
    ids=["promotes", "aborts"],
)  # fmt: skip
def test_who_decides_in_argo_is_believed_and_quoted(second, told, outcome, said):
    stage, first, new = second
    sleep = stage.world.tracks.patience.sleep
    stage.argo.hold = 2

    def decide(seconds):
        sleep(seconds)
        if stage.roles().get(new) == ("candidate", 0.5):
            tell(stage, **told)
            stage.argo.hold = None

    object.__setattr__(stage.world.tracks.patience, "sleep", decide)
    ending = stage.roll_out()

    assert ending.outcome == outcome
    role = "production" if outcome == "pass" else "quarantined"
    assert stage.roles()[new][0] == role
    steps = [stage.judged(f"canary-{share}", new, first) for share in (50, 100)]
    assert said in " ".join(v["reason"] for step in steps if step for v in step["verdicts"])


def test_a_rollout_that_somebody_changes_in_its_last_moment_promotes_nothing(second):
    stage, _, new = second
    promote = stage.world.promote

    def somebody_comes_first(release, verdicts):
        stage.rollout["spec"]["template"]["metadata"]["labels"]["mlops-spec/release"] = "other"
        stage.rollout["metadata"]["generation"] += 1
        promote(release, verdicts)

    stage.world.promote = somebody_comes_first
    with pytest.raises(Refusal, match="asks for release other: somebody changed it while"):
        stage.roll_out()

    assert stage.roles()[new][0] == "candidate"
    del stage.world.promote
    assert stage.roll_out().outcome == "pass"
    assert stage.roles()[new] == ("production", 1.0)


@pytest.mark.parametrize("hold", [0, 1, 2, 3, 5, 7])
@pytest.mark.parametrize("measured", [{}, {"errors": 0.5}], ids=["good", "harmful"])
def test_argo_goes_on_while_nobody_follows_and_the_next_command_tells_its_end(
    second, hold, measured
):
    stage, first, new = second
    stage.argo.hold = hold
    stage.argo.measured[stage.image("run2")] = measured
    patience = stage.world.tracks.patience
    sleep = patience.sleep

    def die(seconds):
        sleep(seconds)
        status = stage.rollout["status"]
        if status["currentStepIndex"] == hold and status["stableRS"] != status["currentPodHash"]:
            raise Killed("kill -9")

    object.__setattr__(patience, "sleep", die)
    try:
        ending = stage.roll_out()
    except Killed:
        stage.argo.hold = None
        object.__setattr__(patience, "sleep", sleep)
        for _ in range(30):
            stage.world.tracks.rollout()
        ending = stage.roll_out()

    if measured:
        assert (ending.outcome, "errors: FAIL" in ending.reason) == ("fail", True)
        assert stage.roles() == {first: ("production", 1.0), new: ("quarantined", 0.0)}
    else:
        assert ending.outcome == "pass"
        assert stage.roles() == {first: ("previous", 0.0), new: ("production", 1.0)}
        verdicts = [stage.judged(f"canary-{s}", new, first)["verdicts"] for s in (50, 100)]
        assert [len([v for v in found if v["outcome"] == "pass"]) for found in verdicts] == [3, 3]
