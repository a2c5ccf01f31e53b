"""Estimators that are made of others: averages, votes, stacks, searches, calibrations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np

from mlops_spec.runtime.portable.forms import forests
from mlops_spec.runtime.portable.forms.curves import interpolated
from mlops_spec.runtime.portable.forms.ensembles import written
from mlops_spec.runtime.portable.graph import NoForm, Tensor, beside, both, shares, total

_TREES: Final = ("DecisionTree", "ExtraTree")
# The inverse of a target's transformation, where scikit-learn was given it as a numpy function.
_UNDONE: Final[dict[Any, Callable[[Tensor], Tensor]]] = {
    np.exp: lambda y: y.of("Exp"),
    np.expm1: lambda y: y.of("Exp") - 1.0,
    np.log: lambda y: y.of("Log"),
    np.log1p: lambda y: (y + 1.0).of("Log"),
    np.sqrt: lambda y: y.of("Sqrt"),
    np.square: lambda y: y**2.0,
}


class Forms(Protocol):
    """How the parts of an estimator are written. `NoForm` for one that cannot be."""

    def shares(self, model: Any, x: Tensor) -> Tensor: ...
    def scores(self, model: Any, x: Tensor) -> Tensor: ...
    def prediction(self, model: Any, x: Tensor) -> Tensor: ...
    def transformed(self, step: Any, x: Tensor) -> Tensor: ...


def chained(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """The steps of a pipeline before its last."""
    for _, step in model.steps[:-1]:
        x = forms.transformed(step, x)
    return x


def chained_whole(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """A pipeline that is a step itself."""
    for _, step in model.steps:
        x = forms.transformed(step, x)
    return x


def united(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """FeatureUnion."""
    weights = model.transformer_weights or {}
    parts = [
        _weighted_by(forms.transformed(step, x), weights.get(name))
        for name, step in model.transformer_list
        if step != "drop"
    ]
    return beside(parts)


def _weighted_by(x: Tensor, weight: float | None) -> Tensor:
    return x if weight is None else x * float(weight)


def by_columns(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """ColumnTransformer on a matrix."""
    places = model._transformer_to_input_indices
    weights = model.transformer_weights or {}
    parts = [
        _weighted_by(forms.transformed(step, x.columns(places[name])), weights.get(name))
        for name, step, _ in model.transformers_
        if step != "drop" and len(places[name])
    ]
    return beside(parts)


def histogram(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """HistGradientBoosting with its own encoding of categories, if it has one."""
    form = forests.histogram_shares if hasattr(model, "classes_") else forests.histogram_mean
    return written(form(model), boosting_columns(model, x, forms))


def boosting_columns(model: Any, x: Tensor, forms: Forms) -> Tensor:
    own = model._preprocessor
    return x if own is None else forms.transformed(own, x)


def _of_trees(parts: Sequence[Any]) -> bool:
    return all(
        type(part).__name__.startswith(_TREES) and type(part).__module__.startswith("sklearn.")
        for part in parts
    )


def bagged_shares(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """The mean of the probabilities; a part may not have met every class."""
    if _of_trees(model.estimators_):
        return written(forests.bagged_shares(model), x)
    parts = zip(model.estimators_, model.estimators_features_, strict=True)
    said = [_spread(part, forms.shares(part, x.columns(places)), model) for part, places in parts]
    return total(said) / float(len(said))


def _spread(part: Any, said: Tensor, model: Any) -> Tensor:
    """Probabilities of the classes that a part has met, among all."""
    if len(part.classes_) == len(model.classes_):
        return said
    at = np.zeros((len(part.classes_), len(model.classes_)))
    at[np.arange(len(part.classes_)), np.asarray(part.classes_, dtype=np.int64)] = 1.0
    return said @ at


def bagged_mean(model: Any, x: Tensor, forms: Forms) -> Tensor:
    if _of_trees(model.estimators_):
        return written(forests.bagged_mean(model), x)
    parts = zip(model.estimators_, model.estimators_features_, strict=True)
    said = [forms.prediction(part, x.columns(places)) for part, places in parts]
    return total(said) / float(len(said))


def adaptive_scores(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """AdaBoostClassifier: the weighted votes of its parts."""
    if _of_trees(model.estimators_):
        return forests.adaptive_scores(model, x)
    classes, weights = model.n_classes_, model.estimator_weights_
    votes = []
    for part, weight in zip(model.estimators_, weights, strict=False):
        chosen = _spread(part, _chosen(forms, part, x), model)
        votes.append(chosen * (weight * classes / (classes - 1)) - weight / (classes - 1))
    raw = total(votes) / float(weights.sum())
    return raw @ np.array([[-1.0], [1.0]]) if classes == 2 else raw


def _chosen(forms: Forms, part: Any, x: Tensor) -> Tensor:
    """1 at the class that a part decides for, 0 at the others."""
    try:
        said = forms.shares(part, x)
    except NoForm:
        raw = forms.scores(part, x)
        said = both(raw.of("Sigmoid")) if len(part.classes_) == 2 else raw
    return said.best().equals(np.arange(len(part.classes_))).number()


def adaptive_shares(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """AdaBoostClassifier's probabilities, from its votes."""
    raw, classes = adaptive_scores(model, x, forms), model.n_classes_
    if classes == 2:
        return (beside([-raw, raw]) / 2.0).softmax()
    return (raw / float(classes - 1)).softmax()


