"""What was asked for and is not true yet; what is true once it was applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_spec.state import Journal, Store
from mlops_spec.state.asked import asked_or_applied, forget_asked, record_asked

FACETS = {"data": "d1", "train": "t1", "gate": "g1"}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(Store.at(tmp_path / "state.db"), "local")


def owned_by(name: str) -> dict[str, object]:
    return {"model.owner": ["docs", name]}


def test_nothing_is_known_of_a_model_that_nobody_asked_for(journal: Journal) -> None:
    assert asked_or_applied(journal, "m") == {}


def test_what_is_asked_for_is_said_before_what_was_applied(journal: Journal) -> None:
    journal.record_applied("m", owned_by("ann"))
    record_asked(journal, "m", FACETS, owned_by("bob"))

    assert asked_or_applied(journal, "m") == {"model.owner": "bob"}


def test_another_recipe_is_described_as_it_was_applied(journal: Journal) -> None:
    journal.record_applied("m", owned_by("ann"))
    record_asked(journal, "m", {**FACETS, "train": "t2"}, owned_by("bob"))

    assert asked_or_applied(journal, "m", FACETS) == {"model.owner": "ann"}
    assert asked_or_applied(journal, "m", {**FACETS, "train": "t2"}) == {"model.owner": "bob"}


def test_another_gate_is_the_same_recipe(journal: Journal) -> None:
    record_asked(journal, "m", FACETS, owned_by("bob"))

    assert asked_or_applied(journal, "m", {**FACETS, "gate": "g2"}) == {"model.owner": "bob"}


def test_what_was_asked_for_is_forgotten_when_it_is_true(journal: Journal) -> None:
    record_asked(journal, "m", FACETS, owned_by("bob"))
    journal.record_applied("m", owned_by("ann"))
    forget_asked(journal, "m")

    assert asked_or_applied(journal, "m", FACETS) == {"model.owner": "ann"}
