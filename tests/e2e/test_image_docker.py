"""The same image by docker itself: a daemon of ours, its BuildKit, its health check, its push.

Collected for root where there are dockerd, containerd, runc and a client that has BuildKit
(`apt-get install docker.io`), beside what test_image.py needs.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from image_engines import DOCKER, base_for_a_daemon, can_run_docker, container, docker_client
from image_engines import docker_daemon as daemon
from image_machine import CAN_RUN, can_have_base, registry
from small_image import RELEASE, asked, packaged, tiny, wait_for

from mlops_spec.runtime.image import build, find_engine, pushed_image

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A build context, while docker is the engine."""
    place = tmp_path_factory.mktemp("docker")
    with pytest.MonkeyPatch.context() as patch:
        client = docker_client()
        assert client is not None
        patch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
        with daemon(place) as socket:
            for name, value in (
                ("DOCKER_HOST", socket), ("MLOPS_SPEC_ENGINE", "docker"),
                ("MLOPS_SPEC_BASE_IMAGE", base_for_a_daemon(place, socket)),
                ("MLOPS_SPEC_BUILD_ARGUMENTS", "--network=host"),
            ):  # fmt: skip
                patch.setenv(name, value)
            patch.delenv("SOURCE_DATE_EPOCH", raising=False)
            yield packaged(place / "project", patch)


if CAN_RUN and can_have_base() and can_run_docker():

    def test_docker_builds_it_and_finds_it_healthy(context: Path) -> None:
        built = build(find_engine(), context, "mlops-spec-test:1")
        assert len(built.id) == 64
        assert 500e6 < built.size < 700e6  # of which a Debian is 276 MB
        with container(DOCKER, built.tag, MLOPS_SPEC_WORKSPACE="/tmp/spec/local") as name:
            answer = json.loads(asked("/predict", b'{"x": 0.9}'))
            assert (answer["release"], answer["predictions"][0]["decision"]) == (RELEASE, True)
            wait_for(lambda: _state(name, ".Health.Status") == "healthy")
            assert DOCKER.said("exec", name, "id", "-u") == "10001"
            DOCKER.said("stop", "--time=20", name)
            assert _state(name, ".ExitCode") == "0"

    def test_its_layers_are_the_same_when_it_is_built_again(
        context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLOPS_SPEC_BUILD_ARGUMENTS", "--network=host --no-cache")
        small = tiny(Path(shutil.copytree(context, tmp_path / "context")))
        layers = []
        for tag in ("mlops-spec-test:2", "mlops-spec-test:3"):
            build(find_engine(), small, tag)
            layers.append(DOCKER.said("inspect", "--format", "{{.RootFS}}", tag))
        assert layers[0] == layers[1]

    def _state(name: str, field: str) -> str:
        return DOCKER.said("inspect", "--format", f"{{{{.State{field}}}}}", name)

    if shutil.which("docker-registry"):

        def test_docker_says_the_digest_that_the_registry_has(
            context: Path, tmp_path: Path
        ) -> None:
            small = tiny(Path(shutil.copytree(context, tmp_path / "context")))
            with registry(tmp_path) as here:
                name = f"{here.address}/ml/trip:{RELEASE}"
                pushed = pushed_image(small, name)
                assert pushed.startswith(f"{here.address}/ml/trip@sha256:")
                DOCKER.said("rmi", "--force", name)
                DOCKER.said("pull", "--quiet", pushed)
