"""A project that was moved, or that has another Python, starts its programs where they are now."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mlops_spec.runtime.machine.processes import Program, write
from mlops_spec.targets.rehome import rehome
from mlops_spec.terms.workspace import Workspace


def _program(root: Path) -> Program:
    command = (sys.executable, "-m", "mlflow", "--store", f"sqlite:///{root}/.spec/local/m.db")
    return Program("flows", command, root, {"PYTHONPATH": str(root), "OTHER": f"{root}er/x"})


def _told(workspace: Workspace) -> dict[str, Any]:
    """What the supervisor would start: the file that its settings name."""
    programs = workspace.supervisor / "programs"
    conf = (programs / "flows.conf").read_text()
    (path,) = programs.glob("flows.*.json")
    assert f"launch flows {path.suffixes[-2][1:]}\n" in conf
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_moved_project_takes_its_programs_along(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    before = Workspace.of(old, "local")
    write(before, _program(old))
    rehome(before)
    old.rename(new)

    rehome(Workspace.of(new, "local"))

    expected = _program(new)
    assert _told(Workspace.of(new, "local")) == {
        "command": list(expected.command),
        "directory": str(new),
        # A neighbour whose name begins alike did not move.
        "environment": {"PYTHONPATH": str(new), "OTHER": f"{old}er/x"},
    }


def test_another_python_is_what_starts_them(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    write(workspace, Program("flows", ("nice", "/gone/python", "serve.py"), tmp_path))
    home = workspace.supervisor / "home.json"
    home.write_text(json.dumps({"root": str(tmp_path), "python": "/gone/python"}))

    rehome(workspace)

    assert _told(workspace)["command"] == ["nice", sys.executable, "serve.py"]
    assert json.loads(home.read_text()) == {"root": str(tmp_path), "python": sys.executable}


def test_where_nothing_moved_nothing_changes(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    write(workspace, _program(tmp_path))
    rehome(workspace)
    before = {p.name: p.read_bytes() for p in (workspace.supervisor / "programs").iterdir()}

    rehome(workspace)

    after = {p.name: p.read_bytes() for p in (workspace.supervisor / "programs").iterdir()}
    assert after == before
