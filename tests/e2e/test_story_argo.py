"""`spec apply` where Argo rolls out: real flows, real services as pods, a controller of ours."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cluster_api import Cluster, serving, write_kubeconfig
from cluster_argo import Argo
from cluster_machine import Machine
from small_model import PROJECT, write_project
from stories import kill, until
from test_story_cluster import OnCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

SERVE = "serve: {on: processes, router: envoy}"
WITH_ARGO = """\
serve: {on: kubernetes, router: argo-rollouts, namespace: ml, images: registry.test/ml}
    monitoring: {prometheus: "http://prometheus:9090", operator: prometheus-operator}"""


class WithArgo(OnCluster):
    argo: Argo

    def train_and_push(self) -> str:
        """Train what the specs ask for; the option with the image that somebody builds of it."""
        stopped = self.apply(code=1)
        assert "MLS630" in stopped.err, stopped.all
        return self.build(stopped)

    def image_of(self, option: str) -> str:
        return option.partition("=")[2]

    def serving(self) -> set[str]:
        objects = self.machine.cluster.objects.items()
        pods = [found for key, found in objects if key[1] == "Pod"]
        return {found["status"]["containerStatuses"][0]["image"] for found in pods}

    def aliases(self) -> dict[str, str]:
        query = "select alias, version from registered_model_aliases where name = 'trip'"
        return {str(k): str(v) for k, v in self.registry(query)}

    def registry(self, query: str) -> list[tuple[object, ...]]:
        place = self.workspace.root / "mlflow.db"
        with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def trips(tmp_path: Path) -> Iterator[WithArgo]:
    write_project(tmp_path)
    project = PROJECT.replace(SERVE, WITH_ARGO).replace("    traffic: replay\n", "")
    (tmp_path / "mlops.yaml").write_text(project)
    found = WithArgo(tmp_path)
    found.edit(r"shadow: .*\n", "")
    found.edit(r"steps: \[20%, 100%\]", "steps: [50%, 100%]")
    found.edit(r"score_shift: \{.*?\}", "score_shift: null")
    cluster = Cluster()
    found.argo, found.machine = Argo(cluster), Machine(cluster, "trip")
    cluster.answering = found.machine.answering
    with serving(cluster) as url:
        config = write_kubeconfig(tmp_path / "kubeconfig", url)
        found.environment = {"KUBECONFIG": str(config), "MLOPS_SPEC_ENGINE": "none"}
        try:
            yield found
        finally:
            found.machine.close()
            found.spec("down", "--yes")
            found.close()


def test_argo_takes_the_steps_of_a_release_and_its_word_is_kept(trips: WithArgo) -> None:
    first = trips.train_and_push()
    trips.apply("--image", first)
    one = trips.production
    assert trips.serving() == {trips.image_of(first)}
    assert "Nothing to do" in trips.apply().out

    second = _goes_on_though_apply_is_killed(trips)
    two = trips.production
    assert (two != one, trips.serving()) == (True, {trips.image_of(second)})
    assert trips.aliases()["production"] == "2"
    assert "Nothing to do" in trips.apply().out

    _is_aborted_and_kept_out(trips)
    assert (trips.production, trips.serving()) == (two, {trips.image_of(second)})

    # Back in seconds: no step is taken for a release that was judged before.
    trips.argo.looks = 10**6
    back = trips.spec("rollback", "trip", "--why", "complaints", "--as", "ann")
    assert (back.code, trips.production) == (0, one), back.all
    assert trips.serving() == {trips.image_of(first)}

    running = json.loads(trips.spec("status", "-o", "json").out)["cluster"]["running"]
    assert [(each["release"], each["ready"], each["share"]) for each in running] == [
        (one, True, 1.0)
    ]
    named = trips.spec("down")
    assert (named.code, "rollout/trip" in named.out) == (3, True), named.all
    trips.spec("down", "--yes")
    trips.machine.cluster.control()  # what belonged to what is gone goes
    assert {kind for _, kind, _, _ in trips.machine.cluster.objects} == {"Namespace"}


def _goes_on_though_apply_is_killed(trips: WithArgo) -> str:
    """A kill of apply stops nothing: Argo goes on, and the same command tells how it ended."""
    trips.ask_for_another_run()
    image = trips.train_and_push()
    trips.argo.hold = 2
    applying = trips.start("apply", "--image", image)
    until(lambda: trips.doing("canary-50"), what="Argo's first step")
    kill(applying)
    applying.communicate()
    status = trips.spec("status").out
    assert "50 % of traffic" in status, status
    assert "Argo: step" in status, status
    trips.argo.hold = None
    trips.apply("--image", image)
    return image


def _is_aborted_and_kept_out(trips: WithArgo) -> None:
    """What Argo aborts is told with the metric, the analysis and the line of the limit."""
    trips.ask_for_another_run()
    image = trips.train_and_push()
    trips.argo.watches = False
    trips.argo.measured[trips.image_of(image)] = {"errors": 0.4}
    refused = trips.apply("--image", image, code=4)
    said = " ".join(refused.out.split())
    assert "was rolled back: canary-50: fail: errors: FAIL [-∞, 0.4] n=0 limit 0.05" in said
    assert "(analysisrun/trip-" in said, refused.all
    assert "its limit: specs/trip.yaml:39:" in said, refused.all
    assert "was rolled back" in trips.apply(code=4).out
