"""The image of a service that answers gRPC, made and run by podman.

Collected for root where there are podman, runc and what test_image.py needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton
from image_engines import CAN_RUN_PODMAN, PODMAN, container
from image_machine import CAN_RUN, base_image, can_have_base, lent
from small_image import GRPC_PORT, RELEASE, asked, packaged, wait_for

from mlops_spec.runtime.image import build, find_engine

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google|grpc).*"),
]
TAG = "localhost/mlops-spec-test-grpc:1"


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in (
        ("MLOPS_SPEC_ENGINE", "podman"), ("MLOPS_SPEC_BASE_IMAGE", base_image(tmp_path)),
        ("MLOPS_SPEC_BUILD_ARGUMENTS", lent()), ("BUILDAH_ISOLATION", "chroot"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    context = packaged(tmp_path / "project", monkeypatch, workers=2, grpc=True)
    yield build(find_engine(), context, TAG).tag
    PODMAN.said("rmi", "--force", TAG)


if CAN_RUN and can_have_base() and CAN_RUN_PODMAN:

    def test_it_answers_grpc_as_nobody_on_a_read_only_root(image: str) -> None:
        with container(PODMAN, image, MLOPS_SPEC_WORKSPACE="/tmp/spec/local") as name:
            asked("/readyz", alive=lambda: _runs(name))
            with triton.InferenceServerClient(f"127.0.0.1:{GRPC_PORT}") as client:
                assert client.is_server_ready()
                assert client.is_model_ready("trip", "7")
                given = triton.InferInput("x", [2], "FP64")
                given.set_data_from_numpy(np.array([0.1, 0.9]))
                decided = client.infer("trip", [given]).as_numpy("decision").tolist()
            assert decided == [False, True]
            wait_for(lambda: b'release="' + RELEASE.encode() in asked("/metrics"))
            about = json.loads(PODMAN.said("inspect", name))[0]
            assert about["Config"]["User"] == "10001:10001"
            assert about["HostConfig"]["ReadonlyRootfs"]
            assert PODMAN.said("image", "inspect", "--format", "{{.Config.ExposedPorts}}", image)
            PODMAN.said("healthcheck", "run", name)
            PODMAN.said("stop", "--time=20", name)
            assert PODMAN.said("inspect", "--format", "{{.State.ExitCode}}", name) == "0"

    def _runs(name: str) -> bool:
        return PODMAN.said("inspect", "--format", "{{.State.Running}}", name) == "true"
