"""Mistakes are kept once, in order of place, and suggestions do not depend on order."""

import pytest

from mlops_spec.diagnostics import (
    CATALOGUE,
    Diagnostics,
    Position,
    SourceText,
    Span,
    SpecRejected,
    did_you_mean,
)
from mlops_spec.diagnostics.catalogue import UNKNOWN_KEY, UNUSED_POLICY
from mlops_spec.diagnostics.suggest import nearest


def test_what_was_found_comes_in_order_of_place_and_once() -> None:
    found = Diagnostics()
    for line in (9, 2, 9):
        found.add(UNKNOWN_KEY, "x", at=Span.at("a.yaml", line))

    assert [str(d) for d in found] == [
        "a.yaml:2:1: error MLS203: x", "a.yaml:9:1: error MLS203: x",
    ]  # fmt: skip


def test_warnings_do_not_stop_and_errors_take_them_along() -> None:
    found = Diagnostics()
    found.add(UNUSED_POLICY, "unused")
    found.stop_if_errors()
    found.add(UNKNOWN_KEY, "x")

    with pytest.raises(SpecRejected) as rejected:
        found.stop_if_errors()
    assert [d.code.id for d in rejected.value.diagnostics] == ["MLS203", "MLS311"]


def test_ids_are_well_formed_and_titles_are_phrases() -> None:
    for id, code in CATALOGUE.items():
        assert id == code.id
        assert id[:3] == "MLS"
        assert id[3:].isdigit()
        assert not code.title.endswith(".")


@pytest.mark.parametrize("known", [["churn", "chirp"], ["chirp", "churn"]])
def test_the_nearest_name_does_not_depend_on_order(known: list[str]) -> None:
    assert nearest("chrun", known) == "churn"


def test_help_with_an_unknown_name() -> None:
    assert did_you_mean("Roc_AUC", ["roc_auc"]) == "did you mean 'roc_auc'?"
    assert did_you_mean("zzz", ["b", "a"]) == "known here: a, b"
    assert did_you_mean("zzz", []) == ""


@pytest.mark.parametrize("text", ["ab\ncd", "ab\r\ncd", "ab\rcd", "a\u2028b\ncd"])
def test_lines_are_those_of_an_editor(text: str) -> None:
    source = SourceText("a.yaml", text)

    assert source.line(2) == "cd"
    assert source.position(len(text)) == Position(2, 3)
    assert source.line(3) == ""
