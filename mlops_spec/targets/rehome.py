"""Programs of a project that was moved, or that has another Python since: told where they are now.

A program's file holds absolute paths, since it has to start without us. They are set anew before
the supervisor starts, so that a folder may be renamed and a virtual environment made again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_spec.runtime.machine.places import replace_text
from mlops_spec.terms.digest import digest
from mlops_spec.terms.workspace import Workspace

_HOME = "home.json"  # of the project and of Python, when programs were started last


def rehome(workspace: Workspace) -> None:
    """Set the paths in the files of all programs to what they are now. No supervisor runs."""
    now = {"root": str(_project(workspace)), "python": sys.executable}
    home = workspace.supervisor / _HOME
    try:
        before = json.loads(home.read_text(encoding="utf-8"))
    except FileNotFoundError:
        before = now
    if before != now:
        for conf in sorted((workspace.supervisor / "programs").glob("*.conf")):
            _set_anew(conf, before, now)
    replace_text(home, json.dumps(now, indent=2) + "\n")


def _project(workspace: Workspace) -> Path:
    return workspace.root.resolve().parent.parent


def _set_anew(conf: Path, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    for path in sorted(conf.parent.glob(f"{conf.stem}.*.json")):
        program = json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps(_moved(program, before, now), indent=2)
        old, new = path.suffixes[-2].removeprefix("."), digest(text)
        if old != new:
            # The settings name the file by its digest: the old one goes when nothing reads it.
            replace_text(path.with_name(f"{conf.stem}.{new}.json"), text)
            replace_text(conf, conf.read_text(encoding="utf-8").replace(old, new))
            path.unlink()


def _moved(value: Any, before: Mapping[str, str], now: Mapping[str, str]) -> Any:
    """The same with other paths, in texts however deep."""
    match value:
        case dict():
            return {key: _moved(item, before, now) for key, item in value.items()}
        case list():
            return [_moved(item, before, now) for item in value]
        case str() if value == before["python"]:
            return now["python"]
        case str():
            return _below(value, before["root"], now["root"])
        case _:
            return value


def _below(text: str, old: str, new: str) -> str:
    """A path of the old project as one of the new, also behind `sqlite:///`; others stay."""
    return new if text == old else text.replace(f"{old}/", f"{new}/")
