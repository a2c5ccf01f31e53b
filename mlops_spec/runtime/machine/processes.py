"""Programs of this machine, kept running by the workspace's supervisor.

The daemon itself is started by `mlops_spec.targets.supervisor`; flows only talk to it.
"""

from __future__ import annotations

import json
import os
import xmlrpc.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from mlops_spec.runtime.machine.ours import marker
from mlops_spec.runtime.machine.places import exclusive, replace_text
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import digest
from mlops_spec.terms.workspace import Workspace

LOCK: Final = "supervisor"

Condition = Literal["running", "starting", "stopping", "stopped", "failed"]
_CONDITIONS: Final[dict[str, Condition]] = {
    "RUNNING": "running", "STARTING": "starting", "BACKOFF": "starting", "STOPPING": "stopping",
    "STOPPED": "stopped", "EXITED": "failed", "FATAL": "failed", "UNKNOWN": "failed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Program:
    """A command to keep running. `environment` is added to the supervisor's own variables."""

    name: str
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stop_seconds: int = 10  # between the request to end and the kill
    autorestart: bool = True


@dataclass(frozen=True, slots=True)
class Process:
    """A program as it runs. `since` (seconds since 1970) and `pid` are None when it does not."""

    name: str
    condition: Condition
    pid: int | None
    since: float | None
    reason: str = ""


def keep(workspace: Workspace, program: Program) -> bool:
    """Have this program run, replacing an older form of it. False: it ran already, unchanged."""
    with exclusive(workspace, LOCK), _supervisor(workspace) as supervisor:
        changed = write(workspace, program)
        _converge(supervisor)
        found = supervisor.getProcessInfo(program.name)
        if _CONDITIONS[found["statename"]] in ("stopped", "failed"):
            supervisor.startProcess(program.name, False)
            return True
    return changed


def remove(workspace: Workspace, name: str) -> bool:
    """End a program, wait for its end, and forget it. False: there was none."""
    with exclusive(workspace, LOCK), _supervisor(workspace) as supervisor:
        known = forget(workspace, name)
        _converge(supervisor)
    return known


def restart(workspace: Workspace, name: str) -> None:
    """End a program, unless it did by itself, and start it; returns when it has been started."""
    with exclusive(workspace, LOCK), _supervisor(workspace) as supervisor:
        if _CONDITIONS[supervisor.getProcessInfo(name)["statename"]] in ("running", "starting"):
            supervisor.stopProcess(name)
        supervisor.startProcess(name, False)


def processes(workspace: Workspace) -> tuple[Process, ...]:
    """Every program, by name; none when no supervisor runs here."""
    if not answers(workspace):
        return ()
    with _supervisor(workspace) as supervisor:
        return tuple(_process(found) for found in supervisor.getAllProcessInfo())


def answers(workspace: Workspace) -> bool:
    """Whether this workspace's supervisor answers, and serves the folder where it is now."""
    if moved(workspace):
        return False
    try:
        with _supervisor(workspace) as supervisor:
            return bool(supervisor.getState()["statename"] == "RUNNING")
    except Refusal:
        return False


def moved(workspace: Workspace) -> bool:
    """Whether the supervisor was started when the workspace lay in another folder.

    It and its programs still read and write there.
    """
    socket = socket_of(workspace)
    return socket is not None and socket.name != socket_name(workspace)


def socket_name(workspace: Workspace) -> str:
    """Of the socket: another one for each folder."""
    return f"{digest(marker(workspace))}.sock"


def log_tail(workspace: Workspace, name: str, lines: int = 20) -> tuple[str, ...]:
    """The last lines that a program printed."""
    return tuple(last_text(log_of(workspace, name), 20_000).splitlines()[-lines:])


def last_text(path: Path, most: int) -> str:
    """The last `most` bytes of a log; "" where there is none."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - most))
            return stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def log_of(workspace: Workspace, name: str) -> Path:
    return workspace.logs / f"{name}.log"


def shutdown(workspace: Workspace) -> None:
    """Ask the supervisor to end every program and itself; returns at once."""
    with _supervisor(workspace) as supervisor:
        supervisor.shutdown()


def write(workspace: Workspace, program: Program) -> bool:
    """Write a program's files, without telling the supervisor. False: they said that already."""
    text = json.dumps(
        {
            "command": list(program.command),
            "directory": str(program.directory.resolve()),
            "environment": dict(program.environment),
        },
        indent=2,
    )
    named = digest(text)
    directory = workspace.supervisor / "programs"
    replace_text(directory / f"{program.name}.{named}.json", text)
    changed = replace_text(directory / f"{program.name}.conf", _section(program, named))
    for old in directory.glob(f"{program.name}.*.json"):
        if old.name != f"{program.name}.{named}.json":
            old.unlink()
    return changed


def forget(workspace: Workspace, name: str) -> bool:
    """Remove a program's files, without telling the supervisor. False: there were none."""
    directory = workspace.supervisor / "programs"
    known = (directory / f"{name}.conf").exists()
    for path in (directory / f"{name}.conf", *directory.glob(f"{name}.*.json")):
        path.unlink(missing_ok=True)
    return known


def socket_of(workspace: Workspace) -> Path | None:
    """The socket that the supervisor listens on, as written down when it was started."""
    try:
        return Path((workspace.supervisor / "socket").read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None


def _section(program: Program, named: str) -> str:
    # The digest in the command is what makes the supervisor see a change of the JSON file. All
    # paths are relative to its own folder, because it would read a `%` or ` ;` in an absolute one.
    launcher = '"%(ENV_MLOPS_SPEC_PYTHON)s" -m mlops_spec.runtime.machine.launch'
    settings = {
        "command": f"{launcher} {program.name} {named}",
        "autorestart": "true" if program.autorestart else "false",
        "startsecs": "1",
        "startretries": "2",
        "stopwaitsecs": str(program.stop_seconds),
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"../logs/{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "2",
    }
    lines = [f"[program:{program.name}]", *(f"{key}={value}" for key, value in settings.items())]
    return "\n".join(lines) + "\n"


def _converge(supervisor: Any) -> None:
    """Make what runs equal to the files: what a killed command left half done is finished too."""
    ((added, changed, removed),) = supervisor.reloadConfig()
    for name in (*changed, *removed):
        supervisor.stopProcessGroup(name)
        supervisor.removeProcessGroup(name)
    for name in (*changed, *added):
        supervisor.addProcessGroup(name)


def _process(found: Mapping[str, Any]) -> Process:
    condition = _CONDITIONS[found["statename"]]
    alive = condition in ("running", "starting", "stopping") and bool(found["pid"])
    return Process(
        name=found["name"],
        condition=condition,
        pid=found["pid"] if alive else None,
        since=float(found["start"]) if alive else None,
        reason=found["spawnerr"] or (found["description"] if condition == "failed" else ""),
    )


@contextmanager
def _supervisor(workspace: Workspace) -> Iterator[Any]:
    from supervisor.xmlrpc import SupervisorTransport

    socket = socket_of(workspace)
    if socket is None or not socket.exists():
        raise _nothing_runs(workspace)
    transport = SupervisorTransport(None, None, f"unix://{socket}")
    try:
        yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
    except xmlrpc.client.Fault as fault:
        raise Refusal("MLS602", f"the supervisor refused: {fault.faultString}") from fault
    except (OSError, xmlrpc.client.ProtocolError) as error:
        raise _nothing_runs(workspace) from error
    finally:
        transport.close()


def _nothing_runs(workspace: Workspace) -> Refusal:
    return Refusal(
        "MLS605",
        f"no supervisor answers for environment {workspace.environment!r}",
        "spec apply starts it",
    )
