"""Ensembles of trees, each as one list of trees with leaves that add up to the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from mlops_spec.runtime.portable.forms.sets import asked_first
from mlops_spec.runtime.portable.forms.trees import Tree, binned, grown, summed
from mlops_spec.runtime.portable.graph import NoForm, Tensor, beside, both

# From raw sum to answer, by the loss that was minimised.
_BOOSTED: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "squared_error": lambda raw: raw,
    "absolute_error": lambda raw: raw,
    "huber": lambda raw: raw,
    "quantile": lambda raw: raw,
    "poisson": lambda raw: raw.of("Exp"),
    "gamma": lambda raw: raw.of("Exp"),
}


def tree_shares(model: Any, x: Tensor) -> Tensor:
    """The probabilities of one decision tree."""
    classes = range(len(model.classes_))
    return _mean_shares([grown(model.tree_)], [model.tree_], [classes], x.single())


def tree_mean(model: Any, x: Tensor) -> Tensor:
    return summed(x.single(), [_valued(model)])


def forest_shares(model: Any, x: Tensor) -> Tensor:
    """The mean of the probabilities that the trees of a forest give."""
    grown_ones = [part.tree_ for part in model.estimators_]
    met = [range(len(model.classes_))] * len(grown_ones)
    return _mean_shares(list(map(grown, grown_ones)), grown_ones, met, x.single())


def forest_mean(model: Any, x: Tensor) -> Tensor:
    parts = model.estimators_
    return summed(x.single(), map(_valued, parts)) / float(len(parts))


def bagged_shares(model: Any, x: Tensor) -> Tensor:
    """Bagging of trees, each grown on some of the columns."""
    trees = [
        grown(part.tree_).of(features)
        for part, features in zip(model.estimators_, model.estimators_features_, strict=True)
    ]
    # A bagged tree may not have met every class; it numbers them as the whole does.
    met = [list(map(int, part.classes_)) for part in model.estimators_]
    return _mean_shares(trees, [part.tree_ for part in model.estimators_], met, x.single())


def bagged_mean(model: Any, x: Tensor) -> Tensor:
    """Regression by bagged trees."""
    parts = zip(model.estimators_, model.estimators_features_, strict=True)
    trees = [_valued(part).of(features) for part, features in parts]
    return summed(x.single(), trees) / float(len(trees))


def _valued(model: Any, scale: float = 1.0, target: int = 0) -> Tree:
    """A regression tree with its own leaves."""
    return grown(model.tree_).adding(model.tree_.value[:, 0, 0] * scale, target)


def _mean_shares(
    trees: Sequence[Tree], fitted: Sequence[Any], met: Sequence[Sequence[int]], x: Tensor
) -> Tensor:
    """A leaf adds to one class only, so that the trees are written once for each class.

    `met`: the classes of each tree, in the order of its values. Of two classes the first is what
    the second leaves.
    """

    def of_class(number: int) -> Iterator[Tree]:
        for tree, values, known in zip(trees, fitted, met, strict=True):
            has = number in known
            own = values.value[:, 0, known.index(number)] if has else np.zeros(len(tree.left))
            yield tree.adding(own)

    def mean(number: int) -> Tensor:
        return summed(x, of_class(number)) / float(len(trees))

    classes = 1 + max(map(max, met))
    return both(mean(1)) if classes == 2 else beside(list(map(mean, range(classes))))


def boosted_shares(model: Any, x: Tensor) -> Tensor:
    """GradientBoostingClassifier."""
    raw = _boosted_sum(model, x)
    match model.loss:
        case "log_loss" if len(model.classes_) > 2:
            return raw.softmax()
        case "log_loss":
            return both(raw.of("Sigmoid"))
        case "exponential":
            return both((raw * 2.0).of("Sigmoid"))
        case other:
            raise NoForm(f"the loss {other}")


def boosted_mean(model: Any, x: Tensor) -> Tensor:
    """GradientBoostingRegressor."""
    return _boosted_sum(model, x)


def _boosted_sum(model: Any, x: Tensor) -> Tensor:
    if model.init_ != "zero" and type(model.init_).__name__ not in (
        "DummyClassifier", "DummyRegressor",
    ):  # fmt: skip
        raise NoForm(f"starting from {type(model.init_).__name__}")
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))
    trees = (
        _valued(part, model.learning_rate, target)
        for stage in model.estimators_
        for target, part in enumerate(stage)
    )
    return summed(x.single(), trees, model.estimators_.shape[1]) + start


def histogram_shares(model: Any, x: Tensor) -> Tensor:
    """HistGradientBoostingClassifier, on what its own encoding of categories gives."""
    raw = _histogram_sum(model, x)
    return raw.softmax() if model.n_trees_per_iteration_ > 1 else both(raw.of("Sigmoid"))


def histogram_mean(model: Any, x: Tensor) -> Tensor:
    """HistGradientBoostingRegressor, likewise."""
    if model.loss not in _BOOSTED:
        raise NoForm(f"the loss {model.loss}")
    return _BOOSTED[model.loss](_histogram_sum(model, x))


def _histogram_sum(model: Any, x: Tensor) -> Tensor:
    targets = model.n_trees_per_iteration_
    trees = [
        binned(tree, target)
        for iteration in model._predictors
        for target, tree in enumerate(iteration)
    ]
    x, trees = asked_first(x, trees, model.n_features_in_)
    baseline = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1, -1)
    return summed(x, trees, targets) + baseline


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
