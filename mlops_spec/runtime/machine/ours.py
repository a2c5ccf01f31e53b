"""Which processes of this machine are ours: those that a workspace's supervisor started.

A process is ours by its record (id and start time, written before it became the program) or by the
variable it was started with. Nothing else is ever ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.machine.places import replace_text
from mlops_spec.terms.workspace import Workspace

SUPERVISED: Final = "MLOPS_SPEC_SUPERVISED"  # the workspace; inherited by what a program starts
_RECORDS: Final = "processes"


def marker(workspace: Workspace) -> str:
    return str(workspace.root.resolve())


def record(directory: Path, name: str) -> None:
    """Write down that this process becomes the program `name`."""
    import psutil

    text = json.dumps({"pid": os.getpid(), "created": psutil.Process().create_time()})
    replace_text(directory / _RECORDS / f"{name}.json", text)


def our_processes(workspace: Workspace) -> tuple[Any, ...]:
    """Every process of this workspace as `psutil.Process`, except this one and its parents."""
    import psutil

    found = {*_recorded(workspace), *_marked(workspace)}
    found |= {child for process in found for child in _children(process)}
    here = psutil.Process()
    own = {here, *here.parents()}
    return tuple(sorted(found - own, key=lambda process: int(process.pid)))


def listens(workspace: Workspace, port: int) -> bool:
    """Whether a process of this workspace listens on `port`."""
    return any(port in _ports(process) for process in our_processes(workspace))


def listener_on(port: int) -> str | None:
    """The process on a port in words, where the system tells."""
    import psutil

    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            return _in_words(connection.pid)
    return None


def _in_words(pid: int | None) -> str | None:
    import psutil

    if pid is None:
        return None
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.Error:
        return f"process {pid}"


def _recorded(workspace: Workspace) -> Iterator[Any]:
    import psutil

    for path in sorted((workspace.supervisor / _RECORDS).glob("*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            process = psutil.Process(found["pid"])
            over = process.status() == psutil.STATUS_ZOMBIE
        except (psutil.Error, ValueError, KeyError, FileNotFoundError):
            continue
        # Ids are used again: the start time tells the one that we started.
        if not over and process.create_time() == found["created"]:
            yield process


def _marked(workspace: Workspace) -> Iterator[Any]:
    import psutil

    wanted = marker(workspace)
    for process in psutil.process_iter():
        try:
            if process.environ().get(SUPERVISED) == wanted:
                yield process
        except (psutil.Error, OSError):
            continue


def _children(process: Any) -> list[Any]:
    import psutil

    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _ports(process: Any) -> set[int]:
    import psutil

    try:
        connections = process.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return set()
    return {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN}
