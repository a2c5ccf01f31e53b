"""`spec apply` on an empty cluster: real flows, real services as pods, an API server of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_api import Cluster, serving, write_kubeconfig
from cluster_machine import Machine
from small_model import PROJECT, ROW, write_project
from stories import Ended, UsersProject

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SERVE = "serve: {on: processes, router: envoy}"
ON_CLUSTER = "serve: {on: kubernetes, router: gateway-api, namespace: ml, images: registry.test/ml}"
# Scores of users who all ask the same would differ between any two models.
BODIES = [
    json.dumps({"rows": [{**ROW, "distance": 20.0 * n, "load": n % 7 / 3 - 1}]}).encode()
    for n in range(100)
]


class OnCluster(UsersProject):
    machine: Machine

    def build(self, stopped: Ended) -> str:
        """Do what the message says: build its folder, push it; the option that apply wants."""
        folder = re.search(r"docker build -t \S+ (\S+)", stopped.err)
        assert folder, stopped.all
        return f"trip={self.machine.push(Path(folder.group(1)))}"


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnCluster]:
    place = tmp_path_factory.mktemp("cluster")
    write_project(place)
    project = PROJECT.replace(SERVE, ON_CLUSTER).replace("    traffic: replay\n", "")
    (place / "mlops.yaml").write_text(project)
    found = OnCluster(place)
    found.edit(r"shadow: .*\n", "")
    cluster = Cluster()
    found.machine = Machine(cluster, "trip")
    cluster.answering = found.machine.answering
    with serving(cluster) as url:
        config = write_kubeconfig(place / "kubeconfig", url)
        # Nothing here makes images: the test does what the message says.
        found.environment = {"KUBECONFIG": str(config), "MLOPS_SPEC_ENGINE": "none"}
        try:
            yield found
        finally:
            found.machine.close()
            found.spec("down", "--yes")
            found.close()


def test_a_tree_is_applied_to_an_empty_cluster_and_a_second_release_takes_over(
    trips: OnCluster,
) -> None:
    cluster = trips.machine.cluster

    stopped = trips.apply(code=1)
    assert "MLS630" in stopped.err
    assert "mlops.yaml:4:" in stopped.err
    assert cluster.names("Deployment") == []
    done = trips.apply("--image", trips.build(stopped))
    first = trips.production
    assert cluster.names("Deployment") == ["trip"]
    assert "Nothing to do" in trips.spec("plan").out, done.all

    trips.ask_for_another_run()
    stopped = trips.apply(code=1)
    option = trips.build(stopped)
    with trips.machine.users(BODIES) as codes:
        trips.apply("--image", option)
    assert trips.production != first
    assert set(codes) == {200}
    assert cluster.names("Deployment") == ["trip"]

    status = json.loads(trips.spec("status", "-o", "json").out)["cluster"]["running"]
    assert [(one["release"], one["ready"], one["share"]) for one in status] == [
        (trips.production, True, 1.0)
    ]
    second = trips.production
    back = trips.spec("rollback", "trip", "--why", "complaints", "--as", "ann")
    assert (back.code, trips.production) == (0, first), back.all
    kept_out = trips.apply(code=4)
    assert f"release {second} was rolled back: rolled back by ann: complaints" in " ".join(
        kept_out.out.split()
    )

    named = trips.spec("down")
    assert (named.code, "deployment/trip" in named.out) == (3, True)
    trips.spec("down", "--yes")
    assert {kind for _, kind, _, _ in cluster.objects} == {"Namespace"}
