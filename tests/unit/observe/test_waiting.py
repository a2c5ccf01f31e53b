"""Who waits for a person, and who waits for nobody; said with what to type."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlops_spec.cli.views.status_text import status_lines
from mlops_spec.observe.status import look, status_json
from mlops_spec.observe.waiting import Asks, Candidate, Held, Waiting, held_back, waiting_for
from mlops_spec.state import Deployment, Deployments, Journal, Store
from mlops_spec.state.approvals import Approval, record_approval
from mlops_spec.state.asked import forget_asked, record_asked, record_waiting
from mlops_spec.terms.verdict import Outcome, Verdict
from mlops_spec.terms.workspace import Workspace

PASSED = Verdict("roc_auc", Outcome.PASS, 0.71, 0.70, 0.72, 900, ">= 0.7")
UNSURE = Verdict("f1", Outcome.INCONCLUSIVE, 0.5, 0.4, 0.6, 900, ">= 0.5")
READ = ("The card was read.",)
ASKS = Asks(READ, ("ann", "bob"), "live")
COMMAND = "spec approve m --env live --why \"…\" --confirm 'The card was read.'"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(Workspace.of(tmp_path, "local").state, clock=lambda: 1000.0)


@pytest.fixture
def journal(store: Store) -> Journal:
    return Journal(store, "local")


def gated(journal: Journal, outcome: str = "pass", *verdicts: Verdict) -> None:
    said = {"outcome": outcome, "verdicts": [verdict.to_json() for verdict in verdicts]}
    journal.start("m", "gate", "g1", "r1")
    journal.finish("m", "gate", "g1", "done", said)
    journal.start("m", "register", "v1", "r1")
    journal.finish("m", "register", "v1", "done", {"version": "3" if outcome == "pass" else ""})


def decide(journal: Journal, decision: str, criteria: tuple[str, ...] = READ) -> None:
    said = Approval(decision, "g1", "ann", "read it", 9.0, "pass", criteria=criteria)  # type: ignore[arg-type]
    record_approval(journal, "m", "r1", said)


def test_what_passed_waits_where_a_person_is_asked(journal: Journal) -> None:
    gated(journal, "pass", PASSED)

    assert waiting_for(journal, "m", ASKS, ()) == Waiting(
        Candidate("r1", Outcome.PASS, (PASSED,), 1000.0), "3", READ, ("ann", "bob"), COMMAND
    )
    assert waiting_for(journal, "m", Asks(), ()) is None


def test_what_a_gate_stopped_is_held_and_nobody_is_asked(journal: Journal) -> None:
    gated(journal, "inconclusive", PASSED, UNSURE)

    found = Held(Candidate("r1", Outcome.INCONCLUSIVE, (PASSED, UNSURE), 1000.0), "")
    assert held_back(journal, "m", ()) == found
    assert waiting_for(journal, "m", ASKS, ()) is None
    serving = Deployment("m", "aaaa", "r1", "3", "production", 1.0)
    assert held_back(journal, "m", (serving,)) is None


@pytest.mark.parametrize(
    ("outcome", "policy", "decision", "rejected"),
    [
        ("pass", "hold", None, None),
        ("inconclusive", "need_approval", None, None),
        ("fail", "hold", "approved", None),
        ("fail", "hold", "rejected", "rejected by ann: read it"),
        ("pass", "hold", "rejected", "rejected by ann: read it"),
        ("fail", "need_approval", None, ""),
    ],
)
def test_what_waits_or_goes_on_is_not_held(
    journal: Journal, outcome: str, policy: str, decision: str | None, rejected: str | None
) -> None:
    record_asked(journal, "m", {}, {"gates.on_inconclusive": ["gate", policy]})
    gated(journal, outcome)
    if decision:
        decide(journal, decision)

    found = held_back(journal, "m", ())
    assert (found and found.rejected) == rejected


def test_status_says_what_holds_a_candidate_back(tmp_path: Path, journal: Journal) -> None:
    gated(journal, "inconclusive", PASSED, UNSURE)
    found = look(Workspace.of(tmp_path, "local"), ("m",))
    found = replace(found, now=1000.0)

    assert list(status_lines(found))[-2:] == [
        "  [yellow]held[/]         run r1  gate said [yellow]INCONCLUSIVE[/]  0 s ago; "
        "production stays",
        "               f1: INCONCLUSIVE  0.5  [0.4, 0.6]  n=900  limit >= 0.5",
    ]
    assert status_json(found)["models"][0]["held"]["run"] == "r1"


@pytest.mark.parametrize(
    ("decision", "criteria", "waits"),
    [("approved", READ, False), ("approved", (), True), ("rejected", (), False)],
)
def test_what_was_decided_waits_only_for_criteria_that_came_later(
    journal: Journal, decision: str, criteria: tuple[str, ...], *, waits: bool
) -> None:
    gated(journal)
    decide(journal, decision, criteria)

    assert (waiting_for(journal, "m", ASKS, ()) is not None) == waits


@pytest.mark.parametrize("role", ["production", "quarantined"])
def test_what_serves_or_was_rolled_back_waits_for_nobody(journal: Journal, role: str) -> None:
    gated(journal)
    there = Deployment("m", "aaaa", "r1", "3", role)  # type: ignore[arg-type]

    assert waiting_for(journal, "m", ASKS, (there,)) is None


def test_another_release_of_the_run_that_serves_waits_once_an_apply_has_stopped_for_it(
    journal: Journal,
) -> None:
    gated(journal)
    journal.record_applied("m", {})
    there = (Deployment("m", "aaaa", "r1", "3", "production", 1.0),)
    assert waiting_for(journal, "m", ASKS, there) is None
    record_waiting(journal, "m", "r1", "bbbb")

    found = waiting_for(journal, "m", ASKS, there)
    assert found is not None
    assert (found.candidate.run, found.command) == ("r1", COMMAND)
    forget_asked(journal, "m")
    assert waiting_for(journal, "m", ASKS, there) is None


def test_what_was_judged_before_the_last_apply_is_asked_for_no_more(tmp_path: Path) -> None:
    times = iter(range(1000, 2000))
    journal = Journal(Store.at(tmp_path / "state.db", clock=lambda: float(next(times))), "local")
    gated(journal)
    assert waiting_for(journal, "m", ASKS, ()) is not None
    journal.record_applied("m", {})

    assert waiting_for(journal, "m", ASKS, ()) is None


@pytest.mark.parametrize(
    ("outcome", "policy", "waits"),
    [
        ("inconclusive", "need_approval", True),
        ("inconclusive", "hold", False),
        ("fail", "need_approval", False),
    ],
)
def test_what_is_in_doubt_waits_where_the_policy_asks_a_person(
    journal: Journal, outcome: str, policy: str, *, waits: bool
) -> None:
    gated(journal, outcome, UNSURE)
    record_asked(journal, "m", {}, {"gates.on_inconclusive": ["gate", policy]})

    assert (waiting_for(journal, "m", Asks(), ()) is not None) == waits


def test_what_was_let_through_against_the_gates_needs_the_same_word_again(journal: Journal) -> None:
    gated(journal, "fail", UNSURE)
    decide(journal, "approved", ())
    found = waiting_for(journal, "m", ASKS, ())

    assert found is not None
    assert found.command == COMMAND.replace("--why", "--override --why")


def test_status_says_who_waits_and_who_has_approved_what_serves(
    tmp_path: Path, store: Store, journal: Journal
) -> None:
    workspace = Workspace.of(tmp_path, "local")
    Deployments(store, "local").save(Deployment("m", "aaaa", "r0", "2", "production", 1.0))
    said = Approval("approved", "g0", "bob", "it is [fine]", 9.0, "fail", override=True)
    record_approval(journal, "m", "r0", said)
    gated(journal, "pass", PASSED)
    workspace.card("r1").parent.mkdir(parents=True)
    workspace.card("r1").write_text("")
    status = look(workspace, (), asks=ASKS)

    shown = [line.strip() for line in status_lines(status)]
    at = shown.index("approved against the gates by bob: it is \\[fine]")
    assert shown[at + 1].startswith(
        "[yellow]waits[/]        version 3  run r1  gate said [green]PASS[/] for ann, bob  since "
    )
    assert shown[at + 2 : at + 5] == [
        "to confirm: The card was read.",
        f"{COMMAND}   (or --reject), then spec apply",
        f"card {workspace.card('r1')}",
    ]
    (told,) = status_json(status)["models"]
    assert told["releases"][0]["approval"] == said.to_json()
    assert told["waiting"] == {
        "run": "r1", "version": "3", "outcome": "pass", "verdicts": [PASSED.to_json()],
        "since": 1000.0, "criteria": list(READ), "by": ["ann", "bob"], "command": COMMAND,
        "card": str(workspace.card("r1")), "warnings": [],
    }  # fmt: skip


def test_an_apply_that_stops_once_more_for_the_same_release_changes_nothing(
    tmp_path: Path,
) -> None:
    times = iter(range(1000, 2000))
    journal = Journal(Store.at(tmp_path / "state.db", clock=lambda: float(next(times))), "local")
    record_waiting(journal, "m", "r1", "aaaa")
    before = journal.steps("m")

    record_waiting(journal, "m", "r1", "aaaa")
    assert journal.steps("m") == before
    record_waiting(journal, "m", "r2", "bbbb")
    assert journal.steps("m") != before
