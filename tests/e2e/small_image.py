"""A small released model, whose build context an image is made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
from proving import judge
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from mlops_spec.model.plan import Call, GrpcPackages, Image, Origin, RequestField, ServiceApp
from mlops_spec.render.templates import render_artifact
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Signing, Trust
from mlops_spec.runtime.evidence.keys import new_pair
from mlops_spec.runtime.portable import export
from mlops_spec.runtime.service.packaging import package, released
from mlops_spec.state import Store
from mlops_spec.terms.workspace import Workspace

RELEASE = "0123456789abcdef"
PORT = 3919
GRPC_PORT = 3929


def packaged(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, workers: int = 1, grpc: bool = False
) -> Path:
    """The build context of a small model, whose evidence is signed by a key of its own."""
    private, public = new_pair()
    monkeypatch.setenv("TEST_SIGNING_KEY", private)
    facets = {"data": "d0", "train": "t0", "serve": "s0"}
    origin = Origin("specs/m.yaml", "p", "local", "trip", facets, ".spec/local", "sqlite")
    trust = Call("Trust", (("environment", "local"), ("signer", public)))
    field = RequestField("x", "x", "float", False, None, None, (), "", 1.0)
    app = ServiceApp(origin, "Trip", "binary", (field,), "id", None, workers, 100, 2.0, trust, grpc)
    image = Image(origin, "3.11", PORT, workers, grpc=GRPC_PORT if grpc else None)
    for artifact in (app, image, *((GrpcPackages(origin),) if grpc else ())):
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
    tag = package(context, "r1", RELEASE, "7", Signing(public, "TEST_SIGNING_KEY"))
    return released(workspace, tag, Trust("local", public))[0].parent


def tiny(context: Path) -> Path:
    """The same context with one small package: what is in the layers is not what is looked at."""
    locked = (context / "requirements.txt").read_text()
    start = locked.index("h11==")
    end = locked.index("\n", locked.rindex("--hash", start, locked.index("httptools==")))
    (context / "requirements.txt").write_text(locked[start : end + 1])
    return context


def asked(path: str, body: bytes | None = None, alive: Callable[[], bool] = lambda: True) -> bytes:
    """The answer of the image's service, as soon as there is one."""
    deadline = time.monotonic() + 180
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{PORT}{path}", body, timeout=30) as response:
                found: bytes = response.read()
                return found
        except OSError:  # refused, cut, silent, or not ready
            assert alive(), "it has ended"
            assert time.monotonic() < deadline
            time.sleep(0.1)


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)
