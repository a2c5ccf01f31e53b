"""The description of a service says what its model can decide, in the model's own order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, Field

from mlops_spec.runtime.portable.scorer import Meaning
from mlops_spec.runtime.service.log_table import Identity
from mlops_spec.runtime.service.openapi import description_of
from mlops_spec.runtime.service.typed_rows import RowReader


class Row(BaseModel):
    x: float


class One(BaseModel):
    score: float
    decision: bool | int | float | str = Field(description="the class that is predicted")
    probabilities: list[float] = Field(description="of each class, in sorted order")


class Answer(BaseModel):
    predictions: list[One]


def described(meaning: Meaning) -> tuple[Any, Any, Any]:
    """Title and version, and what is said of the decision and of its probabilities."""
    predictor: Any = SimpleNamespace(
        reader=RowReader(Row, 5), identity=Identity("πτήση", "7", "abc"),
        scorer=SimpleNamespace(meaning=meaning),
    )  # fmt: skip
    found = description_of(Answer, predictor)
    one = found["components"]["schemas"]["One"]["properties"]
    return found["info"], one["decision"].get("enum"), one["probabilities"]


def test_the_classes_of_a_model_are_told_in_its_order() -> None:
    info, decision, probabilities = described(Meaning("multiclass", ("καλό", "bad", "ugly")))
    assert info == {"title": "πτήση", "version": "7"}
    assert decision == ["καλό", "bad", "ugly"]
    assert (probabilities["description"], probabilities["minItems"], probabilities["maxItems"]) == (
        "of each class: καλό, bad, ugly", 3, 3,
    )  # fmt: skip


@pytest.mark.parametrize(("classes", "positive"), [((False, True), True), ((0, 1), 1)])
def test_a_decision_is_of_the_type_of_the_label(classes: Any, positive: Any) -> None:
    _, decision, _ = described(Meaning("binary", classes, positive))
    assert [(type(each), each) for each in decision] == [(type(each), each) for each in classes]


def test_a_number_is_decided_without_classes() -> None:
    _, decision, probabilities = described(Meaning("regression"))
    assert (decision, probabilities["description"]) == (None, "of each class, in sorted order")


def test_features_that_are_called_as_an_answer_is_are_left_alone() -> None:
    class Judged(BaseModel):
        score: float
        decision: str

    predictor: Any = SimpleNamespace(
        reader=RowReader(Judged, 5), identity=Identity("a", "1", "abc"),
        scorer=SimpleNamespace(meaning=Meaning("binary", (False, True), True)),
    )  # fmt: skip
    schemas = description_of(Answer, predictor)["components"]["schemas"]
    assert "enum" not in schemas["Judged"]["properties"]["decision"]
    assert schemas["One"]["properties"]["decision"]["enum"] == [False, True]
