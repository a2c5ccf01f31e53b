"""A small model as a packaged service, and copies of it that a test starts and ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
from proving import TRUST, judge
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from mlops_spec.model.plan import Origin, RequestField, ServiceApp
from mlops_spec.render.templates import render_artifact
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.portable import export
from mlops_spec.runtime.service.packaging import package, serve_command
from mlops_spec.state import Store
from mlops_spec.terms.workspace import Workspace

ORIGIN = Origin("specs/m.yaml", "p", "local", "trip", {}, ".spec/local", "sqlite")
GOOD = {"distance": 900.0, "stops": 2, "windy": None, "trip_id": "t1", "at": "2013-06-01T12:00:00Z"}


def field(name: str, kind: str, **more: Any) -> RequestField:
    given = {"nullable": False, "min": None, "max": None, "values": (), "description": ""}
    return RequestField(name=name, column=name, type=kind, example=1, **{**given, **more})


APP = ServiceApp(
    origin=ORIGIN, class_name="Trip", task="binary", key="trip_id", time="at", workers=1,
    max_rows=100, timeout=60.0, trust=TRUST,
    fields=(
        field("distance", "float", min=0, max=6000), field("stops", "int"),
        field("windy", "float", nullable=True),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Copy:
    """A running copy of a release."""

    port: int
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)


def project(root: Path, app: ServiceApp = APP) -> Context:
    """A rendered project of one model, and its empty workspace."""
    for path, text in render_artifact(app).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    workspace = Workspace.of(root, "local")
    workspace.root.mkdir(parents=True)
    return Context(app.origin.model, root, workspace, Store.at(workspace.state), {})


def released(context: Context, release: str, run: str = "r1", version: str = "7") -> Any:
    """Train, judge and package a small model; the pipeline."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"distance": random.uniform(0, 4000, 500), "stops": random.integers(0, 4, 500) * 1.0,
         "windy": np.where(random.random(500) < 0.2, np.nan, random.random(500))}
    )  # fmt: skip
    pipeline = make_pipeline("passthrough", HistGradientBoostingClassifier(max_iter=10))
    pipeline.fit(frame, frame.distance > 1000)
    folder = context.workspace.run(run) / "portable"
    judge(context, run, export(pipeline, frame, folder).digest)
    package(context, run, release, version)
    return pipeline


@contextmanager
def running(
    context: Context, release: str, workers: int = 1, port: int = 0, **variables: str
) -> Iterator[Copy]:
    """One copy, ended afterwards unless the test has done it."""
    port = port or free_port()
    command = serve_command(context.workspace, f"{context.model}:{release}", port, workers)
    environment = {**os.environ, **command.environment, **variables}
    with subprocess.Popen(command.argv, env=environment) as process:
        found = Copy(port, process, command.environment)
        try:
            with found.client() as client:
                wait_until_ready(client)
            yield found
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(90)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)
