"""A packaged model, served for real: good and bad requests, metrics, and a complete log."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from packaged_service import GOOD, free_port, project, released, running, wait_until_ready
from proving import judge
from sklearn.pipeline import make_pipeline

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.portable import export
from mlops_spec.runtime.service.log_files import read
from mlops_spec.runtime.service.packaging import package, serve_command

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

RELEASE = "0123456789abcdef"
OF = f'model="trip",release="{RELEASE}"'
ANSWERS = f'{OF},shadow="false"'


@dataclass(frozen=True)
class Served:
    client: httpx.Client
    process: subprocess.Popen[bytes]
    log: Path
    pipeline: Any


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def served(context: Context) -> Iterator[Served]:
    pipeline = released(context, RELEASE)
    with serving(context, pipeline) as found:
        yield found


@contextmanager
def serving(context: Context, pipeline: Any) -> Iterator[Served]:
    """One copy of the packaged service."""
    with running(context, RELEASE) as copy, copy.client() as client:
        log = context.workspace.predictions("trip", RELEASE)
        yield Served(client, copy.process, log, pipeline)


def test_one_row_is_answered_by_the_release_that_was_packaged(served: Served) -> None:
    response = served.client.post("/predict", json=GOOD, headers={"x-request-id": "abc"})

    frame = pd.DataFrame({"distance": [900.0], "stops": [2.0], "windy": [np.nan]})
    score = float(served.pipeline.predict_proba(frame)[0, 1])
    assert response.status_code == 200
    assert response.headers["x-request-id"] == "abc"
    assert response.json() == {
        "model": "trip", "release": "0123456789abcdef", "version": "7", "request_id": "abc",
        "predictions": [{"score": pytest.approx(score), "decision": score > 0.5}],
    }  # fmt: skip


BAD: dict[str, tuple[Any, int, str]] = {
    "below the minimum": ({**GOOD, "distance": -1}, 422, "distance: "),
    "of another type": ({**GOOD, "stops": "2"}, 422, "stops: "),
    "a number that is not whole": ({**GOOD, "stops": 2.5}, 422, "stops: "),
    "beyond what a double holds": ({**GOOD, "stops": 10**400}, 422, "stops: "),
    "missing": ({"distance": 1.0}, 422, "stops: "),
    "null where it may not be": ({**GOOD, "stops": None}, 422, "stops: "),
    "not known": ({**GOOD, "colour": "red"}, 422, "colour: "),
    "NaN": (b'{"distance": NaN, "stops": 1}', 422, "distance: "),
    "infinite": (b'{"distance": 1e999, "stops": 1}', 422, "distance: "),
    "in the second row": ({"rows": [GOOD, {**GOOD, "distance": 1e9}]}, 422, "rows[1].distance: "),
    "no row": ({"rows": []}, 422, "rows: "),
    "too many rows": ({"rows": [GOOD] * 101}, 413, "rows: "),
    "not JSON": (b"distance=1", 400, ""),
    "empty": (b"", 400, ""),
    "a list": ([GOOD], 422, ""),
    "nested too deeply": (b"[" * 100_000, 400, ""),
    "a lone surrogate": (b'{"distance": 1, "stops": 1, "trip_id": "\\ud800"}', 400, ""),
    "too large": (b"x" * (17 * 1024 * 1024), 413, ""),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_request_is_refused_with_the_name_of_the_field(what: str, served: Served) -> None:
    body, status, begins = BAD[what]
    given = {"content": body} if isinstance(body, bytes) else {"json": body}

    response = served.client.post("/predict", **given)

    assert response.status_code == status, response.text
    assert response.json()["error"].startswith(begins), response.text


def test_other_paths_and_methods_say_what_there_is(served: Served) -> None:
    refused = served.client.get("/predict")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert served.client.post("/livez").status_code == 405
    assert served.client.get("/nowhere").status_code == 404
    assert served.client.get("/livez").status_code == 200
    assert "/predict" in served.client.get("/openapi.json").json()["paths"]


def test_metrics_name_model_release_and_code(served: Served) -> None:
    served.client.post("/predict", json=GOOD)
    text = served.client.get("/metrics").text

    assert f'mlops_requests_total{{code="200",{ANSWERS}}}' in text
    assert f"mlops_request_seconds_count{{{ANSWERS}}}" in text
    assert f"mlops_prediction_log_dropped_total{{{OF}}} 0.0" in text


def test_a_release_is_packaged_once(context: Context, served: Served) -> None:
    folder = context.workspace.bentoml_home / "bentos" / "trip" / "0123456789abcdef"
    before = (folder / "bento.yaml").stat().st_mtime_ns
    assert package(context, "r1", "0123456789abcdef", "7") == "trip:0123456789abcdef"
    assert (folder / "bento.yaml").stat().st_mtime_ns == before


def test_two_workers_count_and_log_as_one(context: Context, served: Served) -> None:
    tag = package(context, "r1", "0123456789abcdef", "7")
    port = free_port()
    command = serve_command(context.workspace, tag, port, workers=2)
    log_before = len(read(served.log, None, None))
    with subprocess.Popen(command.argv, env={**os.environ, **command.environment}) as process:
        try:
            codes = asked_of_all(port)
            text = told_when(port, f"mlops_request_seconds_count{{{ANSWERS}}} {len(codes)}.0")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(90)

    assert set(codes) == {200}
    assert f'mlops_requests_total{{code="200",{ANSWERS}}} {len(codes)}.0' in text
    found = read(served.log, None, None)
    two = found[found["request_id"].str.startswith("two-")]
    assert (len(two), two["request_id"].nunique()) == (len(codes), len(codes))
    writers = {path.stem.split("-")[2] for path in served.log.glob("*.parquet")}
    assert len(writers) >= 2
    assert len(found) >= log_before + len(codes)


def told_when(port: int, counted: str) -> str:
    """The metrics once that is among them: a worker counts a tenth of a second later at most."""
    end = time.monotonic() + 60
    while counted not in (text := httpx.get(f"http://127.0.0.1:{port}/metrics").text):
        assert time.monotonic() < end, text
        time.sleep(0.05)
    return text


def asked_of_all(port: int) -> list[int]:
    """Ask over new connections, so that every worker gets some."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        wait_until_ready(client)

    def ask(number: int) -> int:
        url, headers = f"http://127.0.0.1:{port}/predict", {"x-request-id": f"two-{number}"}
        return httpx.post(url, json=GOOD, headers=headers, timeout=60).status_code

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, range(200)))


