"""A server that runs is in place when it answers, where the user wants it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mlops_spec.targets.programs import MLFLOW, PREFECT, ROUTER, in_place
from mlops_spec.terms.workspace import Workspace


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path in ("/api/health", "/ready") else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def workspace(tmp_path: Path, port: int) -> Workspace:
    found = Workspace.of(tmp_path, "local")
    found.root.mkdir(parents=True)
    ports = {"prefect": port, "router": 1, "router-admin": port, "mlflow": 1}
    found.ports.write_text(json.dumps(ports))
    return found


def test_what_answers_is_in_place_and_nobody_waits_for_mlflow(workspace: Workspace) -> None:
    assert [in_place(workspace, name) for name in (PREFECT, ROUTER, MLFLOW)] == [True, True, True]


def test_what_was_started_and_does_not_answer_yet_is_not(workspace: Workspace) -> None:
    workspace.ports.write_text(json.dumps({"prefect": 1, "router": 1, "router-admin": 1}))

    assert [in_place(workspace, name) for name in (PREFECT, ROUTER)] == [False, False]


def test_a_router_on_another_port_than_the_pinned_one_is_not(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_SPEC_PORT_ROUTER", "2")

    assert not in_place(workspace, ROUTER)

    monkeypatch.setenv("MLOPS_SPEC_PORT_ROUTER", "1")
    assert in_place(workspace, ROUTER)
