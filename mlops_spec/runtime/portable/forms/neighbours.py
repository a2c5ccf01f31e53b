"""Nearest neighbours, by the distance to every row that was kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlops_spec.runtime.portable.forms.kernels import kept
from mlops_spec.runtime.portable.graph import NoForm, Tensor


def nearest_shares(model: Any, x: Tensor) -> Tensor:
    """KNeighborsClassifier: the weighted shares of classes among the nearest."""
    return _averaged(model, x, np.eye(len(model.classes_))[np.ravel(model._y)])


def nearest_mean(model: Any, x: Tensor) -> Tensor:
    """KNeighborsRegressor."""
    return _averaged(model, x, np.asarray(model._y, dtype=np.float64).reshape(-1, 1))


def _averaged(model: Any, x: Tensor, values: Any) -> Tensor:
    """The weighted mean of `values`, a line for each kept row, over the nearest."""
    apart, places = _distances(model, x).least_first(model.n_neighbors)
    near = places.looked_up(values)  # rows × neighbours × columns
    match model.weights:
        case "uniform":
            return near.sum(axis=1).narrow(1) / float(model.n_neighbors)
        case "distance":
            # Where some are at no distance at all, only they count.
            there = apart.equals(0.0).number()
            weights = there.sum().equals(0.0).where(1.0 / apart, there).wide(2)
            return (near * weights).sum(axis=1).narrow(1) / weights.sum(axis=1).narrow(1)
        case _:
            raise NoForm("weights that are a function")


def _distances(model: Any, x: Tensor) -> Tensor:
    """Squared differences are added up as they are: the binomial formula would blur ties."""
    rows, metric = kept(model._fit_X), _metric(model)
    x.graph.widest = max(x.graph.widest, rows.size)
    apart = x.wide(1) - rows[np.newaxis]
    if metric == "manhattan":
        return apart.of("Abs").sum(axis=2).narrow(2)
    return (apart**2.0).sum(axis=2).narrow(2).of("Sqrt")


def _metric(model: Any) -> str:
    named = str(model.effective_metric_)
    known = {"euclidean": "euclidean", "manhattan": "manhattan", "cityblock": "manhattan"}
    if named == "minkowski":
        named = {1: "manhattan", 2: "euclidean"}.get(model.effective_metric_params_["p"], named)
    if named not in known:
        raise NoForm(f"the metric {named}")
    return known[named]


def within_radius(model: Any, x: Tensor) -> Tensor:
    """RadiusNeighborsRegressor; NaN where nobody is near, as scikit-learn has it."""
    return _within(model, x, np.asarray(model._y, dtype=np.float64).reshape(-1, 1))


def _within(model: Any, x: Tensor, values: Any) -> Tensor:
    if model.weights != "uniform":
        raise NoForm(f"weights by {model.weights}")
    near = _distances(model, x).at_most(float(model.radius)).number()
    return (near @ values) / near.sum()
