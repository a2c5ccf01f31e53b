"""spec approve: who may, what is confirmed, what is recorded, and the card that says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_spec.apply.blocked import Blocked
from mlops_spec.apply.look import plan_one, stored_spec, wanted
from mlops_spec.apply.site import Site
from mlops_spec.apply.world import LiveWorld
from mlops_spec.cli.main import main
from mlops_spec.model.files import FileSet
from mlops_spec.pipeline import compile_project
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train import registry
from mlops_spec.state import Deployment
from mlops_spec.state.approvals import Approval, last_word
from mlops_spec.state.asked import record_asked, waits
from mlops_spec.terms import keys
from mlops_spec.terms.verdict import Outcome, Verdict

READ, KNOWN, ALSO_KNOWN = "The card was read.", "On-call knows.", "On-call knows. So does Ann."
PROJECT = f"""\
project: trips
environments:
  local:
    serve: {{on: processes, router: envoy}}
    approval: {{criteria: [{READ}, {KNOWN}, {ALSO_KNOWN}], by: [ann, bob]}}
"""
SPECS = """\
kind: Dataset
name: trips
source: {csv: trips.csv}
key: id
label: {column: late}
columns: {id: {type: category}, load: {type: float}, late: {type: boolean}}
split: {by: random}
---
kind: Model
name: trip
dataset: trips
task: binary
features: [load]
train: {estimator: sklearn.linear_model.LogisticRegression}
gates: [trip]
---
kind: Gates
name: trip
metrics: {roc_auc: {min: 0.7}}
"""
ALL = ("--confirm", READ, "--confirm", KNOWN, "--confirm", ALSO_KNOWN)
FAILED = Verdict("roc_auc", Outcome.FAIL, 0.61, 0.6, 0.62, 900, ">= 0.7")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A project whose rows were read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    (tmp_path / "mlops.yaml").write_text(PROJECT)
    (tmp_path / "specs" / "trip.yaml").write_text(SPECS)
    (tmp_path / "trips.csv").write_text("id,load,late\n")
    (tmp_path / ".spec" / "local").mkdir(parents=True)
    return Site.open(tmp_path, compile_project(tmp_path)[0], "local", FileSet({}))


def judged(site: Site, outcome: str, *verdicts: Verdict) -> str:
    """A run with this outcome, as the train flow leaves it; the run."""
    want = wanted(site, site.model("trip"))
    run = keys.run_id("rows", want.facets)
    said = {"outcome": outcome, "verdicts": [verdict.to_json() for verdict in verdicts]}
    for step, key, output in (
        ("snapshot", keys.snapshot_key(want.fingerprint, want.facets), {"data": "rows"}),
        ("check", keys.check_key("rows", want.facets), {}),
        ("split", keys.split_key("rows", want.facets), {}),
        ("fit", run, {}),
        ("evaluate", keys.evaluate_key(run), {}),
        ("gate", keys.gate_key(run, want.facets, ""), said),
    ):
        site.journal.start("trip", step, key, run)
        site.journal.finish("trip", step, key, "done", output)
    return run


def approve(*arguments: str) -> int:
    return main(["approve", "trip", "--why", "it is fine", "--as", "ann", *arguments])


def decided(site: Site, run: str) -> Approval | None:
    return last_word(site.journal, "trip", run)


def test_a_decision_is_recorded_with_everything_that_was_confirmed(site, capsys):
    run = judged(site, "pass")
    assert approve("--confirm", "the card", "--confirm", KNOWN, "--confirm", ALSO_KNOWN) == 0
    out = capsys.readouterr().out
    found = decided(site, run)

    assert found is not None
    assert (found.decision, found.who, found.why, found.outcome, found.override) == (
        "approved", "ann", "it is fine", "pass", False,
    )  # fmt: skip
    assert found.criteria == (READ, KNOWN, ALSO_KNOWN)
    assert out.startswith(f"trip run {run}: approved by ann: it is fine (")
    assert out.endswith(f"  confirmed: {READ}\n  confirmed: {KNOWN}\n  confirmed: {ALSO_KNOWN}\n"
                        "Next: spec apply\n")  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "3 of 3 criteria of local are not confirmed"),
        (ALL[2:], f"to confirm: {READ}"),
        ((*ALL, "--as", "eve"), "'eve' may not approve in local"),
        ((*ALL, "--why", " "), "the reason is empty"),
        ((*ALL, "--confirm", "on-call"), "--confirm 'on-call' names 2 of the criteria"),
        ((*ALL, "--confirm", "Nobody"), "--confirm 'Nobody' names none of the criteria"),
        ((*ALL, "--confirm", " "), "names none of the criteria"),
        (("--override",), "3 of 3 criteria of local are not confirmed"),
        (("--reject", "--as", "eve"), "'eve' may not approve in local"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_recorded(site, capsys, arguments, said):
    run = judged(site, "pass")

    assert approve(*arguments) == 1
    shown = capsys.readouterr().err
    assert "error MLS611: " in shown
    assert said in shown
    assert decided(site, run) is None


def test_the_command_that_was_meant_is_shown(site, capsys):
    judged(site, "pass")
    approve()
    assert (
        "help: spec approve trip --why \"…\" --confirm 'The card was read.' --confirm "
        "'On-call knows.' --confirm 'On-call knows. So does Ann.'"
    ) in capsys.readouterr().err


def test_a_gate_that_said_no_takes_more_than_a_yes(site, capsys):
    run = judged(site, "fail", FAILED)
    assert approve(*ALL) == 1
    shown = capsys.readouterr().err
    assert "the gate is fail" in shown
    assert FAILED.line() in shown
    assert approve(*ALL, "--override") == 0
    found = decided(site, run)
    assert found is not None
    assert (found.override, found.outcome) == (True, "fail")


def test_a_no_needs_nothing_to_be_confirmed(site, capsys):
    run = judged(site, "pass")
    assert approve("--reject", "-o", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["run"], told["decision"], told["criteria"]) == (run, "rejected", [])
    found = decided(site, run)
    assert found is not None
    assert found.decision == "rejected"


def test_without_verdicts_there_is_nothing_to_decide(site, capsys):
    assert approve(*ALL) == 1
    assert "trip has no verdicts to decide on" in capsys.readouterr().err


def test_status_shows_what_to_type_until_the_specs_are_changed_back(site, capsys):
    run = judged(site, "pass")
    trip = site.model("trip")
    record_asked(site.journal, "trip", wanted(site, trip).facets, stored_spec(site, trip))
    assert main(["status"]) == 0
    shown = capsys.readouterr().out
    assert f"run {run}  gate said PASS for ann, bob" in shown
    assert f"spec approve trip --why \"…\" --confirm '{READ}' --confirm" in shown

    LiveWorld(site, print).settle((Blocked("trip", 3, "", ""),))
    assert site.journal.applied("trip") is None
    LiveWorld(site, print).settle(())
    assert site.journal.applied("trip") == stored_spec(site, trip)
    assert main(["status"]) == 0
    assert "spec approve" not in capsys.readouterr().out


def test_a_redeploy_that_stopped_for_a_person_is_shown_by_status(site, capsys):
    run = judged(site, "pass")
    site.journal.record_applied("trip", stored_spec(site, site.model("trip")))
    served = Deployment("trip", "before", run, "1", "production", 1.0)
    site.deployments.save(served)
    gate = keys.gate_key(run, wanted(site, site.model("trip")).facets, "")
    register = keys.register_key(run, gate)
    site.journal.start("trip", "register", register, run)
    site.journal.finish("trip", "register", register, "done", {"version": "1"})
    found = plan_one(site, site.model("trip")).blocked
    assert found is not None
    assert found.asks_a_person

    LiveWorld(site, print).settle((found,))
    assert main(["status"]) == 0
    assert "spec approve trip" in capsys.readouterr().out


def test_a_decision_stays_though_the_registry_cannot_be_told(site, capsys, monkeypatch):
    run = judged(site, "pass")
    site.journal.start("trip", "register", "v1", run)
    site.journal.finish("trip", "register", "v1", "done", {"version": "1"})

    def gone(*_: object) -> None:
        raise Refusal("MLS605", "it is down", "start it", ())

    monkeypatch.setattr(registry, "tag_again", gone)
    assert approve("--reject") == 1
    shown = capsys.readouterr()
    assert f"trip run {run}: rejected by ann" in shown.out
    assert "MLS605: the decision is recorded; the model registry does not show it" in shown.err
    assert decided(site, run) is not None


def test_the_card_says_so_at_once(site):
    run = judged(site, "pass", FAILED)
    card = site.workspace.card(run)
    card.parent.mkdir(parents=True)
    card.write_text("a card from before")
    assert approve(*ALL) == 0

    written = card.read_text()
    assert "a card from before" not in written
    assert all(word in written for word in ("ann", "it is fine", READ, KNOWN, ALSO_KNOWN))


def test_where_no_card_was_written_none_is_made(site):
    run = judged(site, "pass")
    assert approve(*ALL) == 0
    assert not site.workspace.card(run).exists()


def test_a_kill_leaves_no_card_rather_than_one_without_the_decision(site, monkeypatch):
    run = judged(site, "pass")
    card = site.workspace.card(run)
    card.parent.mkdir(parents=True)
    card.write_text("a card from before")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlops_spec.cli.approve.record_approval", killed)
    assert approve(*ALL) == 130
    assert not card.exists()


def test_gates_that_return_while_their_model_serves_are_told_to_the_registry(site, monkeypatch):
    run = judged(site, "pass")
    trip = site.model("trip")
    release = keys.release_id(run, wanted(site, trip).facets)
    site.deployments.save(Deployment("trip", release, run, "1", "production", 1.0))
    told = []
    monkeypatch.setattr(registry, "tag_again", lambda _, *given: told.append(given))
    LiveWorld(site, print).record("trip")
    assert told == []

    site.journal.start("trip", "gate", "of-other-gates", run)
    site.journal.finish("trip", "gate", "of-other-gates", "done", {"outcome": "fail"})
    LiveWorld(site, print).record("trip")
    assert told == [(run, "sqlite")]


def test_what_an_apply_leaves_behind_takes_no_plan_of_its_own(site, monkeypatch):
    run = judged(site, "pass")
    monkeypatch.delattr("mlops_spec.apply.look.plan_model")
    world = LiveWorld(site, print)
    world.settle((Blocked("trip", 3, "", ""),))
    assert waits(site.journal, "trip", run)

    world.settle(())
    assert not waits(site.journal, "trip", run)
    assert site.journal.applied("trip") == stored_spec(site, site.model("trip"))


def test_where_users_are_waited_for_it_is_said_how_many_and_what_else_could_be(site):
    said = LiveWorld(site, print)._waits_for_users("trip")

    assert said == (
        "steps wait for 1,000 requests of users, 1h at most; "
        "where there are none, `traffic: replay` in mlops.yaml sends held-out rows"
    )
