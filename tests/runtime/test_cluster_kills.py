"""A rollout on a cluster that is killed at any write, or loses its API server: it finishes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cluster_api import status
from cluster_mortal import Mortal
from cluster_tree import MODEL
from cluster_world import cluster_stage
from rollout_world import Killed

from mlops_spec.runtime.cluster.refused import Unreachable


@pytest.fixture
def second(tmp_path, monkeypatch):
    """One release serves, another run is registered: (stage, first, second)."""
    with cluster_stage(tmp_path, monkeypatch) as stage:
        stage.world.tracks.server = Mortal(stage.server.connection, patience=0.3)
        first = stage.register("run1", "1")
        stage.roll_out()
        stage.users.unanswered = 0
        yield stage, first, stage.register("run2", "2")


def holds(stage, first, new):
    """The second release serves alone, and nobody went without an answer."""
    cluster = stage.users.cluster
    assert stage.roles() == {first: ("previous", 0.0), new: ("production", 1.0)}
    stable = cluster.find("Deployment", MODEL)["spec"]["template"]["spec"]["containers"][0]
    assert stable["image"] == stage.image("run2")
    assert cluster.names("Deployment") == cluster.names("Service") == [MODEL]
    route = cluster.find("HTTPRoute", MODEL)["spec"]["rules"][0]
    assert [one["name"] for one in route["backendRefs"]] == [MODEL]
    assert stage.users.unanswered == 0


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", range(0, 66, 3))
def test_a_rollout_that_was_killed_is_finished_by_the_next_one(second, kill_at):
    stage, first, new = second
    server = stage.world.tracks.server
    server.writes, server.kill_at = 0, kill_at
    with suppress(Killed):
        stage.roll_out()
    server.kill_at = -1

    stage.roll_out()

    holds(stage, first, new)


def test_an_api_server_that_goes_away_while_a_canary_is_judged_says_nothing_of_the_release(second):
    stage, first, new = second
    cluster = stage.users.cluster
    ask = stage.users.ask
    down = status(503, "ServiceUnavailable", "etcd")

    def go_away(n: int) -> None:
        ask(n)
        share = stage.roles().get(new, ("", 0.0))[1]
        if share == 0.25 and not cluster.fail:
            cluster.fail = [("GET", 503, down), ("PATCH", 503, down)] * 500

    stage.users.ask = go_away
    with pytest.raises(Unreachable, match="does not answer"):
        stage.roll_out()
    assert {role for role, _ in stage.roles().values()} == {"production", "candidate"}

    cluster.fail, stage.users.ask = [], ask
    assert stage.roll_out().outcome == "pass"
    holds(stage, first, new)
