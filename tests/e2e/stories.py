"""A project of a user in a folder of its own, driven by the real `spec`; and a client beside it."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from mlops_spec.runtime.machine.ours import our_processes
from mlops_spec.runtime.machine.ports import remembered
from mlops_spec.runtime.machine.processes import processes
from mlops_spec.targets.supervisor import end
from mlops_spec.terms.workspace import Workspace

SPEC = Path(sys.executable).with_name("spec")
PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def all(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


@dataclass
class UsersProject:
    """A folder with mlops.yaml, specs and data, as a user has it. `model`: the one it is about."""

    root: Path
    model: str = "trip"
    environment: dict[str, str] = field(default_factory=dict)
    disk: bool = False  # whether the folder is a small disk of its own
    longest_file: int | None = None  # bytes; for commands that are started from now on
    _good: dict[Path, str] = field(default_factory=dict)
    _running: list[subprocess.Popen[str]] = field(default_factory=list)

    def edit(self, before: str, after: str) -> None:
        """Change the specs as a user would, in the one file that says `before`."""
        for path in sorted((self.root / "specs").glob("*.yaml")):
            text = path.read_text()
            if re.search(before, text):
                path.write_text(re.sub(before, after, text, count=1))
                return
        raise AssertionError(f"no spec says {before}")

    def ask_for_another_run(self) -> None:
        """The cheapest change that asks for one: a seed that was not there yet."""
        runs = len({run for _, run, _, _ in self.steps() if run})
        self.edit(r"seed: \d+", f"seed: {runs + 1}")

    def restore(self) -> None:
        """The specs as they were when they were last applied well."""
        self.environment = {}
        for path, text in self._good.items():
            path.write_text(text)

    # Commands

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A `spec` command that runs beside the test, as the leader of its own group."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLOPS_", "PREFECT"))}
        process = subprocess.Popen(
            [SPEC, *arguments], cwd=self.root, env={**inherited, **self.environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        self._running.append(process)
        if self.longest_file is not None:
            limits = (self.longest_file, psutil.RLIM_INFINITY)
            psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, limits)
        return process

    def spec(self, *arguments: str) -> Ended:
        return ended(self.start(*arguments))

    def apply(self, *arguments: str, code: int = 0) -> Ended:
        """`spec apply`, which must end with this exit code."""
        done = self.spec("apply", *arguments)
        assert done.code == code, done.all + self.logs()
        assert "Traceback" not in done.out + done.err, done.all
        if code == 0:
            self._good = {path: path.read_text() for path in self.root.glob("specs/*.yaml")}
        return done

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Not a byte is left for anything of this project, until the block ends.

        Where no disk of its own could be mounted, nothing that runs now may make a file longer.
        """
        if self.disk:
            filler = self.root / "filler"
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
            yield
            filler.unlink()
            return
        self.longest_file = 0
        kept = [psutil.Process(p.pid) for p in processes(self.workspace) if p.pid]
        for process in kept:
            process.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))
        yield
        for process in kept:
            process.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        self.longest_file = None

    def close(self) -> None:
        """`spec down`, then whatever is left of this folder."""
        for process in self._running:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.environment = {}
        self.spec("down")
        left = our_processes(self.workspace)
        end(left)

    def logs(self) -> str:
        """The last lines of the flows' log, for a test that failed."""
        try:
            text = (self.workspace.logs / f"flows-{self.model}.log").read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n--- flows ---\n" + text[-5000:]

    # What came of them, read from the files themselves

    @property
    def workspace(self) -> Workspace:
        return Workspace.of(self.root, "local")

    def state(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return _rows(self.workspace.state, query, *values)

    def steps(self) -> list[tuple[str, str, str, float | None]]:
        """Name, run, status and end of every recorded step, in the order they began."""
        return self.state(
            "select step, run, status, finished_at from steps where model = ?"
            " order by started_at, id",
            self.model,
        )  # type: ignore[return-value]

    def done(self, step: str) -> int:
        return sum(name == step and status == "done" for name, _, status, _ in self.steps())

    def doing(self, step: str) -> bool:
        """Whether a step is running now."""
        try:
            return any(name == step and status == "running" for name, _, status, _ in self.steps())
        except sqlite3.OperationalError:
            return False

    def versions(self) -> list[str]:
        """The runs that the registry has versions of, one entry a version."""
        place = self.workspace.root / "mlflow.db"
        query = (
            "select t.value from model_versions v join tags t on t.run_uuid = v.run_id"
            " where v.name = ? and t.key = 'mlops_spec.run' order by v.version"
        )
        return [str(row[0]) for row in _rows(place, query, self.model)]

    def tracked(self, run: str) -> int:
        """How many MLflow runs there are of a training run."""
        query = "select count(*) from tags where key = 'mlops_spec.run' and value = ?"
        return int(_rows(self.workspace.root / "mlflow.db", query, run)[0][0])

    def pid_of(self, program: str) -> int:
        """The process of a program that the supervisor keeps."""
        (found,) = (p.pid for p in processes(self.workspace) if p.name == program)
        assert found is not None, f"{program} does not run"
        return found

    def flow_runs(self) -> list[tuple[str, str]]:
        """Flow and state of every run that Prefect knows, oldest first."""
        query = (
            "select f.name, r.state_type from flow_run r join flow f on f.id = r.flow_id"
            " where r.state_type != 'SCHEDULED' order by r.created"
        )
        return _rows(self.workspace.prefect_home / "prefect.db", query)  # type: ignore[return-value]

    def releases(self) -> dict[str, list[str]]:
        """Releases by role."""
        found: dict[str, list[str]] = {}
        for role, release in self.state("select role, release from deployments order by since"):
            found.setdefault(role, []).append(release)
        return found

    @property
    def production(self) -> str:
        (release,) = self.releases()["production"]
        return release

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{remembered(self.workspace)['router']}/{self.model}/predict"

    def snapshot_of_work(self) -> tuple[Any, ...]:
        """All that a command which does nothing leaves as it was."""
        return self.steps(), self.versions(), self.flow_runs(), self.releases()


def ended(process: subprocess.Popen[str], seconds: float = PATIENCE) -> Ended:
    out, err = process.communicate(timeout=seconds)
    return Ended(process.returncode, out, err)


def until(true: Callable[[], bool], seconds: float = PATIENCE, *, what: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        time.sleep(0.05)


def kill(process: psutil.Process | subprocess.Popen[str]) -> None:
    """kill -9, and wait until it runs no more."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGKILL)
        # A process of somebody else's may stay as an entry of the table, for want of a parent.
        until(lambda: not _runs(process.pid), what=f"the end of {process.pid}")


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _rows(path: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as connection:
        return connection.execute(query, values).fetchall()
