"""A person decides: a candidate waits, is rejected, approved, and goes live; all is recorded."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psutil
import pytest
from asking import client
from small_model import PROJECT
from stories import Ended, UsersProject, ended, kill, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

READ, KNOWN = "The card was read.", "On-call knows."
ANN = ("--as", "ann@example.com")
ASKS = f"    approval: {{criteria: [{READ}, {KNOWN}], by: [ann@example.com]}}\n"
CONFIRM = ("--confirm", READ, "--confirm", KNOWN)
COMMAND = f"spec approve trip --why \"…\" --confirm '{READ}' --confirm '{KNOWN}'"
WHY = "late trips are found"


@pytest.fixture
def asked(trips: UsersProject) -> Iterator[UsersProject]:
    """The small model where from now on Ann is asked."""
    (trips.root / "mlops.yaml").write_text(PROJECT + ASKS)
    yield trips
    (trips.root / "mlops.yaml").write_text(PROJECT)


def test_a_candidate_waits_for_a_person_and_goes_live_with_the_answer(asked: UsersProject) -> None:
    with client(asked) as answers:
        production = asked.production
        asked.ask_for_another_run()
        run = waits(asked)
        only_ann_answers_for_every_criterion(asked)
        is_rejected(asked, run)
        assert asked.production == production
        is_approved(asked, run)
        goes_live_though_apply_is_killed(asked)
        until(lambda: answers.good[asked.production] > 0, what="an answer of the new release")
    assert not answers.failed, answers.words
    is_recorded_everywhere(asked, run)


def waits(asked: UsersProject) -> str:
    """Exit 3 after training, and again, with nothing changed; the run that waits."""
    known = asked.versions()
    stopped = asked.apply(code=3)
    (run,) = set(asked.versions()) - set(known)
    before = asked.snapshot_of_work()
    (blocked,) = asked.apply("--output", "json", code=3).json()["blocked"]
    again = asked.apply(code=3)
    assert asked.snapshot_of_work() == before
    for said in (one_line(stopped), one_line(again), f"{blocked['reason']} {blocked['help']}"):
        for word in (f"run {run} passed its gates and needs approval", READ, KNOWN, COMMAND):
            assert word in said, stopped.all
    waiting = asked.spec("status", "--output", "json").json()["models"][0]["waiting"]
    assert (waiting["run"], waiting["outcome"], waiting["criteria"]) == (run, "pass", [READ, KNOWN])
    assert COMMAND in waiting["command"]
    shown = one_line(asked.spec("status"))
    for word in (f"run {run}", READ, KNOWN, waiting["command"]):
        assert word in shown
    assert "nobody has overridden it" in asked.workspace.card(run).read_text()
    return run


def only_ann_answers_for_every_criterion(asked: UsersProject) -> None:
    before = asked.steps()
    stranger = asked.spec("approve", "trip", "--why", WHY, "--as", "bob", *CONFIRM)
    assert stranger.code == 1
    assert "MLS611" in stranger.err
    assert "'bob' may not approve in local" in stranger.err
    unread = asked.spec("approve", "trip", "--why", WHY, *ANN, "--confirm", KNOWN)
    assert unread.code == 1
    assert f"to confirm: {READ}" in one_line(unread)
    by_hand = asked.spec("run", "rollout", "trip")
    assert "needs approval" in one_line(by_hand)
    assert asked.steps() == before


def is_rejected(asked: UsersProject, run: str) -> None:
    said = asked.spec("approve", "trip", "--reject", "--why", "not in the holidays", *ANN)
    assert said.code == 0, said.all
    assert f"run {run} was rejected by ann@example.com" in one_line(asked.apply(code=4))
    assert "not in the holidays" in asked.workspace.card(run).read_text()


def is_approved(asked: UsersProject, run: str) -> None:
    said = asked.spec("approve", "trip", "--why", WHY, *ANN, *CONFIRM, "--output", "json")
    assert said.code == 0, said.all
    assert {name: said.json()[name] for name in ("run", "decision", "criteria", "override")} == {
        "run": run, "decision": "approved", "criteria": [READ, KNOWN], "override": False,
    }  # fmt: skip


def goes_live_though_apply_is_killed(asked: UsersProject) -> None:
    apply = asked.start("apply")
    until(lambda: asked.doing("deploy") or apply.poll() is not None, what="deploy begins")
    (worker,) = asked.state("select pid from leases where name = 'model/local/trip'")
    kill(apply)
    kill(psutil.Process(worker[0]))
    assert ended(apply).code == -9
    asked.apply()
    assert "Nothing to do" in asked.apply().out
    assert asked.done("approve") == 2


def is_recorded_everywhere(asked: UsersProject, run: str) -> None:
    kept = approval_in_evidence(asked)
    assert {name: kept[name] for name in ("decision", "who", "why", "criteria")} == {
        "decision": "approved", "who": "ann@example.com", "why": WHY, "criteria": [READ, KNOWN],
    }  # fmt: skip
    assert isinstance(kept["at"], float)
    assert tags(asked)["mlops_spec.approval"] == f"approved by ann@example.com: {WHY}"
    tracked = [path for path in asked.workspace.root.rglob("artifacts/card.html") if path.is_file()]
    for card in (asked.workspace.card(run), max(tracked, key=lambda path: path.stat().st_mtime)):
        assert all(word in card.read_text() for word in ("ann@example.com", WHY, READ, KNOWN))
    assert f"approved by ann@example.com: {WHY}" in one_line(asked.spec("status"))
    live = asked.spec("status", "--output", "json").json()["models"][0]
    assert (live["waiting"], live["releases"][0]["approval"]["who"]) == (None, "ann@example.com")


def one_line(done: Ended) -> str:
    """What was said, wherever the terminal has broken its lines."""
    return " ".join((done.out + done.err).split())


def approval_in_evidence(asked: UsersProject) -> dict[str, Any]:
    """Read from what the service that answers now was started with."""
    bento = asked.workspace.bentoml_home / "bentos" / "trip" / asked.production
    envelope = json.loads((bento / "src" / "evidence.json").read_bytes())
    found = json.loads(base64.b64decode(envelope["payload"]))["predicate"]["approval"]
    assert isinstance(found, dict)
    return found


def tags(asked: UsersProject) -> dict[str, str]:
    """The tags of the newest version in MLflow."""
    query = (
        "select key, value from model_version_tags where name = 'trip' and version ="
        " (select max(version) from model_versions where name = 'trip')"
    )
    place = f"file:{asked.workspace.root / 'mlflow.db'}?mode=ro"
    with closing(sqlite3.connect(place, uri=True)) as connection:
        return dict(connection.execute(query).fetchall())
