"""A Dataset by itself: its columns, its label, its limits, its split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlops_spec.diagnostics import Diagnostics, did_you_mean
from mlops_spec.diagnostics.catalogue import (
    COLUMN_LIMIT_MISFIT,
    LIMITS_CROSS,
    NOTHING_LEFT,
    SPLIT_NEEDS_TIME,
    UNKNOWN_COLUMN,
    WRONG_COLUMN_TYPE,
)
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document, Loc
from mlops_spec.model.spec.dataset import Column, DatasetSpec

_NUMBERS: Final = frozenset({"float", "integer"})


def named_columns_are_declared(scope: Scope, found: Diagnostics) -> None:
    """MLS303: key, time and label stand under `columns`."""
    for document in scope.of(DatasetSpec):
        columns = document.spec.columns
        for loc, name in _named(document.spec):
            if name not in columns:
                found.add(
                    UNKNOWN_COLUMN,
                    f"{'.'.join(map(str, loc))} is {name!r}, which `columns` does not declare",
                    at=document.places.value(*loc),
                    help=did_you_mean(name, columns),
                )


def _named(spec: DatasetSpec) -> Iterator[tuple[Loc, str]]:
    yield ("key",), spec.key
    if spec.time is not None:
        yield ("time",), spec.time
    yield ("label", "column"), spec.label.column


def key_and_time_have_fitting_types(scope: Scope, found: Diagnostics) -> None:
    """MLS305: a key compares exactly, a time is a timestamp."""
    for document in scope.of(DatasetSpec):
        key = document.spec.columns.get(document.spec.key)
        if key is not None and key.type not in {"category", "integer"}:
            message = f"the key {document.spec.key!r} is {key.type}; a key is category or integer"
            help = (
                "it joins a prediction to its label, so that it must compare exactly: name a "
                "column of texts or whole numbers, or add one that numbers the rows"
            )
            found.add(WRONG_COLUMN_TYPE, message, at=document.places.value("key"), help=help)
        time = document.spec.columns.get(document.spec.time or "")
        if time is not None and time.type != "timestamp":
            message = f"the time {document.spec.time!r} is {time.type}; it must be a timestamp"
            found.add(WRONG_COLUMN_TYPE, message, at=document.places.value("time"))


def limits_fit_the_type(scope: Scope, found: Diagnostics) -> None:
    """MLS323: `min` and `max` belong to numbers, `values` to categories."""
    for document, name, column in _columns(scope):
        for limit, types in (("min", _NUMBERS), ("max", _NUMBERS), ("values", {"category"})):
            if getattr(column, limit) is not None and column.type not in types:
                found.add(
                    COLUMN_LIMIT_MISFIT,
                    f"{name!r} is {column.type}; `{limit}` is for {' and '.join(sorted(types))}",
                    at=document.places.key("columns", name, limit),
                    help="remove it, or change the column's type",
                )


def column_limits_do_not_cross(scope: Scope, found: Diagnostics) -> None:
    """MLS313: some value must be allowed."""
    for document, name, column in _columns(scope):
        if column.min is not None and column.max is not None and column.min > column.max:
            message = f"min is {column.min}, above max, which is {column.max}"
            found.add(LIMITS_CROSS, message, at=document.places.value("columns", name, "min"))


def _columns(scope: Scope) -> Iterator[tuple[Document[DatasetSpec], str, Column]]:
    for document in scope.of(DatasetSpec):
        for name, column in document.spec.columns.items():
            yield document, name, column


def split_by_time_has_a_time(scope: Scope, found: Diagnostics) -> None:
    """MLS312: the newest rows cannot be held out when nothing says which are the newest."""
    for document in scope.of(DatasetSpec):
        if document.spec.split.by == "time" and document.spec.time is None:
            found.add(
                SPLIT_NEEDS_TIME,
                "the split is by time, but the Dataset has no `time`",
                at=document.places.value("split", "by"),
                help="name a timestamp column as `time`, or split by: random",
            )


def split_leaves_rows_everywhere(scope: Scope, found: Diagnostics) -> None:
    """MLS321: rows to train on and rows to judge on."""
    for document in scope.of(DatasetSpec):
        split = document.spec.split
        held_out = split.test.value + split.validation.value
        if split.test.value == 0:
            message = "test is 0%; without held-out rows no model can be judged"
            at = document.places.value("split", "test")
            found.add(NOTHING_LEFT, message, at=at, help="20% is usual")
        elif held_out >= 1 - 1e-9:
            message = f"test {split.test} and validation {split.validation} leave nothing to train"
            loc = "test" if ("split", "test") in document.places.values else "validation"
            at = document.places.value("split", loc)
            found.add(NOTHING_LEFT, message, at=at, help="20% and 10% are usual")


RULES: Final = (
    named_columns_are_declared,
    key_and_time_have_fitting_types,
    limits_fit_the_type,
    column_limits_do_not_cross,
    split_by_time_has_a_time,
    split_leaves_rows_everywhere,
)
