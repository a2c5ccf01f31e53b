"""What is told of parameters is what scikit-learn itself would say, of every one of them."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Iterator
from typing import Any

import pytest
from estimator_told import told
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from mlops_spec.link.estimators import Choice, Estimator, Parameter, Typed, known, known_paths

TASKS = {"classifier": "binary", "regressor": "regression", "inner": "binary"}
WORDS = st.sampled_from(["", "auto", "sqrt", "deprecated", "warn", "gini", "True", "1", "x"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 300), st.floats(-3, 300, allow_nan=False), WORDS
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=2).map(tuple),
    st.dictionaries(st.text(max_size=2), SCALARS, max_size=2),
)


def estimator_at(path: str) -> Estimator:
    one = known(path)
    assert one is not None
    return one


def class_at(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def taken_by_scikit_learn(kind: Any, name: str, value: Any) -> bool:
    try:
        validate_parameter_constraints(kind._parameter_constraints, {name: value}, kind.__name__)
    except InvalidParameterError:
        return False
    return True


PARAMETERS = [
    (path, name, takes)
    for path in known_paths()
    for name, takes in estimator_at(path).params.items()
    if takes is not None
]


def edges(takes: Parameter) -> Iterator[Any]:
    """Values at and beside every bound, every word, and one of every kind."""
    yield from (None, True, False, 0, 1, -1, 0.0, 0.5, 1.0, -0.5, "x", "", (), ("x",), {}, {"x": 1})
    for one in takes.alternatives:
        match one:
            case Choice(values):
                yield from values
                yield from (f"{word}x" for word in values)
            case Typed(_, bounds):
                for _, end in bounds:
                    yield from (end, end - 1, end + 1, float(end), end - 0.25, end + 0.25)


def test_scikit_learn_says_the_same_of_every_edge_of_every_parameter() -> None:
    differ = [
        (path, name, value)
        for path, name, takes in PARAMETERS
        for value in edges(takes)
        if takes.accepts(value) != taken_by_scikit_learn(class_at(path), name, value)
    ]

    assert len(PARAMETERS) > 900
    assert differ == []


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PARAMETERS), VALUES)
def test_scikit_learn_says_the_same_of_any_value(
    parameter: tuple[str, str, Parameter], value: Any
) -> None:
    path, name, takes = parameter

    assert takes.accepts(value) == taken_by_scikit_learn(class_at(path), name, value)


def defaults_of(path: str) -> dict[str, Any]:
    """The defaults that a spec can write."""
    found = inspect.signature(class_at(path)).parameters.values()
    return {one.name: one.default for one in found if is_written(one.default)}


def is_written(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return (
        isinstance(value, bool | int | str | tuple | None) and value is not inspect.Parameter.empty
    )


@pytest.mark.parametrize("path", known_paths())
def test_an_estimator_passes_with_its_defaults_and_is_told_of_each_misspelt_one(path: str) -> None:
    one, defaults = estimator_at(path), defaults_of(path)
    task = TASKS[one.role]
    for name in one.needs:
        defaults.pop(name, None)

    assert [line for line in told(path, task, defaults) if "MLS338" in line] == []
    misspelt = {f"{name[:-1]}q{name[-1:]}": value for name, value in defaults.items()}
    lines = [line for line in told(path, task, misspelt) if "MLS338" in line]
    assert len(lines) == len(misspelt)
    assert all(f"{one.name} has no parameter" in line for line in lines)
