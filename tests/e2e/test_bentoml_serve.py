"""BentoML's own server on the same Bento: the same answers, and the same log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pandas as pd
import pytest
from packaged_service import GOOD, free_port, project, released

from mlops_spec.runtime.service.log_files import read
from mlops_spec.runtime.service.packaging import serve_command

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]
RELEASE = "0123456789abcdef"
WITHIN = 300.0  # seconds to start


def asked(url: str) -> httpx.Response:
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            answer = httpx.post(url, json=GOOD, headers={"x-request-id": "bento"}, timeout=60)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code == 200:
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)


def test_bentoml_serve_answers_and_logs_as_a_copy_does(tmp_path: Path) -> None:
    context = project(tmp_path)
    pipeline = released(context, RELEASE)
    variables = serve_command(context.workspace, f"trip:{RELEASE}", 0).environment
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", f"trip:{RELEASE}"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        command, env={**os.environ, **variables}, cwd=tmp_path, start_new_session=True
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            answer = asked(f"{url}/predict")
            refused = httpx.post(f"{url}/predict", json={**GOOD, "distance": -1}, timeout=60)
            model = httpx.get(f"{url}/v2/models/trip", timeout=60)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(90)

    row = pd.DataFrame({"distance": [GOOD["distance"]], "stops": [2.0], "windy": [float("nan")]})
    wanted = pipeline.predict_proba(row)[0, 1]
    assert answer.json()["predictions"][0]["score"] == pytest.approx(wanted)
    assert (refused.status_code, refused.json()["problems"][0]["field"]) == (422, "distance")
    assert model.json()["versions"] == ["7"]
    found = read(context.workspace.predictions("trip", RELEASE), None, None)
    assert found["request_id"].tolist() == ["bento"]
