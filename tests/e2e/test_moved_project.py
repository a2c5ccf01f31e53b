"""What moves while it is kept: the folder of a project, the port of Prefect."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest
from test_platform import pids, until

from mlops_spec.model.spec.project import EnvironmentSpec
from mlops_spec.runtime.machine import processes
from mlops_spec.runtime.machine.ours import our_processes
from mlops_spec.runtime.machine.processes import Program, keep
from mlops_spec.targets import platform
from mlops_spec.targets.supervisor import ensure_supervisor, stop_supervisor
from mlops_spec.terms.workspace import Workspace

pytestmark = pytest.mark.e2e


def test_a_project_that_is_moved_while_it_runs_is_started_again_where_it_is_now(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    before = Workspace.of(old, "local")
    before.root.mkdir(parents=True)
    ensure_supervisor(before)
    keep(before, Program("one", ("sh", "-c", "pwd; exec sleep 1000"), old))
    until(lambda: pids(before)["one"] is not None)
    first = pids(before)["one"]
    old.rename(new)
    moved = Workspace.of(new, "local")
    try:
        assert not processes.answers(moved)
        assert ensure_supervisor(moved) is True
        assert first is not None
        assert not psutil.pid_exists(first)
        until(lambda: str(new) in processes.log_tail(moved, "one"))
        assert not old.exists()
    finally:
        stop_supervisor(moved)
    assert our_processes(moved) == ()


def test_flows_ask_where_prefect_answers_now_and_are_left_alone_where_it_did_not_move(
    tmp_path: Path,
) -> None:
    workspace = Workspace.of(tmp_path, "local")
    workspace.root.mkdir(parents=True)
    spec = EnvironmentSpec.model_validate({"serve": {"on": "processes", "router": "envoy"}})
    said = ("sh", "-c", 'echo "$PREFECT_API_URL"; exec sleep 1000')
    old, new = "http://127.0.0.1:4999/api", "http://127.0.0.1:5001/api"
    given = {"PREFECT_API_URL": old, "MLOPS_SPEC_FLOWS": "key"}
    ensure_supervisor(workspace)
    try:
        keep(workspace, Program("flows-trip", said, tmp_path, given, stop_seconds=20))
        keep(workspace, Program("flows-x--r1", said, tmp_path, {"PREFECT_API_URL": old}))
        until(lambda: old in processes.log_tail(workspace, "flows-trip"))
        other = pids(workspace)["flows-x--r1"]
        workspace.ports.write_text(json.dumps({"prefect": 5001}))

        assert "flows-trip" in platform.missing_programs(workspace, spec)
        platform.redirect_flows(workspace, spec)

        until(lambda: new in processes.log_tail(workspace, "flows-trip"))
        after = pids(workspace)
        assert after["flows-x--r1"] == other
        assert "flows-trip" not in platform.missing_programs(workspace, spec)
        platform.redirect_flows(workspace, spec)
        assert pids(workspace) == after
    finally:
        stop_supervisor(workspace)
