"""Why a flow does not begin: told of the program that runs it, within seconds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mlops_spec.runtime.machine import processes as machine
from mlops_spec.runtime.machine.ended import End, ends, loops
from mlops_spec.runtime.machine.processes import Condition, Process
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.targets import flow_server
from mlops_spec.targets.flow_server import FlowServer, given_up, stays_up
from mlops_spec.terms.workspace import Workspace

NAME = "flows-churn"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path / "local")
    found.supervisor.mkdir(parents=True)
    found.logs.mkdir()
    printed = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'x'\n"
    (found.logs / f"{NAME}.log").write_text(printed)
    return found


def _line(at: float, said: str) -> str:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    return f"{stamp},123 WARN {said}\n"


def _log(workspace: Workspace, *ended: float, name: str = NAME) -> None:
    lines = (_line(at, f"exited: {name} (exit status 1; not expected)") for at in ended)
    (workspace.supervisor / "supervisord.log").write_text("".join(lines))


def _runs(monkeypatch: pytest.MonkeyPatch, condition: Condition, since: float = 0.0) -> None:
    process = Process(NAME, condition, 7, since, "Exited too quickly")
    monkeypatch.setattr(flow_server, "processes", lambda _: (process,))


def _trouble(workspace: Workspace, since: float) -> str:
    found = FlowServer(workspace, "churn", since).trouble()
    if found is None:
        return ""
    assert found.code == "MLS605"
    assert found.details[-1] == "ModuleNotFoundError: No module named 'x'"
    assert found.help == (
        f"mend what its log says ({workspace.logs / NAME}.log), then run `spec apply --env local` "
        "and the same command again"
    )
    return found.message


def test_the_supervisors_log_says_who_ended_when_and_how(workspace: Workspace) -> None:
    at = 1_700_000_000.0
    (workspace.supervisor / "supervisord.log").write_text(
        _line(at - 500, f"exited: {NAME} (exit status 3; not expected)")
        + _line(at, f"spawned: '{NAME}' with pid 9")
        + _line(at + 1, f"exited: {NAME} (terminated by SIGKILL; not expected)")
        + _line(at + 2, f"stopped: {NAME} (exit status 0)")
        + _line(at + 3, "exited: router (exit status 0; expected)")
    )
    assert ends(workspace, at) == (
        End(NAME, at + 1, "terminated by SIGKILL"),
        End("router", at + 3, "exit status 0"),
    )


def test_a_program_that_ended_three_times_in_two_minutes_keeps_ending(workspace: Workspace) -> None:
    now = 1_700_000_000.0
    _log(workspace, now - 400, now - 90, now - 50)
    assert loops(workspace, now) == {}
    _log(workspace, now - 400, now - 90, now - 50, now - 10)
    assert loops(workspace, now) == {NAME: "ended 3 times in 90 s, last with exit status 1"}


def test_a_flow_whose_server_runs_may_still_begin(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    _runs(monkeypatch, "running")
    assert _trouble(workspace, now - 3000) == ""
    _log(workspace, now - 90, now - 60, now - 30)  # and has been mended since
    assert _trouble(workspace, now - 5) == ""
    _log(workspace, now - 10)  # once is no loop
    assert _trouble(workspace, now - 20) == ""
    _log(workspace, now - 3, now - 2, now - 1, name="router")
    assert _trouble(workspace, now - 20) == ""


def test_a_crash_loop_is_told_at_its_next_end(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    _runs(monkeypatch, "starting")
    _log(workspace, now - 60, now - 30, now - 1)
    said = _trouble(workspace, now - 5)
    assert said.startswith(f"{NAME} does not stay up: ended 3 times in 6")
    assert said.endswith(" s, last with exit status 1")


def test_a_run_is_lost_when_its_server_ended_and_nothing_came_of_it_for_long(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    _runs(monkeypatch, "running")
    _log(workspace, now - 80)
    assert _trouble(workspace, now - 100) == ""
    _log(workspace, now - 95)
    assert _trouble(workspace, now - 100) == (
        f"{NAME} ended (exit status 1) as it was to begin the flow"
    )


def test_a_server_that_was_given_up_is_told_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _runs(monkeypatch, "failed")
    said = f"{NAME} does not run: Exited too quickly, and is not started again by itself"
    assert _trouble(workspace, time.time()) == said
    refusal = given_up(workspace, ("prefect", NAME))
    assert isinstance(refusal, Refusal)
    assert refusal.message == said
    assert given_up(workspace, ("prefect",)) is None

    monkeypatch.setattr(flow_server, "processes", lambda _: ())
    assert _trouble(workspace, time.time()) == f"{NAME} does not run any more"


@pytest.mark.parametrize(("age", "up"), [(2.0, False), (11.0, True)])
def test_a_server_that_was_started_again_must_live_for_some_time(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, age: float, up: bool
) -> None:
    _runs(monkeypatch, "running", time.time() - age)
    assert stays_up(workspace, NAME) is up


@pytest.mark.parametrize(
    ("state", "calls"),
    [("FATAL", ["start"]), ("EXITED", ["start"]), ("RUNNING", ["stop", "start"])],
)
def test_only_what_runs_is_ended_before_it_is_started_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, state: str, calls: list[str]
) -> None:
    asked: list[str] = []

    class Supervisor:
        def getProcessInfo(self, _: str) -> dict[str, str]:  # noqa: N802 - supervisord's name
            return {"statename": state}

        def stopProcess(self, _: str) -> None:  # noqa: N802
            asked.append("stop")

        def startProcess(self, _: str, __: bool) -> None:  # noqa: N802
            asked.append("start")

    class Connected:
        def __enter__(self) -> Supervisor:
            return Supervisor()

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(machine, "_supervisor", lambda _: Connected())
    machine.restart(workspace, NAME)
    assert asked == calls
