"""The supervisor daemon of a workspace: start it, end it, clear up after one that was killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from mlops_spec.runtime.machine.ours import SUPERVISED, marker, our_processes
from mlops_spec.runtime.machine.places import exclusive, replace_text
from mlops_spec.runtime.machine.processes import (
    answers,
    moved,
    processes,
    shutdown,
    socket_name,
    socket_of,
)
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.targets.rehome import rehome
from mlops_spec.terms.workspace import Workspace

_START_SECONDS: Final = 15.0
_GRACE_SECONDS: Final = 20.0
_SOCKET_PATH_LIMIT: Final = 100  # of the kernel: 108 bytes on Linux, 104 on macOS, with the end

_CONFIGURATION: Final = """\
[unix_http_server]
file={socket}
chmod=0600

[supervisord]
logfile=supervisord.log
pidfile=supervisord.pid
childlogdir=.
logfile_maxbytes=5MB
logfile_backups=1
umask=077

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files=programs/*.conf
"""


def ensure_supervisor(
    workspace: Workspace, variables: Mapping[str, str] = MappingProxyType({})
) -> bool:
    """Start the daemon unless it answers; its programs inherit `variables`. False: it ran already.

    Programs that outlived a killed daemon are ended first: the new one could not keep them, and
    two flow runners or two routers at once would be worse than a moment without.
    """
    with exclusive(workspace, "supervisor-start"):
        if answers(workspace):
            return False
        _dismiss_moved(workspace)
        end(our_processes(workspace))
        rehome(workspace)
        _start(workspace, variables)
        return True


def stop_supervisor(workspace: Workspace) -> tuple[str, ...]:
    """End every program, then the daemon; the names of what ran."""
    with exclusive(workspace, "supervisor-start"):
        running = tuple(p.name for p in processes(workspace) if p.pid is not None)
        if answers(workspace):
            shutdown(workspace)
            _wait_for_the_end(workspace)
        _dismiss_moved(workspace)
        orphans = our_processes(workspace)
        end(orphans)
        _remove_socket(workspace)
    return running or tuple(f"process {orphan.pid}" for orphan in orphans)


def _dismiss_moved(workspace: Workspace) -> None:
    """End the daemon of a workspace that was moved: it would start its programs again and again."""
    if not moved(workspace):
        return
    try:
        shutdown(workspace)
    except Refusal:
        return  # it is gone already
    _wait_for_the_end(workspace)


def end(found: Iterable[Any]) -> None:
    """Ask processes to end, wait, then kill what is left."""
    import psutil

    asked = list(found)
    for process in asked:
        _signal(process.terminate)
    _, left = psutil.wait_procs(asked, timeout=_GRACE_SECONDS)
    for process in left:
        _signal(process.kill)
    psutil.wait_procs(left, timeout=_GRACE_SECONDS)


def _signal(send: Any) -> None:
    import psutil

    try:
        send()
    except psutil.NoSuchProcess:
        return


def _start(workspace: Workspace, variables: Mapping[str, str]) -> None:
    place = workspace.supervisor
    for directory in (place / "programs", workspace.logs):
        directory.mkdir(parents=True, exist_ok=True)
    place.chmod(stat.S_IRWXU)  # programs' variables may hold the state's password
    socket = _socket_path(workspace)
    replace_text(place / "supervisord.conf", _CONFIGURATION.format(socket=socket))
    replace_text(place / "socket", f"{socket}\n")
    environment = {
        **os.environ,
        **variables,
        SUPERVISED: marker(workspace),
        "MLOPS_SPEC_PYTHON": sys.executable,
    }
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"]
    done = subprocess.run(  # noqa: S603  # our own interpreter, nothing of the user's
        command, cwd=place, env=environment, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode != 0:
        raise _did_not_start(workspace, done.stderr or done.stdout)
    deadline = time.monotonic() + _START_SECONDS
    while not answers(workspace):
        if time.monotonic() > deadline:
            raise _did_not_start(workspace, f"no answer within {_START_SECONDS:.0f} s")
        time.sleep(0.02)


def _did_not_start(workspace: Workspace, why: str) -> Refusal:
    return Refusal(
        "MLS605",
        "the supervisor (supervisord) did not start",
        f"its log is {workspace.supervisor / 'supervisord.log'}",
        tuple(why.strip().splitlines()[-10:]),
    )


def _socket_path(workspace: Workspace) -> Path:
    """A path short enough for a socket however deep the project lies, in a folder of our own."""
    name = socket_name(workspace)
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  # checked below
        directory = parent / f"mlops-spec-{os.getuid()}"
        if len(str(directory / name)) < _SOCKET_PATH_LIMIT:
            break
    directory.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    found = directory.lstat()
    private = stat.S_IMODE(found.st_mode) == stat.S_IRWXU and stat.S_ISDIR(found.st_mode)
    if not private or found.st_uid != os.getuid():
        raise Refusal(
            "MLS605",
            f"{directory}, for the supervisor's socket, must be a folder that only this user opens",
            "remove it, or set TMPDIR to a folder of your own",
        )
    return directory / name


def _wait_for_the_end(workspace: Workspace) -> None:
    import psutil

    try:
        pid = int((workspace.supervisor / "supervisord.pid").read_text(encoding="utf-8"))
        daemon = psutil.Process(pid)
        if SUPERVISED in daemon.environ():  # of this folder, wherever that lay when it started
            psutil.wait_procs([daemon], timeout=2 * _GRACE_SECONDS)
    except (FileNotFoundError, ValueError, psutil.Error):
        return


def _remove_socket(workspace: Workspace) -> None:
    socket = socket_of(workspace)
    if socket is not None:
        socket.unlink(missing_ok=True)
