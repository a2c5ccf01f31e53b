"""How a Model learns beside its features: lists of a ranking, weights of rows, categories."""

from __future__ import annotations

from typing import Final

from mlops_spec.diagnostics import Diagnostics, Span, did_you_mean
from mlops_spec.diagnostics.catalogue import (
    OVERRIDDEN_PARAMETER,
    RANKING_MISFIT,
    UNKNOWN_COLUMN,
    WRONG_COLUMN_TYPE,
)
from mlops_spec.link.resolve import Resolved
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Loc


def rankings_have_lists(scope: Scope, found: Diagnostics) -> None:
    """MLS326: a ranking is judged list by list; nothing else has lists."""
    for one in scope.resolved:
        spec, places = one.model.spec, one.model.places
        if spec.task == "ranking" and spec.group is None:
            found.add(
                RANKING_MISFIT,
                "a ranking has no `group`, so that nothing says which rows stand in one list",
                at=places.value("task"),
                help="write group: and the column of the list, such as the query or the session",
            )
        elif spec.task != "ranking" and spec.group is not None:
            found.add(
                RANKING_MISFIT,
                f"`group` is for rankings; this model is {spec.task}",
                at=places.key("group"),
                help="remove it; for rows that go together in gates write `cluster` there",
            )
        elif spec.group is not None:
            _group_fits(one, spec.group, found)


def _group_fits(one: Resolved, group: str, found: Diagnostics) -> None:
    columns, at = one.dataset.spec.columns, one.model.places.value("group")
    if group not in columns:
        message = f"the Dataset {one.dataset.spec.name!r} has no column {group!r}"
        found.add(RANKING_MISFIT, message, at=at, help=did_you_mean(group, columns))
    elif group in (one.dataset.spec.key, one.dataset.spec.label.column):
        message = f"the group {group!r} is the Dataset's key or label; its lists are no lists"
        found.add(RANKING_MISFIT, message, at=at, help="name the column of the list")


def weights_are_numbers_beside_the_features(scope: Scope, found: Diagnostics) -> None:
    """MLS303, MLS305: the weight is a number of the Dataset that the model does not see."""
    for one in scope.resolved:
        weight = one.model.spec.train.weight
        if weight is not None:
            _weight_fits(one, weight, one.model.places.value(*_WEIGHT), found)


def _weight_fits(one: Resolved, weight: str, at: Span, found: Diagnostics) -> None:
    dataset = one.dataset.spec
    column = dataset.columns.get(weight)
    if column is None:
        message = f"the Dataset {dataset.name!r} has no column {weight!r}"
        found.add(UNKNOWN_COLUMN, message, at=at, help=did_you_mean(weight, dataset.columns))
    elif column.type not in _NUMBERS:
        message = f"the weight {weight!r} is {column.type}; it must be a number"
        found.add(WRONG_COLUMN_TYPE, message, at=at, help="declare it as float or integer")
    elif weight in (*one.model.spec.features, dataset.label.column):
        role = "label" if weight == dataset.label.column else "feature"
        message = f"the weight {weight!r} is a {role} too"
        help = "a weight is known of training rows only; name another column"
        found.add(WRONG_COLUMN_TYPE, message, at=at, help=help)


def categories_are_declared_once(scope: Scope, found: Diagnostics) -> None:
    """MLS336: trees that bin categories are told which by the Dataset, never by a parameter."""
    for one in scope.resolved:
        train = one.model.spec.train
        if train.estimator in BINS_CATEGORIES and CATEGORIES in train.params:
            listed = [n for n in one.model.spec.features if _is_category(one, n)]
            now = f"now those are: {', '.join(listed)}" if listed else "now no feature is one"
            found.add(
                OVERRIDDEN_PARAMETER,
                f"`{CATEGORIES}` is set by the types of the columns, whatever stands here",
                at=one.model.places.key("train", "params", CATEGORIES),
                help=f"remove it; declare `type: category` in the Dataset ({now})",
            )


def _is_category(one: Resolved, name: str) -> bool:
    column = one.dataset.spec.columns.get(name)
    return column is not None and column.type == "category"


CATEGORIES: Final = "categorical_features"
BINS_CATEGORIES: Final = tuple(
    f"sklearn.ensemble.{name}"
    for name in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
)
_WEIGHT: Final[Loc] = ("train", "weight")
_NUMBERS: Final = ("float", "integer")

RULES: Final = (
    rankings_have_lists,
    weights_are_numbers_beside_the_features,
    categories_are_declared_once,
)
