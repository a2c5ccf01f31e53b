"""Decisions of people: about one run and its verdicts, the newest counts, none is lost."""

from __future__ import annotations

from pathlib import Path

from mlops_spec.state import Journal, Store
from mlops_spec.state.approvals import Approval, approval_of, let_through, record_approval


def journal(tmp_path: Path) -> Journal:
    return Journal(Store.at(tmp_path / "state.db"), "local")


def approval(decision="approved", gate="g1", at=1.0, **more) -> Approval:
    return Approval(decision, gate, "ann@example.com", "looked at it", at, "inconclusive", **more)


def gated(found: Journal, outcome: str, gate: str = "g1") -> None:
    found.start("m", "gate", gate, "r1")
    found.finish("m", "gate", gate, "done", {"outcome": outcome})


def test_nobody_has_decided_on_a_new_run(tmp_path: Path) -> None:
    assert approval_of(journal(tmp_path), "m", "r1", "g1") is None


def test_the_newest_decision_counts_and_the_older_one_is_kept(tmp_path: Path) -> None:
    found = journal(tmp_path)
    record_approval(found, "m", "r1", approval(at=1.0))
    record_approval(found, "m", "r1", approval("rejected", at=2.0))

    assert approval_of(found, "m", "r1", "g1") == approval("rejected", at=2.0)
    assert len(found.steps("m", step="approve")) == 2


def test_a_decision_on_other_verdicts_or_another_run_does_not_count(tmp_path: Path) -> None:
    found = journal(tmp_path)
    record_approval(found, "m", "r1", approval())

    assert approval_of(found, "m", "r1", "g2") is None
    assert approval_of(found, "m", "r2", "g1") is None


def test_a_decision_comes_back_as_it_was_recorded(tmp_path: Path) -> None:
    found, given = journal(tmp_path), approval(override=True, criteria=("Read the card.", "Ρώτα."))
    record_approval(found, "m", "r1", given)

    assert approval_of(found, "m", "r1", "g1") == given


def test_a_gate_that_did_not_pass_is_let_through_by_an_approval_alone(tmp_path: Path) -> None:
    found = journal(tmp_path)
    gated(found, "inconclusive")
    assert not let_through(found, "m", "r1", "g1")
    record_approval(found, "m", "r1", approval("rejected", at=1.0))
    assert not let_through(found, "m", "r1", "g1")
    record_approval(found, "m", "r1", approval(at=2.0))
    assert let_through(found, "m", "r1", "g1")


def test_what_passed_needs_nobody_to_let_it_through(tmp_path: Path) -> None:
    found = journal(tmp_path)
    gated(found, "pass")
    record_approval(found, "m", "r1", approval())

    assert not let_through(found, "m", "r1", "g1")


def test_an_approval_holds_for_the_criteria_that_were_confirmed() -> None:
    given = approval(criteria=("a", "b"))

    assert [given.holds_for(asked) for asked in ((), ("a",), ("b", "a"), ("a", "c"))] == [
        True, True, True, False,
    ]  # fmt: skip
    assert not approval("rejected", criteria=("a",)).holds_for(())


def test_an_override_says_so() -> None:
    assert approval(override=True).line() == (
        "approved against the gates by ann@example.com: looked at it"
    )
