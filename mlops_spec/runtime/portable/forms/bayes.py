"""Models that compare the likelihood of a row under each class."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlops_spec.runtime.portable.graph import NoForm, Tensor, beside, total


def gaussian(model: Any, x: Tensor) -> Tensor:
    """A normal distribution for each column and class."""
    constants = np.log(model.class_prior_) - 0.5 * np.log(2.0 * np.pi * model.var_).sum(axis=1)
    away = [
        ((x - centre) ** 2.0 / spread).sum()
        for centre, spread in zip(model.theta_, model.var_, strict=True)
    ]
    return (beside(away) * -0.5 + constants).softmax()


def multinomial(model: Any, x: Tensor) -> Tensor:
    return (x @ model.feature_log_prob_.T + model.class_log_prior_).softmax()


def complement(model: Any, x: Tensor) -> Tensor:
    return (x @ model.feature_log_prob_.T).softmax()


def bernoulli(model: Any, x: Tensor) -> Tensor:
    """Each column is there or not, by the model's own threshold."""
    there = x if model.binarize is None else x.above(float(model.binarize)).number()
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    weights = (model.feature_log_prob_ - absent).T
    return (there @ weights + (model.class_log_prior_ + absent.sum(axis=1))).softmax()


def categorical(model: Any, x: Tensor) -> Tensor:
    """A table for each column; the value is the line."""
    looked_up = [
        x.columns([place]).whole().narrow(1).looked_up(table.T)
        for place, table in enumerate(model.feature_log_prob_)
    ]
    return (total(looked_up) + model.class_log_prior_).softmax()


def quadratic(model: Any, x: Tensor) -> Tensor:
    """A normal distribution for each class, each with its own shape."""
    away = [
        ((x - centre) @ (turned * scales**-0.5)) ** 2.0
        for centre, turned, scales in zip(
            model.means_, model.rotations_, model.scalings_, strict=True
        )
    ]
    sizes = np.array([np.sum(np.log(scales)) for scales in model.scalings_])
    apart = beside([each.sum() for each in away])
    return ((apart + sizes) * -0.5 + np.log(model.priors_)).softmax()


def nearest_centre(model: Any, x: Tensor) -> Tensor:
    """The distance to the centre of each class."""
    if model.metric != "euclidean":
        raise NoForm(f"the metric {model.metric}")
    scale = np.where(model.within_class_std_dev_ != 0, model.within_class_std_dev_, 1.0)
    away = [((x / scale - centre / scale) ** 2.0).sum() for centre in model.centroids_]
    return (-beside(away) + 2.0 * np.log(model.class_prior_)).softmax()
