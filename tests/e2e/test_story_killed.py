"""kill -9 anywhere, then the same command: it finishes, and nothing is there twice."""

from __future__ import annotations

import subprocess

import psutil
import pytest
from asking import client
from stories import UsersProject, ended, kill, until

from mlops_spec.runtime.machine.ours import our_processes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

# At which step which process is killed, all in one retraining. `flow` is the run's own process,
# `runner` the program that started it, `all` every process of the environment, and apply.
KILLS = (
    ("fit", "flow"),
    ("register", "apply"),
    ("deploy", "apply"),
    ("shadow", "all"),
    ("canary-20", "flow"),
    ("canary-100", "runner"),
)


def test_whatever_is_killed_the_same_command_finishes_it_once(trips: UsersProject) -> None:
    before, production = trips.snapshot_of_work(), trips.production
    trips.ask_for_another_run()
    for step, victim in KILLS:
        apply = apply_until(trips, step)
        if victim == "all":
            kill_and_see(trips, apply, victim)
            continue
        with client(trips) as answers:
            kill_and_see(trips, apply, victim)
            until(lambda: answers.good.total() > 5 or bool(answers.failed), what="answers")
        assert not answers.failed, (step, victim, answers.words)
    trips.apply()
    assert "Nothing to do" in trips.apply().out

    (run,) = {run for _, run, _, _ in trips.steps() if run} - {run for _, run, _, _ in before[0]}
    of_run = sorted((name, status) for name, found, status, _ in trips.steps() if found == run)
    names = ["split", "fit", "evaluate", "gate", "register"]
    names += ["package", "deploy", "shadow", "canary-20", "canary-100", "promote"]
    assert of_run == sorted((name, "done") for name in names)
    assert trips.versions() == [*before[1], run]
    assert trips.tracked(run) == 1
    assert trips.releases()["previous"] == [production]
    assert not {"RUNNING", "PENDING"} & {state for _, state in trips.flow_runs()}
    with client(trips) as answers:
        until(lambda: len(answers.good) > 0, what="an answer")
    assert set(answers.good) == {trips.production}


def apply_until(trips: UsersProject, step: str) -> subprocess.Popen[str]:
    """Apply, and return when a step goes on."""
    apply = trips.start("apply")
    until(lambda: trips.doing(step) or apply.poll() is not None, what=f"{step} begins")
    if apply.poll() is not None:
        raise AssertionError(f"{step} was never seen running\n{ended(apply).all}{trips.logs()}")
    return apply


def kill_and_see(trips: UsersProject, apply: subprocess.Popen[str], victim: str) -> None:
    """Kill, and see apply end: as it was killed, or well, or with what to do."""
    if victim in ("apply", "all"):
        kill(apply)
    for process in victims(trips, victim):
        kill(process)
    done = ended(apply)
    assert "Traceback" not in done.out + done.err, done.all
    # A run may outlive the program that started it, or be told to end by what comes after it.
    codes = {"apply": (-9,), "all": (-9,), "flow": (1,), "runner": (0, 1)}[victim]
    assert done.code in codes, done.all + trips.logs()
    if done.code == 1:
        assert "error MLS602: " in done.err, done.all


def victims(trips: UsersProject, victim: str) -> list[psutil.Process]:
    match victim:
        case "flow":
            rows = trips.state("select pid from leases where name = 'model/local/trip'")
            return [psutil.Process(pid) for (pid,) in rows]
        case "runner":
            return [psutil.Process(trips.pid_of("flows-trip"))]
        case "all":
            # The supervisor first: it would start again what dies under it.
            found = our_processes(trips.workspace)
            return sorted(found, key=lambda p: "supervisor.supervisord" not in p.cmdline())
        case _:
            return []
