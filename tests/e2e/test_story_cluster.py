"""`spec apply` on an empty cluster: real flows, real services as pods, an API server of ours."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from cluster_api import Cluster, serving, write_kubeconfig
from cluster_machine import Machine
from image_machine import CAN_RUN, base_image, can_have_base, lent, registry
from small_model import PROJECT, ROW, write_project
from stories import Ended, UsersProject, ended

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

SERVE = "serve: {on: processes, router: envoy}"
ON_CLUSTER = "serve: {on: kubernetes, router: gateway-api, namespace: ml, images: %s}"
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


@contextmanager
def on_cluster(place: Path, images: str, **environment: str) -> Iterator[OnCluster]:
    """A project whose one environment is an empty cluster, with a registry at `images`."""
    write_project(place)
    project = PROJECT.replace(SERVE, ON_CLUSTER % images).replace("    traffic: replay\n", "")
    (place / "mlops.yaml").write_text(project)
    found = OnCluster(place)
    found.edit(r"shadow: .*\n", "")
    cluster = Cluster()
    found.machine = Machine(cluster, "trip")
    cluster.answering = found.machine.answering
    with serving(cluster) as url:
        config = write_kubeconfig(place / "kubeconfig", url)
        found.environment = {"KUBECONFIG": str(config), **environment}
        try:
            yield found
        finally:
            found.machine.close()
            found.spec("down", "--yes")
            found.close()


@pytest.fixture
def trips(tmp_path: Path) -> Iterator[OnCluster]:
    # Nothing here makes images: the test does what the message says.
    with on_cluster(tmp_path, "registry.test/ml", MLOPS_SPEC_ENGINE="none") as found:
        yield found


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


if CAN_RUN and can_have_base() and shutil.which("docker-registry"):

    def test_nothing_is_done_by_hand_but_the_registry_of_images(tmp_path: Path) -> None:
        place = tmp_path / "project"
        place.mkdir()
        with (
            registry(tmp_path) as images,
            on_cluster(
                place,
                f"{images.address}/ml",
                MLOPS_SPEC_ENGINE="buildah",
                MLOPS_SPEC_BASE_IMAGE=base_image(tmp_path),
                MLOPS_SPEC_BUILD_ARGUMENTS=lent(),
                BUILDAH_ISOLATION="chroot",
            ) as trips,
        ):
            bentos = trips.workspace.bentoml_home / "bentos" / "trip"
            trips.machine.folder_of = lambda release: bentos / release / "src"

            # Its packages may have to be fetched and installed first.
            done = ended(trips.start("apply"), 800)
            assert done.code == 0, done.all + trips.logs()

            found = trips.machine.cluster.find("Deployment", "trip")
            image = found["spec"]["template"]["spec"]["containers"][0]["image"]
            name, _, digest = image.partition("@")
            assert name == f"{images.address}/ml/trip"
            manifest = f"http://{images.address}/v2/ml/trip/manifests/{digest}"
            kind = "application/vnd.oci.image.manifest.v1+json"
            with urlopen(Request(manifest, headers={"accept": kind})) as answer:
                assert answer.status == 200
