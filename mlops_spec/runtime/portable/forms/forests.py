"""Ensembles of trees, each as one list of trees with leaves that add up to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from mlops_spec.runtime.portable.forms.ensembles import Ensemble, Link
from mlops_spec.runtime.portable.forms.trees import Tree, binned, grown, summed
from mlops_spec.runtime.portable.graph import NoForm, Tensor

# From raw sum to answer, by the loss that was minimised.
_BOOSTED: Final[dict[str, Link]] = {
    **dict.fromkeys(("squared_error", "absolute_error", "huber", "quantile"), "sum"),
    **dict.fromkeys(("poisson", "gamma"), "exp"),
}


def tree_shares(model: Any) -> Ensemble:
    """The probabilities of one decision tree."""
    classes = range(len(model.classes_))
    return _mean_shares([grown(model.tree_)], [model.tree_], [classes], model.n_features_in_)


def tree_mean(model: Any) -> Ensemble:
    return Ensemble((_valued(model),), model.n_features_in_)


def forest_shares(model: Any) -> Ensemble:
    """The mean of the probabilities that the trees of a forest give."""
    grown_ones = [part.tree_ for part in model.estimators_]
    met = [range(len(model.classes_))] * len(grown_ones)
    return _mean_shares(list(map(grown, grown_ones)), grown_ones, met, model.n_features_in_)


def forest_mean(model: Any) -> Ensemble:
    parts = model.estimators_
    return Ensemble(tuple(map(_valued, parts)), model.n_features_in_, divisor=float(len(parts)))


def bagged_shares(model: Any) -> Ensemble:
    """Bagging of trees, each grown on some of the columns."""
    trees = [
        grown(part.tree_).of(features)
        for part, features in zip(model.estimators_, model.estimators_features_, strict=True)
    ]
    # A bagged tree may not have met every class; it numbers them as the whole does.
    met = [list(map(int, part.classes_)) for part in model.estimators_]
    return _mean_shares(
        trees, [part.tree_ for part in model.estimators_], met, model.n_features_in_
    )


def bagged_mean(model: Any) -> Ensemble:
    """Regression by bagged trees."""
    parts = zip(model.estimators_, model.estimators_features_, strict=True)
    trees = tuple(_valued(part).of(features) for part, features in parts)
    return Ensemble(trees, model.n_features_in_, divisor=float(len(trees)))


def _valued(model: Any, scale: float = 1.0, target: int = 0) -> Tree:
    """A regression tree with its own leaves."""
    return grown(model.tree_).adding(model.tree_.value[:, 0, 0] * scale, target)


def _mean_shares(
    trees: Sequence[Tree], fitted: Sequence[Any], met: Sequence[Sequence[int]], width: int
) -> Ensemble:
    """`met`: the classes of each tree, in the order of its values."""
    classes = 1 + max(map(max, met))
    divisor = float(len(trees))
    weights = []
    for values, known in zip(fitted, met, strict=True):
        weight = np.zeros((len(values.value), classes))
        weight[:, list(known)] = values.value[:, 0, : len(known)]
        weights.append(weight)
    pairs = zip(trees, weights, strict=True)
    if classes == 2:
        seconds = tuple(tree.adding(weight[:, 1]) for tree, weight in pairs)
        return Ensemble(seconds, width, divisor=divisor, link="rest")
    every = tuple(tree.adding(weight) for tree, weight in pairs)
    return Ensemble(every, width, classes, divisor=divisor)


def boosted_shares(model: Any) -> Ensemble:
    """GradientBoostingClassifier."""
    raw = _boosted_sum(model)
    match model.loss:
        case "log_loss" if len(model.classes_) > 2:
            return replace(raw, link="softmax")
        case "log_loss":
            return replace(raw, link="sigmoid")
        case "exponential":
            return replace(raw, slope=2.0, link="sigmoid")
        case other:
            raise NoForm(f"the loss {other}")


def boosted_mean(model: Any) -> Ensemble:
    """GradientBoostingRegressor."""
    return _boosted_sum(model)


def _boosted_sum(model: Any) -> Ensemble:
    if model.init_ != "zero" and type(model.init_).__name__ not in (
        "DummyClassifier", "DummyRegressor",
    ):  # fmt: skip
        raise NoForm(f"starting from {type(model.init_).__name__}")
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))
    trees = tuple(
        _valued(part, model.learning_rate, target)
        for stage in model.estimators_
        for target, part in enumerate(stage)
    )
    targets = model.estimators_.shape[1]
    return Ensemble(trees, model.n_features_in_, targets, start=np.ravel(start))


def histogram_shares(model: Any) -> Ensemble:
    """HistGradientBoostingClassifier, on what its own encoding of categories gives."""
    several = model.n_trees_per_iteration_ > 1
    return replace(_histogram_sum(model), link="softmax" if several else "sigmoid")


def histogram_mean(model: Any) -> Ensemble:
    """HistGradientBoostingRegressor, likewise."""
    if model.loss not in _BOOSTED:
        raise NoForm(f"the loss {model.loss}")
    return replace(_histogram_sum(model), link=_BOOSTED[model.loss])


def _histogram_sum(model: Any) -> Ensemble:
    trees = tuple(
        binned(tree, target)
        for iteration in model._predictors
        for target, tree in enumerate(iteration)
    )
    start = np.ravel(np.asarray(model._baseline_prediction, dtype=np.float64))
    targets = model.n_trees_per_iteration_
    return Ensemble(trees, model.n_features_in_, targets, single=False, start=start)


def adaptive_scores(model: Any, x: Tensor) -> Tensor:
    """AdaBoostClassifier of trees: each adds its weight to the class of its leaf."""
    weights, classes = model.estimator_weights_, model.n_classes_
    trees = []
    for part, weight in zip(model.estimators_, weights, strict=False):
        tree = grown(part.tree_)
        met = np.searchsorted(model.classes_, part.classes_)
        chosen = met[part.tree_.value[:, 0, :].argmax(axis=1)]
        if classes == 2:
            trees.append(tree.adding(np.where(chosen == 1, 2.0, -2.0) * weight))
        else:
            share = weight * (1 + 1 / (classes - 1))
            trees.append(tree.adding(np.full(len(chosen), share), chosen))
    whole = float(weights.sum())
    if classes == 2:
        return summed(x.single(), trees) / whole
    return (summed(x.single(), trees, classes) - whole / (classes - 1)) / whole


def adaptive_median(model: Any, x: Tensor) -> Tensor:
    """AdaBoostRegressor of trees: the weighted median of what they say."""
    trees = [_valued(part, 1.0, place) for place, part in enumerate(model.estimators_)]
    return weighted_median(summed(x.single(), trees, len(trees)), model.estimator_weights_)


def weighted_median(said: Tensor, weights: Any) -> Tensor:
    """Of each line, the least value with half of all weight at or below it."""
    values, places = said.least_first(len(weights))
    below = said.graph.add("CumSum", places.looked_up(weights), np.array(1))
    enough = below.at_least(below.columns([len(weights) - 1]) * 0.5).number()
    return said.graph.add("GatherElements", values, enough.best(), axis=1)
