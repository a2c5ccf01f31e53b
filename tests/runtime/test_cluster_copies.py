"""Pods that are sent copies say so of what they count; before users come, others take over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from cluster_mortal import Mortal
from cluster_tree import MODEL
from cluster_world import POLICY, cluster_stage
from rollout_world import Killed

from mlops_spec.runtime.cluster.instance import gets_copies
from mlops_spec.runtime.cluster.route import KIND
from mlops_spec.runtime.declare import Shadow
from mlops_spec.runtime.service.predicting import Requests
from mlops_spec.terms.exposition import GETS_COPIES

SHADOWED = replace(POLICY, shadow=Shadow(min_requests=400, min_agreement=0.8, at_most=300))
NEXT = f"{MODEL}-next"
WRONG = {("requests", "copies"), ("copies", "requests"), ("requests", "requests soon")}


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """One release serves, another run is registered."""
    with cluster_stage(tmp_path, monkeypatch) as found:
        found.register("run1", "1")
        found.roll_out()
        found.register("run2", "2")
        yield found


def sent(stage) -> str:
    """What the route sends to the next pods."""
    rule = stage.users.cluster.find(KIND, MODEL)["spec"]["rules"][0]
    if any(one["type"] == "RequestMirror" for one in rule["filters"]):
        return "copies"
    return "requests" if any(one["name"] == NEXT for one in rule["backendRefs"]) else "nothing"


def seen_of(stage) -> list[tuple[str, str]]:
    """What the next pods were sent and for what they were started, whenever that changed."""
    seen: list[tuple[str, str]] = []

    def look() -> None:
        for name, pod in [
            (k[3], o) for k, o in stage.users.cluster.objects.items() if k[1] == "Pod"
        ]:
            if name.startswith(NEXT) and pod["status"]["containerStatuses"][0]["ready"]:
                form = stage.users.cluster.find("Deployment", NEXT)
                newest = form["metadata"]["generation"] == pod["metadata"]["generation"]
                made_for = "copies" if gets_copies(form) else "requests"
                now = sent(stage), made_for if newest else f"{made_for} soon"
                if not seen or seen[-1] != now:
                    seen.append(now)

    stage.users.cluster.controllers.append(look)
    return seen


def test_copies_go_to_pods_that_know_and_requests_to_others(stage):
    seen = seen_of(stage)
    stage.users.unanswered = 0

    ending = stage.roll_out(policy=SHADOWED)

    assert ending.outcome == "pass"
    assert seen == [
        ("nothing", "copies"), ("copies", "copies"), ("nothing", "copies"),
        ("nothing", "requests soon"), ("nothing", "requests"), ("requests", "requests"),
        ("nothing", "requests"),
    ]  # fmt: skip
    assert not gets_copies(stage.users.cluster.find("Deployment", MODEL))
    assert stage.users.unanswered == 0


def test_without_a_shadow_step_no_pod_is_started_twice(stage):
    seen = seen_of(stage)

    assert stage.roll_out().outcome == "pass"
    assert {made_for for _, made_for in seen} == {"requests"}


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", range(6, 40, 4))
def test_a_kill_at_any_look_leaves_no_requests_to_pods_for_copies(stage, kill_at):
    seen, looks = seen_of(stage), iter(range(1000))
    sleep = stage.sleep

    def killed(seconds: float) -> None:
        if next(looks) == kill_at:
            raise Killed("while waiting")
        sleep(seconds)

    tracks = stage.world.tracks
    patience, stage.sleep = tracks.patience, killed
    tracks.patience = replace(patience, sleep=killed)
    with suppress(Killed):
        stage.roll_out(policy=SHADOWED)
    tracks.patience, stage.sleep = patience, sleep

    assert stage.roll_out(policy=SHADOWED).outcome == "pass"
    assert WRONG.isdisjoint(seen)


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", range(1, 60, 5))
def test_a_kill_at_any_write_leaves_none_either(stage, kill_at):
    seen, tracks, stage.users.unanswered = seen_of(stage), stage.world.tracks, 0
    tracks.server = Mortal(stage.server.connection, patience=0.3)
    tracks.server.kill_at = kill_at
    with suppress(Killed):
        stage.roll_out(policy=SHADOWED)
    tracks.server.kill_at = -1

    assert stage.roll_out(policy=SHADOWED).outcome == "pass"
    assert WRONG.isdisjoint(seen)
    assert (stage.users.cluster.names("Deployment"), stage.users.unanswered) == ([MODEL], 0)


@pytest.mark.parametrize(
    ("environment", "headers", "copies"),
    [
        ("", [], False), ("1", [], True), ("", [(b"x-mlops-shadow", b"1")], True),
        ("1", [(b"x-mlops-shadow", b"0")], False), ("0", [], False),
    ],
)  # fmt: skip
def test_a_pod_that_is_sent_copies_takes_each_request_for_one(
    monkeypatch: pytest.MonkeyPatch, environment: str, headers: list, copies: bool
) -> None:
    monkeypatch.setenv(GETS_COPIES, environment)
    asked: Callable = Requests().asked
    assert asked(headers).shadow is copies
