"""Values too large to calculate with are named, with their column; never "contains NaN"."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from learning import COLUMNS, DATASET, RECIPE, context, put, rows, trained

from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.fitted import FittedModel, load_pipeline
from mlops_spec.runtime.train.overflow import enormous, require_scalable

pytestmark = pytest.mark.filterwarnings("ignore")

UNBOUNDED = replace(DATASET, columns=tuple(replace(c, min=None) for c in COLUMNS))
TREES = "sklearn.ensemble.HistGradientBoostingClassifier"
FOREST = "sklearn.ensemble.RandomForestClassifier"  # takes NaN, and would learn nothing of it


def with_values(root, *values):
    frame = rows()
    frame.loc[5 : 4 + len(values), "distance"] = values
    put(root, frame)
    return context(root)


@pytest.mark.parametrize("estimator", [RECIPE.estimator, FOREST])
@pytest.mark.parametrize(
    ("values", "shown"),
    [((1e308, 1e308), "1e+308"), ((3.0, -1e308), "-1e+308"), ((1e200,), "1e+200")],
)
def test_a_feature_that_cannot_be_scaled_is_named(tmp_path, estimator, values, shown):
    place = with_values(tmp_path, *values)
    with pytest.raises(Refusal) as refused:
        trained(place, UNBOUNDED, replace(RECIPE, estimator=estimator))
    assert (refused.value.code, refused.value.message) == (
        "MLS707",
        f"the feature 'distance' holds {shown}: scaling it overflows, as its squares are beyond "
        "1.8e+308",
    )
    assert "`min` and `max` of the column" in refused.value.help


def test_trees_that_bin_take_them(tmp_path):
    place = with_values(tmp_path, 1e308, -1e308)
    assert trained(place, UNBOUNDED, replace(RECIPE, estimator=TREES))


def test_every_such_feature_is_named():
    frame = pd.DataFrame(
        {"a": [1e300, 0.0], "b": [1.0, np.nan], "c": [0.0, -1e300], "d": ["x", "y"]}
    )
    with pytest.raises(Refusal, match="'a' holds 1e\\+300") as refused:
        require_scalable(frame)
    assert refused.value.details == ("also the feature 'c' holds -1e+300",)
    require_scalable(frame[["b", "d"]])
    require_scalable(pd.DataFrame({"empty": [np.nan, np.nan]}))


def test_when_it_comes_later_the_column_is_named_too(tmp_path):
    class Unable:
        def predict_proba(self, features):
            raise ValueError("Input X contains infinity")

    place = with_values(tmp_path)
    model = load_pipeline(place, trained(place))
    broken = FittedModel(Unable(), model.dataset, model.recipe, model.labels)
    frame = rows(3)
    with pytest.raises(Refusal) as ordinary:
        broken.predict(frame)
    frame.loc[1, "distance"] = -1e308
    with pytest.raises(Refusal, match="cannot predict: Input X contains infinity") as refused:
        broken.predict(frame)
    assert ordinary.value.help == "look at `train.params` and at the features"
    assert refused.value.help == (
        "the feature 'distance' holds -1e+308, which overflows; correct the data, or bound the "
        "column by `min` and `max`"
    )
    assert enormous(pd.DataFrame()) == ""


def test_a_parameter_that_columns_decide_is_refused_of_any_such_estimator(tmp_path):
    place = with_values(tmp_path)
    recipe = replace(RECIPE, estimator=TREES, params={"categorical_features": [0]})
    with pytest.raises(Refusal, match="by the types of the columns"):
        trained(place, recipe=recipe)
