"""Models whose answer is a weighted sum of the columns, and what is made of it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlops_spec.runtime.portable.graph import NoForm, Tensor, both, shares

_ACTIVATIONS: Final = {"logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu"}


def weighted(model: Any, x: Tensor) -> Tensor:
    """`x @ coef_ + intercept_`, a column for each line of `coef_`."""
    coefficients = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    return x @ coefficients.T + np.ravel(np.asarray(model.intercept_, dtype=np.float64))


def exponential(model: Any, x: Tensor) -> Tensor:
    """Generalised linear models: the inverse link of the weighted sum."""
    link = type(model._base_loss.link).__name__
    if link not in ("LogLink", "IdentityLink"):
        raise NoForm(f"the link {link}")
    raw = weighted(model, x)
    return raw.of("Exp") if link == "LogLink" else raw


def centred(model: Any, x: Tensor) -> Tensor:
    """Partial least squares and canonical correlation."""
    return weighted(model, x - model._x_mean)


def logistic(model: Any, x: Tensor) -> Tensor:
    """Sigmoid of two classes, softmax of more."""
    raw = weighted(model, x)
    return both(raw.of("Sigmoid")) if len(model.classes_) == 2 else raw.softmax()


def gradient_descent(model: Any, x: Tensor) -> Tensor:
    """SGDClassifier: each class against the rest, normalised."""
    raw = weighted(model, x)
    match model.loss:
        case "log_loss":
            each = raw.of("Sigmoid")
        case "modified_huber":
            each = (raw.raised_to(-1.0).lowered_to(1.0) + 1.0) / 2.0
        case _:
            raise NoForm(f"the loss {model.loss}")
    return both(each) if len(model.classes_) == 2 else shares(each)


def network(model: Any, x: Tensor) -> Tensor:
    """A multi-layer perceptron: probabilities of a classifier, predictions of a regressor."""
    *hidden, last = zip(model.coefs_, model.intercepts_, strict=True)
    for weights, offset in hidden:
        x = x @ weights + offset
        x = x if model.activation == "identity" else x.of(_ACTIVATIONS[model.activation])
    raw = x @ last[0] + last[1]
    match model.out_activation_:
        case "identity":
            return raw
        case "logistic":
            return both(raw.of("Sigmoid"))
        case "softmax":
            return raw.softmax()
        case other:
            raise NoForm(f"the output {other}")
