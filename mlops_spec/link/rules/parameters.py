"""The parameters of a Model's estimator: that they exist, and take such values."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from mlops_spec.diagnostics import Diagnostics, Span
from mlops_spec.diagnostics.catalogue import PARAMETER_REFUSED
from mlops_spec.diagnostics.suggest import nearest
from mlops_spec.link.estimators import Estimator, Parameter
from mlops_spec.link.rules.estimators import OWN_FUNCTION, judges_of, shown, tell
from mlops_spec.link.rules.teaching import BINS_CATEGORIES, CATEGORIES
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document, Loc
from mlops_spec.model.spec.model import ModelSpec

_PARAMS: Final[Loc] = ("train", "params")
# What other libraries, and other estimators, call a parameter.
_OTHER_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "n_estimators": ("max_iter",), "num_iterations": ("max_iter", "n_estimators"),
    "num_boost_round": ("max_iter", "n_estimators"), "iterations": ("max_iter", "n_estimators"),
    "eta": ("learning_rate",), "num_leaves": ("max_leaf_nodes",), "depth": ("max_depth",),
    "min_child_samples": ("min_samples_leaf",), "min_data_in_leaf": ("min_samples_leaf",),
    "reg_lambda": ("l2_regularization", "alpha"), "lambda": ("l2_regularization", "alpha"),
    "lambda_l2": ("l2_regularization", "alpha"), "colsample_bytree": ("max_features",),
    "early_stopping_rounds": ("n_iter_no_change",), "objective": ("loss",), "epochs": ("max_iter",),
}  # fmt: skip
_SEEDS: Final = ("seed", "random_seed")
_MOST: Final = 100  # mistakes of one model: more than anyone reads


def parameters_are_the_estimators(scope: Scope, found: Diagnostics) -> None:
    """MLS338: every parameter exists, and its value is one that the estimator takes."""
    for document in scope.models:
        judges = judges_of(document.spec)
        refused = (
            (name, value)
            for name, value in document.spec.train.params.items()
            if judges and not any(_is_taken(one, name, value) for one in judges)
        )
        for name, value in islice(refused, _MOST):
            # The last is what an estimator that does not suit was meant to be.
            wrong = _refused(judges[-1], name, value)
            at = _place_of(document, judges[-1], name, value)
            tell(scope, found, PARAMETER_REFUSED, at, wrong)


def _is_taken(one: Estimator, name: str, value: Any) -> bool:
    if name not in one.params:
        return False
    takes = one.params[name]
    set_by_columns = name == CATEGORIES and one.path in BINS_CATEGORIES  # MLS336 says it
    return takes is None or set_by_columns or takes.accepts(value)


def _place_of(document: Document[ModelSpec], one: Estimator, name: str, value: Any) -> Span:
    """The name that does not exist, or else the value, unless it is many lines long."""
    at_key = name not in one.params or isinstance(value, dict | tuple)
    place = document.places.key if at_key else document.places.value
    return place(*_PARAMS, name)


def _refused(one: Estimator, name: str, value: Any) -> tuple[str, str]:
    """(message, help)."""
    takes = one.params.get(name)
    if takes is None:
        return f"{one.name} has no parameter {shown(name)}", _meant(name, one)
    message = f"`{name}` of {one.name} is {shown(value)}; it takes {takes.words()}"
    left_out = "correct it" if name in one.needs else "correct it, or leave it out for the default"
    return message, _instead(value, takes) or left_out


def _meant(name: str, one: Estimator) -> str:
    if "__" in name:
        return f"what is inside of an estimator is not set here; {OWN_FUNCTION}"
    if name in _SEEDS and "random_state" in one.params:
        return "write it as `seed` of `train`, beside `params`"
    other = next((word for word in _OTHER_NAMES.get(name, ()) if word in one.params), None)
    if other is not None:
        return f"did you mean {other!r}?"
    best = nearest(name, one.params)
    return f"did you mean {best!r}?" if best else f"`spec explain {one.path}` lists what there is"


def _instead(value: Any, takes: Parameter) -> str:
    if takes.needs_object:
        return OWN_FUNCTION
    if not isinstance(value, str):
        return ""
    best = nearest(value, takes.choices())
    if best is not None:
        return f"did you mean {best!r}?"
    plain = _unquoted(value)
    return f"write {shown(plain)}, without quotes" if takes.accepts(plain) else ""


def _unquoted(text: str) -> Any:
    """What the text would have been without quotes, or as Python writes it; itself otherwise."""
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


RULES: Final = (parameters_are_the_estimators,)
