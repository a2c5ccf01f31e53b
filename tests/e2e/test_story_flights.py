"""The main job, on real flights: spring trains, a week replaces, summer drifts and retrains."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import client
from stories import UsersProject, ended, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
FLIGHT = {
    "flight_id": "2013-06-01-UA1-EWR", "departs_at": "2013-06-01T12:00:00Z", "carrier": "UA",
    "origin": "EWR", "dest": "ORD", "distance": 719.0, "departs_hour": 8, "weekday": 5,
    "temp": 60.0, "dewp": 50.0, "humid": 60.0, "wind_speed": 5.0, "precip": 0.0,
    "pressure": 1015.0, "visib": 10.0,
}  # fmt: skip


@pytest.fixture
def flights(tmp_path: Path) -> Iterator[UsersProject]:
    """The example in a folder of its own, without data and without a workspace."""
    root = tmp_path / "flights"
    hidden = shutil.ignore_patterns("data", ".spec", "__pycache__", "generated")
    shutil.copytree(EXAMPLE, root, ignore=hidden)
    project = UsersProject(root, "flight-delay")
    # Nothing is due while the story is told, at whatever hour that is.
    project.edit(r'schedule: "0 2 \* \* \*"', 'schedule: "0 0 1 1 *"')
    project.edit(r'schedule: "0 3 \* \* 1"', 'schedule: "0 0 1 1 *"')
    project.edit(r"(kind: Drift\nname: .*\n)", r'\1schedule: "0 0 1 1 *"\n')
    try:
        yield project
    finally:
        project.close()


def test_spring_serves_a_week_replaces_it_and_summer_retrains_once(flights: UsersProject) -> None:
    script(flights, "prepare.py", "10-21")
    first = flights.apply("-o", "json").json()
    assert first["exit_code"] == 0
    assert [(v["check"], v["outcome"]) for v in first["models"][0]["gate"]] == [
        (check, "pass")
        for check in ("brier_score", "roc_auc", "skill", "calibration.ece", "latency p99")
    ]
    spring = flights.production
    said = httpx.post(flights.url, json={"rows": [FLIGHT]})
    assert (said.status_code, said.headers["x-mlops-release"]) == (200, spring)
    assert 0 < said.json()["predictions"][0]["score"] < 1
    a_second_apply_does_nothing(flights)
    a_new_week_replaces_production(flights, spring)
    summer_starts_one_retraining(flights)
    the_retraining_comes_to_its_end(flights)


def a_second_apply_does_nothing(flights: UsersProject) -> None:
    before = flights.snapshot_of_work()
    again = flights.apply()
    assert "Nothing to do" in again.out
    assert flights.snapshot_of_work() == before


def a_new_week_replaces_production(flights: UsersProject, spring: str) -> None:
    script(flights, "prepare.py", "22")
    with client(flights, FLIGHT) as answers:
        told = flights.apply("-o", "json").json()["models"][0]
    assert not answers.failed, answers.words
    assert set(answers.good) == {spring, flights.production}
    assert flights.production != spring
    assert flights.releases()["previous"] == [spring]
    checks = {verdict["check"]: verdict for verdict in told["gate"]}
    against = checks["roc_auc non-inferiority"]
    assert against["outcome"] == "pass"
    assert against["low"] < against["estimate"] < against["high"]
    assert against["n"] > 5000
    steps = {seen["step"]: seen for seen in told["rollout"] if not seen["skipped"]}
    assert list(steps) == ["shadow", "canary-5", "canary-25", "canary-100"]
    assert steps["shadow"]["requests"] >= 1000
    assert all(seen["requests"] >= 400 for seen in steps.values())
    outcomes = {v["outcome"] for seen in steps.values() for v in seen["verdicts"]}
    assert outcomes == {"pass"}
    assert len(flights.versions()) == len(set(flights.versions())) == 2


def summer_starts_one_retraining(flights: UsersProject) -> None:
    script(flights, "summer.py", "23-27")
    both = [flights.start("run", "monitor", flights.model) for _ in range(2)]
    assert [done.code for done in map(ended, both)] == [0, 0], flights.logs()
    assert flights.spec("run", "monitor", flights.model).code == 0, flights.logs()
    claimed = flights.state("select trigger, flow_run from retrainings")
    assert len(claimed) == 1
    assert claimed[0][1], "the claim has its flow run"
    # The newest window, looked at three times, and the weeks before it, which nobody had looked at.
    windows = flights.state("select outcome from windows order by end")
    assert windows[-1] == ("fail",)
    assert 5 <= len(windows) <= 8
    page = flights.workspace.report(flights.model)
    html, metrics = (page / "index.html").read_text(), (page / "metrics.prom").read_text()
    assert "<svg" in html
    assert "temp" in html
    assert 'model="flight-delay"' in metrics
    status = json.loads(flights.spec("status", "-o", "json").out)
    assert status["models"][0]["window"]["outcome"] == "fail"


def the_retraining_comes_to_its_end(flights: UsersProject) -> None:
    """By itself: nobody but the monitor has asked for it."""

    def at_rest() -> bool:
        trained = [state for name, state in flights.flow_runs() if name == "flight-delay-train"]
        return len(trained) == 3 and not {"RUNNING", "PENDING"} & {
            s for _, s in flights.flow_runs()
        }

    until(at_rest, what="the retraining ends")
    gates: list[Any] = flights.state(
        "select output from steps where step = 'gate' and status = 'done' order by started_at"
    )
    assert len(gates) == 3
    outcome = json.loads(gates[-1][0])["outcome"]
    if outcome == "pass":
        until(lambda: len(rollouts(flights)) == 3, what="its rollout starts")
        until(lambda: rollouts(flights)[-1] not in ("RUNNING", "PENDING"), what="it ends")
    assert {state for _, state in flights.flow_runs()} == {"COMPLETED"}, flights.logs()
    roles = flights.releases()
    refused = flights.state("select reason from deployments where role = 'quarantined'")
    if outcome != "pass":
        assert len(flights.versions()) == 2
    elif refused:
        assert all(reason for (reason,) in refused)
    else:
        assert len(roles["previous"]) == 1
        assert len(flights.versions()) == 3


def rollouts(flights: UsersProject) -> list[str]:
    return [state for name, state in flights.flow_runs() if name == "flight-delay-rollout"]


def script(flights: UsersProject, name: str, weeks: str) -> None:
    done = subprocess.run(
        [sys.executable, name, "--weeks", weeks], cwd=flights.root, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