def adaptive_median(model: Any, x: Tensor, forms: Forms) -> Tensor:
    if _of_trees(model.estimators_):
        return forests.adaptive_median(model, x)
    said = beside([forms.prediction(part, x) for part in model.estimators_])
    return forests.weighted_median(said, model.estimator_weights_)


def voted_shares(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """The weighted mean of probabilities."""
    return _weighted([forms.shares(part, x) for part in model.estimators_], model)


def voted_mean(model: Any, x: Tensor, forms: Forms) -> Tensor:
    return _weighted([forms.prediction(part, x) for part in model.estimators_], model)


def _weighted(said: Sequence[Tensor], model: Any) -> Tensor:
    weights = model._weights_not_none
    if weights is None:
        return total(said) / float(len(said))
    parts = [part * float(weight) for part, weight in zip(said, weights, strict=True)]
    return total(parts) / float(sum(weights))


def stacked(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """What the final estimator of a stack is given."""
    said = [
        _response(forms, part, method, x)
        for part, method in zip(model.estimators_, model.stack_method_, strict=True)
    ]
    return beside([*said, x] if model.passthrough else said)


def _response(forms: Forms, part: Any, method: str, x: Tensor) -> Tensor:
    if method == "decision_function":
        return forms.scores(part, x)
    if method != "predict_proba":
        if hasattr(part, "classes_"):
            raise NoForm(f"a stack of the decisions of {type(part).__name__}")
        return forms.prediction(part, x)
    said = forms.shares(part, x)
    return said.columns([1]) if len(part.classes_) == 2 else said


def one_against_rest(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """A classifier for each class, its probabilities normalised."""
    if model.multilabel_:
        raise NoForm("several labels at once")
    said = [forms.shares(part, x).columns([1]) for part in model.estimators_]
    return both(said[0]) if len(said) == 1 else _normalised(beside(said))


def _normalised(weights: Tensor) -> Tensor:
    return weights / weights.sum()


def calibrated(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """The mean of calibrated classifiers."""
    parts = [_calibrated(part, x, forms) for part in model.calibrated_classifiers_]
    return total(parts) / float(len(parts))


def _calibrated(part: Any, x: Tensor, forms: Forms) -> Tensor:
    classes = len(part.classes)
    if len(part.estimator.classes_) != classes:
        raise NoForm("a calibrated classifier that has not met every class")
    said = _uncalibrated(part.estimator, x, forms)
    if part.method == "temperature":
        raise NoForm("calibration by temperature")
    each = [
        _calibrator(calibrator, said.columns([place]))
        for place, calibrator in enumerate(part.calibrators)
    ]
    return both(each[0]) if classes == 2 else shares(beside(each))


def _uncalibrated(model: Any, x: Tensor, forms: Forms) -> Tensor:
    if hasattr(model, "decision_function"):
        return forms.scores(model, x)
    return _response(forms, model, "predict_proba", x)


def _calibrator(calibrator: Any, said: Tensor) -> Tensor:
    if type(calibrator).__name__ == "_SigmoidCalibration":
        return (-(said * float(calibrator.a_) + float(calibrator.b_))).of("Sigmoid")
    return isotonic(calibrator, said)


def isotonic(model: Any, x: Tensor) -> Tensor:
    """IsotonicRegression: straight lines between its thresholds."""
    if model.out_of_bounds != "clip":
        raise NoForm(f"out of bounds: {model.out_of_bounds}")
    return interpolated(x, model.X_thresholds_, model.y_thresholds_)


def back_transformed(model: Any, x: Tensor, forms: Forms) -> Tensor:
    """A regressor of a transformed target."""
    said = forms.prediction(model.regressor_, x)
    step = model.transformer_
    name = type(step).__name__
    if name == "FunctionTransformer":
        if step.inverse_func is None:
            return said
        if step.inverse_func not in _UNDONE:
            raise NoForm(f"the inverse {getattr(step.inverse_func, '__name__', 'function')}")
        return _UNDONE[step.inverse_func](said)
    if name == "StandardScaler":
        scaled = said if step.scale_ is None else said * step.scale_
        return scaled if step.mean_ is None else scaled + step.mean_
    raise NoForm(f"a target transformed by {name}")
