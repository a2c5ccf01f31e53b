"""A Model against its Dataset: what it may see, what it predicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlops_spec.diagnostics import Diagnostics, did_you_mean
from mlops_spec.diagnostics.catalogue import (
    BATCH_INPUT_MISFIT,
    DUPLICATE_ENTRY,
    LABEL_IS_FEATURE,
    NAMES_COLLIDE,
    UNKNOWN_COLUMN,
    WRONG_COLUMN_TYPE,
)
from mlops_spec.link.resolve import Resolved
from mlops_spec.link.scope import Scope
from mlops_spec.model.names import identifier
from mlops_spec.model.spec.dataset import DatasetSpec
from mlops_spec.model.spec.describe import one_of

_LABELS: Final[dict[str, tuple[str, ...]]] = {
    "binary": ("boolean", "category", "integer"),
    "multiclass": ("category", "integer"),
    "regression": ("float", "integer"),
    "ranking": ("float", "integer"),
}
_PYTHON: Final = {"boolean": bool, "category": str, "integer": int}


def features_are_declared(scope: Scope, found: Diagnostics) -> None:
    """MLS303: a feature is a column of the Dataset."""
    for one, position, name in _features(scope):
        columns = one.dataset.spec.columns
        if name not in columns:
            found.add(
                UNKNOWN_COLUMN,
                f"the Dataset {one.dataset.spec.name!r} has no column {name!r}",
                at=one.model.places.value("features", position),
                help=did_you_mean(name, columns),
            )


def features_do_not_give_the_label_away(scope: Scope, found: Diagnostics) -> None:
    """MLS304: not the label itself, not what only names the row."""
    for one, position, name in _features(scope):
        role = _roles(one.dataset.spec).get(name)
        if role is not None:
            found.add(
                LABEL_IS_FEATURE,
                f"the feature {name!r} is the Dataset's {role}",
                at=one.model.places.value("features", position),
                help=_WHY_NOT[role],
            )


_WHY_NOT: Final = {
    "label": "remove it: the label is what the model is to predict",
    "key": "remove it: a model that sees the key learns rows by heart",
    "time": "remove it: later times are new to the model; use the hour or the weekday instead",
}


def _roles(spec: DatasetSpec) -> dict[str, str]:
    return {
        spec.key: "key",
        **({spec.time: "time"} if spec.time else {}),
        spec.label.column: "label",
    }


def features_are_not_timestamps(scope: Scope, found: Diagnostics) -> None:
    """MLS305: no estimator takes a point in time."""
    for one, position, name in _features(scope):
        spec = one.dataset.spec
        column = spec.columns.get(name)
        if column and column.type == "timestamp" and name not in _roles(spec):
            found.add(
                WRONG_COLUMN_TYPE,
                f"the feature {name!r} is a timestamp",
                at=one.model.places.value("features", position),
                help="use numbers made from it: the hour, the weekday, the days since something",
            )


def features_stand_once(scope: Scope, found: Diagnostics) -> None:
    """MLS324."""
    for one, position, name in _features(scope):
        if name in one.model.spec.features[:position]:
            at = one.model.places.value("features", position)
            found.add(DUPLICATE_ENTRY, f"the feature {name!r} stands twice", at=at)


def features_have_distinct_request_names(scope: Scope, found: Diagnostics) -> None:
    """MLS319: a request's fields are Python names made from the columns' names."""
    for one in scope.resolved:
        taken: dict[str, str] = {}
        for position, name in enumerate(one.model.spec.features):
            other = taken.setdefault(identifier(name), name)
            if other != name:
                found.add(
                    NAMES_COLLIDE,
                    f"{name!r} and {other!r} both become `{identifier(name)}` in a request",
                    at=one.model.places.value("features", position),
                    help="rename one of the two columns",
                )


def label_fits_the_task(scope: Scope, found: Diagnostics) -> None:
    """MLS305: classes are not floats, amounts are not categories."""
    for one in scope.resolved:
        label = one.dataset.spec.label.column
        column = one.dataset.spec.columns.get(label)
        task = one.model.spec.task
        if column is not None and column.type not in _LABELS[task]:
            found.add(
                WRONG_COLUMN_TYPE,
                f"the label {label!r} is {column.type}; for {task} it is {one_of(_LABELS[task])}",
                at=one.model.places.value("task"),
                help=_other_task(column.type),
            )


def _other_task(type: str) -> str:
    tasks = [task for task, types in _LABELS.items() if type in types]
    return f"a label of that type fits {one_of(tasks)}" if tasks else "declare another column"


def positive_is_a_value_of_the_label(scope: Scope, found: Diagnostics) -> None:
    """MLS305: `positive` is compared with the label's values."""
    for one in scope.resolved:
        positive, label = one.model.spec.positive, one.dataset.spec.label.column
        column = one.dataset.spec.columns.get(label)
        if positive is None or column is None:
            continue
        at = one.model.places.value("positive")
        if one.model.spec.task != "binary":
            message = f"`positive` is for binary models; this one is {one.model.spec.task}"
            found.add(WRONG_COLUMN_TYPE, message, at=at, help="remove it")
        elif _PYTHON.get(column.type) not in {None, type(positive)}:
            message = f"positive is {positive!r}; the label {label!r} is {column.type}"
            found.add(WRONG_COLUMN_TYPE, message, at=at, help="write it as the label's column does")
        elif column.values and positive not in column.values:
            message = f"positive is {positive!r}; the label {label!r} is {one_of(column.values)}"
            found.add(WRONG_COLUMN_TYPE, message, at=at)


def batch_input_has_what_the_model_needs(scope: Scope, found: Diagnostics) -> None:
    """MLS318: every feature and the key, each with the type that the model was trained on."""
    for one in scope.resolved:
        if one.batch_input is None:
            continue
        have, trained = one.batch_input.spec.columns, one.dataset.spec.columns
        for name in (*one.model.spec.features, one.dataset.spec.key):
            wanted = trained.get(name)
            if wanted is None or (name in have and have[name].type == wanted.type):
                continue
            has = (
                f"has {name!r} as {have[name].type}" if name in have else f"has no column {name!r}"
            )
            found.add(
                BATCH_INPUT_MISFIT,
                f"the Dataset {one.batch_input.spec.name!r} {has}; the model takes {wanted.type}",
                at=one.model.places.value("batch", "input"),
                help="batch predictions read the same features and the same key as training",
            )


def _features(scope: Scope) -> Iterator[tuple[Resolved, int, str]]:
    for one in scope.resolved:
        for position, name in enumerate(one.model.spec.features):
            yield one, position, name


RULES: Final = (
    features_are_declared,
    features_do_not_give_the_label_away,
    features_are_not_timestamps,
    features_stand_once,
    features_have_distinct_request_names,
    label_fits_the_task,
    positive_is_a_value_of_the_label,
    batch_input_has_what_the_model_needs,
)
