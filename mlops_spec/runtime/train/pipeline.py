"""The scikit-learn pipeline of a Recipe: imputing, encoding, any estimator by dotted path."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from mlops_spec.runtime.declare import Dataset, Recipe, Task
from mlops_spec.runtime.dotted import named
from mlops_spec.runtime.refusal import Refusal, gist
from mlops_spec.runtime.train.parameters import (
    parameters_of,
    require_known,
    require_taken,
    required_by,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# Threads of scikit-learn spin while they wait: beside one busy process a fit of 1 s took over 15 s.
# OpenMP reads this when scikit-learn is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# More values of one column than this are folded into one; what is folded is rare.
ONE_HOT_VALUES: Final = 50
# HistGradientBoosting bins a column into 255 values at most.
ORDINAL_VALUES: Final = 254
# What says otherwise than the recipe's seed, in scikit-learn and in boosters.
_SEEDS: Final = frozenset({"random_state", "seed", "random_seed"})


def features_of(rows: pd.DataFrame, dataset: Dataset, recipe: Recipe) -> pd.DataFrame:
    """What the pipeline is given: numbers as float64 (NaN missing), text as objects (None missing).

    Booleans are 0 and 1, times are seconds since 1970.
    """
    kinds = {name: dataset.column(name).type for name in recipe.features}
    return pd.DataFrame({name: _feature(rows[name], kind) for name, kind in kinds.items()})


def _feature(values: pd.Series, kind: str) -> pd.Series:
    match kind:
        case "category":
            return values.astype(object).where(values.notna(), None)
        case "timestamp":
            return (values - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
        case _:
            return values.astype("float64")


def pipeline_of(dataset: Dataset, recipe: Recipe) -> Pipeline:
    """The unfitted pipeline. `Refusal` MLS707 when the estimator cannot be made."""
    from sklearn.pipeline import Pipeline

    text = [name for name in recipe.features if dataset.column(name).type == "category"]
    numbers = [name for name in recipe.features if name not in text]
    estimator = estimator_of(recipe)
    if _bins_categories(estimator):
        _require_own_categories(recipe)
    return Pipeline([("columns", _columns(numbers, text, estimator)), ("estimator", estimator)])


def _columns(numbers: list[str], text: list[str], estimator: Any) -> Any:
    from sklearn.compose import ColumnTransformer

    if _bins_categories(estimator):
        # These trees take missing values and categories as they are.
        estimator.set_params(categorical_features=list(range(len(text))))
        encoders = [("text", _ordinal(), text), ("numbers", "passthrough", numbers)]
    else:
        encoders = [("text", _one_hot(), text), ("numbers", _scaled(), numbers)]
    return ColumnTransformer([part for part in encoders if part[2]], sparse_threshold=0.0)


def scales_numbers(pipeline: Pipeline) -> bool:
    """Whether numbers are imputed and scaled before they reach the estimator."""
    return not _bins_categories(pipeline[-1])


def _bins_categories(estimator: Any) -> bool:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor)


def _require_own_categories(recipe: Recipe) -> None:
    """MLS336 says it of a spec; here of an estimator that only its import knows for such trees."""
    if "categorical_features" in recipe.params:
        raise Refusal(
            "MLS707",
            f"{recipe.estimator} is told its `categorical_features` by the types of the columns",
            "remove it from `train.params`; declare `type: category` in the Dataset",
        )


def _ordinal() -> Any:
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        encoded_missing_value=float("nan"),
        max_categories=ORDINAL_VALUES,
    )


def _one_hot() -> Any:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=ONE_HOT_VALUES, sparse_output=False
    )


def _scaled() -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def estimator_of(recipe: Recipe) -> Any:
    """The estimator with its parameters, and the recipe's seed when it takes one."""
    kind = _maker_of(recipe)
    known = parameters_of(kind)
    require_known(recipe, known)
    params = dict(recipe.params)
    if "random_state" in known.names and not _SEEDS & params.keys():
        params["random_state"] = recipe.seed
    try:
        estimator = kind(**params)
    except Exception as error:
        raise Refusal(
            "MLS707",
            f"{recipe.estimator} refuses its parameters: {gist(error)}",
            "look at `train.params`",
            field=("train", "params"),
        ) from error
    if not _is_estimator(estimator):
        raise Refusal(
            "MLS707",
            f"{recipe.estimator} makes {type(estimator).__name__}, not a scikit-learn estimator",
            "return something with fit and get_params, such as a sklearn.pipeline.Pipeline",
        )
    require_taken(recipe, estimator)
    _require_fit_for(recipe.task, estimator, recipe.estimator)
    return estimator


def _maker_of(recipe: Recipe) -> Any:
    """The estimator's class, or a function that makes one: a whole pipeline of its own, say."""
    found = named(recipe.estimator)
    if inspect.isclass(found) and _is_estimator(found):
        return found
    if inspect.isfunction(found) and required_by(found) <= set(recipe.params):
        return found
    raise Refusal(
        "MLS707",
        f"{recipe.estimator} is not a scikit-learn estimator",
        "name a class with fit and get_params, such as sklearn.linear_model.LogisticRegression",
    )


def _is_estimator(found: Any) -> bool:
    return hasattr(found, "fit") and hasattr(found, "get_params")


_NEEDS: Final[dict[str, str]] = {
    task: f"the task is {task}: take {kind}, such as sklearn.ensemble.{such_as}"
    for task, kind, such_as in (
        ("binary", "a classifier", "HistGradientBoostingClassifier"),
        ("multiclass", "a classifier", "HistGradientBoostingClassifier"),
        ("regression", "a regressor", "HistGradientBoostingRegressor"),
        (
            "ranking",
            "a regressor, whose scores put the rows of a list in order",
            "HistGradientBoostingRegressor",
        ),
    )
}


def _require_fit_for(task: Task, estimator: Any, path: str) -> None:
    from sklearn.base import is_classifier, is_regressor

    match task:
        case "regression" | "ranking":
            if not is_regressor(estimator):
                raise Refusal("MLS707", f"{path} is not a regressor", _NEEDS[task])
        case "binary" | "multiclass":
            if not is_classifier(estimator):
                raise Refusal("MLS707", f"{path} is not a classifier", _NEEDS[task])
            if not hasattr(estimator, "predict_proba"):
                raise Refusal(
                    "MLS707",
                    f"{path} gives no probabilities",
                    "wrap it in sklearn.calibration.CalibratedClassifierCV, or take another; "
                    "SVC has them with probability: true",
                )
