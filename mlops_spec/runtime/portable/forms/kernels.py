"""Models that compare a row with rows they keep: support vectors, kernels, Gaussian processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mlops_spec.runtime.portable.graph import NoForm, Tensor, beside

_Two = tuple[Tensor, Tensor]
_LEAST: Final = 1e-7  # libsvm keeps probabilities away from 0 and 1
_NEAR: Final = 0.005 / 2  # the error of two probabilities at which it stops
_ROUNDS: Final = 2
# More numbers than these make a model of tens of megabytes that is slower than scikit-learn's.
MAX_KEPT: Final = 2_000_000


def kept(rows: Any) -> Any:
    """The rows that a model keeps. `NoForm` when they are too many."""
    found = np.asarray(rows, dtype=np.float64)
    if found.size > MAX_KEPT:
        raise NoForm(f"it keeps {len(found):,} training rows")
    return found


def squared_distances(x: Tensor, rows: Any) -> Tensor:
    """Of each row to each kept one, by the binomial formula."""
    x.graph.widest = max(x.graph.widest, len(rows))
    apart = (x**2.0).sum() + (rows**2.0).sum(axis=1) - (x @ rows.T) * 2.0
    return apart.raised_to(0.0)


_KERNELS: Final[dict[str, Callable[[Tensor, Any, float, float, float], Tensor]]] = {
    "linear": lambda x, rows, *_: x @ rows.T,
    "rbf": lambda x, rows, gamma, *_: (squared_distances(x, rows) * -gamma).of("Exp"),
    "poly": lambda x, rows, gamma, degree, shift: (x @ rows.T * gamma + shift) ** degree,
    "sigmoid": lambda x, rows, gamma, _, shift: (x @ rows.T * gamma + shift).of("Tanh"),
}


def _kernel(name: Any, x: Tensor, rows: Any, *parameters: float) -> Tensor:
    if name not in _KERNELS:
        raise NoForm(f"the kernel {getattr(name, '__name__', name)}")
    x.graph.widest = max(x.graph.widest, len(rows))
    return _KERNELS[name](x, rows, *map(float, parameters))


def supported(model: Any, x: Tensor) -> Tensor:
    """The decision of support vectors: of a regressor, or between two classes."""
    rows = kept(model.support_vectors_)
    seen = _kernel(model.kernel, x, rows, model._gamma, model.degree, model.coef0)
    if len(getattr(model, "classes_", ())) > 2:
        return _each_pair(model, seen @ _of_pairs(model) + model.intercept_)
    return seen @ np.asarray(model.dual_coef_).T + np.ravel(model.intercept_)


def _of_pairs(model: Any) -> Any:
    """Support vectors × pairs of classes: what each vector weighs between the two.

    A line of `dual_coef_` is what the vectors of a class weigh against one of the others.
    """
    ends = np.cumsum(model.n_support_)
    starts, classes = ends - model.n_support_, len(ends)
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    weights = np.zeros((ends[-1], len(pairs)))
    for column, (i, j) in enumerate(pairs):
        of_i, of_j = slice(starts[i], ends[i]), slice(starts[j], ends[j])
        weights[of_i, column] = model.dual_coef_[j - 1, of_i]
        weights[of_j, column] = model.dual_coef_[i, of_j]
    return weights


def _each_pair(model: Any, decided: Tensor) -> Tensor:
    """The votes of all pairs, ties broken by how sure they are (decision_function_shape ovr)."""
    if model.decision_function_shape != "ovr" or model.break_ties:
        raise NoForm("support vectors that decide between each two classes")
    classes = len(model.classes_)
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    first, second = (np.array([[pair[side] == c for c in range(classes)] for pair in pairs], float)
                     for side in (0, 1))  # fmt: skip
    lost = decided.below(0.0).number()
    votes = (1.0 - lost) @ first + lost @ second
    sure = decided @ (first - second)
    return votes + sure / ((sure.of("Abs") + 1.0) * 3.0)


def supported_shares(model: Any, x: Tensor) -> Tensor:
    """What libsvm makes of the decision between two classes, with probability=True.

    Source: Wu, Lin and Weng 2004, algorithm 2, which stops as soon as it is near enough; between
    two classes that is after two rounds at most.
    """
    if len(model.classes_) > 2:
        raise NoForm("probability=True of more than two classes; CalibratedClassifierCV has a form")
    raw = -supported(model, x)
    first = (-(raw * float(model.probA_[0]) + float(model.probB_[0]))).of("Sigmoid")
    first = first.raised_to(_LEAST).lowered_to(1.0 - _LEAST)
    second = 1.0 - first
    across = -(first * second)
    squares = second * second, first * first
    shares = (x.ones() * 0.5, x.ones() * 0.5)
    for _ in range(_ROUNDS):
        shares = _nearer(shares, squares, across)
    return beside(shares)


def _nearer(shares: _Two, squares: _Two, across: Tensor) -> _Two:
    """One round, where it is still needed."""
    own = [squares[0] * shares[0] + across * shares[1], across * shares[0] + squares[1] * shares[1]]
    mean = shares[0] * own[0] + shares[1] * own[1]
    off = [(each - mean).of("Abs") for each in own]
    enough = off[0].graph.add("Max", *off).below(_NEAR)
    found = list(shares)
    for at in (0, 1):
        step = (mean - own[at]) / squares[at]
        found[at] = found[at] + step
        whole = step + 1.0
        mean = (mean + step * (step * squares[at] + own[at] * 2.0)) / whole / whole
        moved = [squares[0], across] if at == 0 else [across, squares[1]]
        own = [(each + step * by) / whole for each, by in zip(own, moved, strict=True)]
        found = [each / whole for each in found]
    return enough.where(shares[0], found[0]), enough.where(shares[1], found[1])


def ridge(model: Any, x: Tensor) -> Tensor:
    """KernelRidge."""
    rows = kept(model.X_fit_)
    gamma = 1.0 / rows.shape[1] if model.gamma is None else model.gamma
    seen = _kernel(_polynomial(model.kernel), x, rows, gamma, model.degree, model.coef0)
    return seen @ np.asarray(model.dual_coef_).reshape(len(rows), -1)


def _polynomial(name: Any) -> Any:
    return "poly" if name == "polynomial" else name


def process(model: Any, x: Tensor) -> Tensor:
    """GaussianProcessRegressor: the mean."""
    rows = kept(model.X_train_)
    mean = _covariance(model.kernel_, x, rows) @ np.asarray(model.alpha_).reshape(len(rows), -1)
    return mean * np.ravel(model._y_train_std) + np.ravel(model._y_train_mean)


def _covariance(kernel: Any, x: Tensor, rows: Any) -> Tensor:
    """A kernel between new rows and kept ones, which are never the same ones."""
    name = type(kernel).__name__
    if name not in _COVARIANCES:
        raise NoForm(f"the kernel {name}")
    return _COVARIANCES[name](kernel, x, rows)


def _everywhere(x: Tensor, rows: Any, value: float) -> Tensor:
    return x.ones() @ np.full((1, len(rows)), value)


def _rational(kernel: Any, x: Tensor, rows: Any) -> Tensor:
    apart = squared_distances(x, rows) / (2.0 * kernel.alpha * kernel.length_scale**2)
    return (apart + 1.0) ** -kernel.alpha


def _scaled(kernel: Any, x: Tensor, rows: Any) -> Tensor:
    scale = np.asarray(kernel.length_scale, dtype=np.float64)
    return squared_distances(x / scale, rows / scale)


def _matern(kernel: Any, x: Tensor, rows: Any) -> Tensor:
    apart = _scaled(kernel, x, rows).of("Sqrt")
    if kernel.nu == 0.5:
        return (-apart).of("Exp")
    if kernel.nu == 1.5:
        far = apart * np.sqrt(3.0)
        return (far + 1.0) * (-far).of("Exp")
    if kernel.nu == 2.5:
        far = apart * np.sqrt(5.0)
        return (far + 1.0 + far**2.0 / 3.0) * (-far).of("Exp")
    raise NoForm(f"the kernel Matern({kernel.nu})")


_COVARIANCES: Final[dict[str, Callable[[Any, Tensor, Any], Tensor]]] = {
    "ConstantKernel": lambda kernel, x, rows: _everywhere(x, rows, float(kernel.constant_value)),
    "DotProduct": lambda kernel, x, rows: x @ rows.T + float(kernel.sigma_0) ** 2,
    "Matern": _matern,
    "Product": lambda kernel, x, rows: (
        _covariance(kernel.k1, x, rows) * _covariance(kernel.k2, x, rows)
    ),
    "RBF": lambda kernel, x, rows: (_scaled(kernel, x, rows) * -0.5).of("Exp"),
    "RationalQuadratic": _rational,
    "Sum": lambda kernel, x, rows: (
        _covariance(kernel.k1, x, rows) + _covariance(kernel.k2, x, rows)
    ),
    "WhiteKernel": lambda _, x, rows: _everywhere(x, rows, 0.0),
}


def propagated(model: Any, x: Tensor) -> Tensor:
    """LabelPropagation and LabelSpreading: labels of kept rows, weighted by nearness."""
    if model.kernel != "rbf":
        raise NoForm(f"the kernel {model.kernel}")
    near = _kernel("rbf", x, kept(model.X_), model.gamma, 0.0, 0.0)
    weights = near @ model.label_distributions_
    return weights / weights.sum()
