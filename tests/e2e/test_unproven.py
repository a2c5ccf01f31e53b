"""A service whose evidence was tampered with, under the real server: it ends and says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from proving import prove

from mlops_spec.runtime.context import Context
from mlops_spec.state import Store
from mlops_spec.terms.workspace import Workspace

pytestmark = pytest.mark.e2e

SERVICE = """
from pathlib import Path

from mlops_spec.runtime.declare import Trust
from mlops_spec.runtime.service.app import PredictionApp
from pydantic import BaseModel


class Row(BaseModel):
    x: float


app = PredictionApp(
    row=Row, answer=Row, folder=Path(__file__).parent, max_rows=1, timeout=1,
    trust=Trust("local", "workspace"),
)
"""


def test_the_server_ends_with_the_reason_in_its_log(tmp_path: Path) -> None:
    place = Workspace.of(tmp_path, "local")
    folder = tmp_path / "src"
    prove(Context("m", tmp_path, place, Store.at(place.state), {}), folder, digest="d")
    (folder / "service.py").write_text(SERVICE)
    (folder / "evidence.json").unlink()

    argv = [sys.executable, "-m", "uvicorn", "service:app", "--app-dir", str(folder), "--port", "0"]
    done = subprocess.run(
        argv, env={**os.environ, "MLOPS_SPEC_WORKSPACE": str(place.root)}, timeout=180,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 3
    assert (
        "MLS612: the model has no evidence: evidence.json is missing beside release.json; "
        "run spec apply: it signs again what the journal proves"
    ) in done.stderr
    assert "running on" not in done.stderr
