"""The image of a packaged release, built and run by buildah without a daemon.

Runs where there are buildah (`apt-get install buildah`) and an image with Python 3.11 to build on,
named in MLOPS_SPEC_BASE_IMAGE, such as python:3.11-slim. pip's own settings are lent to the build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
from proving import judge
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from mlops_spec.model.plan import Call, Image, Origin, RequestField, ServiceApp
from mlops_spec.render.templates import render_artifact
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Signing, Trust
from mlops_spec.runtime.evidence.keys import new_pair
from mlops_spec.runtime.portable import export
from mlops_spec.runtime.service.packaging import package, released
from mlops_spec.state import Store
from mlops_spec.terms.workspace import Workspace

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

BASE = os.environ.get("MLOPS_SPEC_BASE_IMAGE", "")
TAG = "localhost/mlops-spec-test"
PORT = "3919"
LENT = (
    "/etc/pip.conf", "/root/.config/pip", "/etc/ssl/certs",
    *os.environ.get("MLOPS_SPEC_LENT", "").split(":"),
)  # fmt: skip


def packaged(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The build context of a small model, whose evidence is signed by a key of its own."""
    private, public = new_pair()
    monkeypatch.setenv("TEST_SIGNING_KEY", private)
    origin = Origin("specs/m.yaml", "p", "local", "trip", {"serve": "0"}, ".spec/local", "sqlite")
    trust = Call("Trust", (("environment", "local"), ("signer", public)))
    field = RequestField("x", "x", "float", False, None, None, (), "", 1.0)
    app = ServiceApp(origin, "Trip", "binary", (field,), "id", None, 1, 100, 2.0, trust)
    for artifact in (app, Image(origin, "3.11", 3000, 1)):
        for path, text in render_artifact(artifact).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    workspace = Workspace.of(root, "local")
    workspace.root.mkdir(parents=True)
    frame = pd.DataFrame({"x": np.linspace(0, 1, 200)})
    pipeline = make_pipeline("passthrough", HistGradientBoostingClassifier(max_iter=3))
    pipeline.fit(frame, frame.x > 0.5)
    exported = export(pipeline, frame, workspace.run("r1") / "portable")
    context = Context("trip", root, workspace, Store.at(workspace.state), {})
    judge(context, "r1", exported.digest)
    tag = package(context, "r1", "0123456789abcdef", "7", Signing(public, "TEST_SIGNING_KEY"))
    return released(workspace, tag, Trust("local", public))[0].parent


def buildah(*arguments: str) -> str:
    """What buildah prints last."""
    done = subprocess.run(["buildah", *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


if shutil.which("buildah") and BASE:

    def test_the_image_builds_runs_as_nobody_and_answers(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        volumes = [
            f"--volume={place}:{place}:ro" for place in LENT if place and Path(place).exists()
        ]
        buildah(
            "build", "--isolation=chroot", *volumes, f"--build-arg=BASE_IMAGE={BASE}", "-t", TAG,
            str(packaged(tmp_path, monkeypatch)),
        )  # fmt: skip
        container = buildah("from", TAG)
        try:
            assert buildah("run", "--isolation=chroot", container, "--", "id", "-u") == "10001"
            command = ("python", "-m", "uvicorn", "service:app", "--port", PORT)
            argv = (
                "buildah",
                "run",
                "--isolation=chroot",
                container,
                "--",
                "timeout",
                "60",
                *command,
            )
            with subprocess.Popen(argv) as process:
                answer = asked(f"http://127.0.0.1:{PORT}/predict", b'{"x": 0.9}')
                process.terminate()
            assert b'"release":"0123456789abcdef"' in answer
        finally:
            buildah("rm", container)


def asked(url: str, body: bytes) -> bytes:
    """The answer, as soon as there is one."""
    deadline = time.monotonic() + 40
    while True:
        try:
            with urlopen(url, body, timeout=5) as response:
                found: bytes = response.read()
                return found
        except URLError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