def test_every_answered_row_is_logged_once_the_service_has_drained(
    context: Context, served: Served
) -> None:
    with serving(context, served.pipeline) as draining:

        def ask(number: int) -> int:
            row = {**GOOD, "trip_id": f"load-{number}"}
            headers = {"x-request-id": f"load-{number}", "x-mlops-shadow": str(number % 2)}
            asked = {"rows": [row, row]}
            return draining.client.post("/predict", json=asked, headers=headers).status_code

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(400))) == {200}
        draining.process.send_signal(signal.SIGTERM)
        draining.process.wait(90)

    found = read(served.log, None, None)
    loaded = found[found["request_id"].str.startswith("load-")]
    assert (len(loaded), loaded["key"].nunique(), int(loaded["shadow"].sum())) == (800, 400, 400)
    assert set(loaded["release"]) == {"0123456789abcdef"}
    assert loaded["event_time"].unique().tolist() == [pd.Timestamp(GOOD["at"])]
    assert set(loaded["distance"]) == {900.0}


OWN = """
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

class Threshold(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, X):
        p = np.clip(np.asarray(X)[:, 0] / 4000, 0, 1)
        return np.column_stack([1 - p, p])
"""


def test_a_model_without_a_portable_form_is_served_with_the_module_it_was_trained_with(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    (context.root / "own_threshold.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(context.root))
    threshold = importlib.import_module("own_threshold").Threshold
    frame = pd.DataFrame({"distance": [1.0, 3000.0] * 20, "stops": 1.0, "windy": np.nan})
    pipeline = make_pipeline("passthrough", threshold()).fit(frame, frame.distance > 1000)
    exported = export(pipeline, frame, context.workspace.run("r2") / "portable")
    assert exported.kind == "sklearn"
    judge(context, "r2", exported.digest)
    tag = package(context, "r2", "fedcba9876543210", "8")
    # As it was trained: what the file says later is for the next release.
    (context.root / "own_threshold.py").write_text("raise SystemExit")

    port = free_port()
    command = serve_command(context.workspace, tag, port)
    environment = {**os.environ, **command.environment, "PYTHONPATH": ""}
    with subprocess.Popen(command.argv, env=environment, cwd="/") as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                wait_until_ready(client)
                found = client.post("/predict", json={**GOOD, "distance": 3000}).json()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(90)
    assert found["predictions"] == [{"score": pytest.approx(0.75), "decision": True}]
