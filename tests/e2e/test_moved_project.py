"""A folder is renamed while its programs run."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from test_platform import pids, until

from mlops_spec.runtime.machine import processes
from mlops_spec.runtime.machine.ours import our_processes
from mlops_spec.runtime.machine.processes import Program, keep
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
