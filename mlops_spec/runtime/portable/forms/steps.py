"""Transformers of numbers: imputing, scaling, binning, powers, projections, choosing columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mlops_spec.runtime.portable.forms.curves import quantile
from mlops_spec.runtime.portable.graph import NoForm, Tensor, beside

FUNCTIONS: Final[dict[Any, Callable[[Tensor], Tensor]]] = {
    None: lambda x: x,
    np.log: lambda x: x.of("Log"),
    np.log1p: lambda x: (x + 1.0).of("Log"),
    np.exp: lambda x: x.of("Exp"),
    np.expm1: lambda x: x.of("Exp") - 1.0,
    np.sqrt: lambda x: x.of("Sqrt"),
    np.square: lambda x: x * x,
    np.abs: lambda x: x.of("Abs"),
}


def imputed(step: Any, x: Tensor) -> Tensor:
    """SimpleImputer; columns that were empty in training are left out, as it does."""
    if not (isinstance(step.missing_values, float) and np.isnan(step.missing_values)):
        raise NoForm(f"missing values written as {step.missing_values!r}")
    fill = np.asarray(step.statistics_, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(fill))
    some = x if len(known) == len(fill) else x.columns(known)
    filled = some.of("IsNaN").where(fill[known], some)
    return beside([filled, indicated(step.indicator_, x)]) if step.add_indicator else filled


def indicated(step: Any, x: Tensor) -> Tensor:
    """MissingIndicator."""
    if not len(step.features_):
        raise NoForm("an indicator of no column")
    return x.columns(step.features_).of("IsNaN").number()


def standardised(step: Any, x: Tensor) -> Tensor:
    """StandardScaler."""
    centred = x - step.mean_ if step.with_mean else x
    return centred / step.scale_ if step.with_std else centred


def robust(step: Any, x: Tensor) -> Tensor:
    """RobustScaler."""
    centred = x - step.center_ if step.with_centering else x
    return centred / step.scale_ if step.with_scaling else centred


def ranged(step: Any, x: Tensor) -> Tensor:
    """MinMaxScaler."""
    scaled = x * step.scale_ + step.min_
    low, high = step.feature_range
    return _clipped(scaled, float(low), float(high)) if step.clip else scaled


def largest_one(step: Any, x: Tensor) -> Tensor:
    """MaxAbsScaler."""
    scaled = x / step.scale_
    return _clipped(scaled, -1.0, 1.0) if getattr(step, "clip", False) else scaled


def _clipped(x: Tensor, low: float, high: float) -> Tensor:
    return x.raised_to(low).lowered_to(high)


def normalised(step: Any, x: Tensor) -> Tensor:
    """Normalizer: each row by its length."""
    match step.norm:
        case "l1":
            length = x.of("Abs").sum()
        case "l2":
            length = (x * x).sum().of("Sqrt")
        case _:
            length = x.of("Abs").max()
    return x / length.equals(0.0).where(1.0, length)


def binary(step: Any, x: Tensor) -> Tensor:
    """Binarizer."""
    return x.above(float(step.threshold)).number()


def in_bins(step: Any, x: Tensor) -> Tensor:
    """KBinsDiscretizer: the number of the bin, or a column for each bin."""
    each = []
    for place, edges in enumerate(step.bin_edges_):
        column = x.columns([place])
        inner = np.asarray(edges[1:-1], dtype=np.float64)
        number = column.at_least(inner).number().sum() if len(inner) else column * 0.0
        bins = np.arange(len(edges) - 1, dtype=np.float64)
        each.append(number if step.encode == "ordinal" else number.equals(bins).number())
    return beside(each)


def products(step: Any, x: Tensor) -> Tensor:
    """PolynomialFeatures: each is one column times an earlier product."""
    found: dict[tuple[int, ...], Tensor] = {}

    def product(powers: tuple[int, ...]) -> Tensor:
        if powers not in found:
            found[powers] = _product(powers, x, product)
        return found[powers]

    return beside([product(tuple(map(int, powers))) for powers in step.powers_])


def _product(
    powers: tuple[int, ...], x: Tensor, product: Callable[[tuple[int, ...]], Tensor]
) -> Tensor:
    used = [place for place, power in enumerate(powers) if power]
    if not used:
        return x.ones()
    last = x.columns([used[-1]])
    if sum(powers) == 1:
        return last
    less = list(powers)
    less[used[-1]] -= 1
    return product(tuple(less)) * last


def projected(step: Any, x: Tensor) -> Tensor:
    """PCA and IncrementalPCA."""
    found = (x - step.mean_) @ step.components_.T
    if not step.whiten:
        return found
    scale = np.sqrt(step.explained_variance_)
    return found / np.maximum(scale, np.finfo(scale.dtype).eps)


def multiplied(step: Any, x: Tensor) -> Tensor:
    """TruncatedSVD and random projections."""
    components = step.components_
    dense = components.toarray() if hasattr(components, "toarray") else components
    return x @ np.asarray(dense, dtype=np.float64).T


def chosen(step: Any, x: Tensor) -> Tensor:
    """Any choice of columns."""
    return x.columns(np.flatnonzero(step.get_support()))


def applied(step: Any, x: Tensor) -> Tensor:
    """FunctionTransformer of a function of numpy."""
    from sklearn.utils import check_array

    if getattr(step.func, "func", None) is check_array:
        return x  # HistGradientBoosting looks at the columns that it does not encode
    if step.func not in FUNCTIONS or step.kw_args:
        raise NoForm(f"the function {getattr(step.func, '__name__', 'that was given')}")
    return FUNCTIONS[step.func](x)


def powered(step: Any, x: Tensor) -> Tensor:
    """PowerTransformer."""
    transform = _yeo_johnson if step.method == "yeo-johnson" else _box_cox
    each = [transform(x.columns([at]), float(power)) for at, power in enumerate(step.lambdas_)]
    found = beside(each)
    return standardised(step._scaler, found) if step.standardize else found


def _yeo_johnson(x: Tensor, power: float) -> Tensor:
    above, below = x.raised_to(0.0) + 1.0, 1.0 - x.lowered_to(0.0)
    positive = above.of("Log") if power == 0 else (above**power - 1.0) / power
    other = 2.0 - power
    negative = -below.of("Log") if other == 0 else -((below**other - 1.0) / other)
    return x.at_least(0.0).where(positive, negative)


def _box_cox(x: Tensor, power: float) -> Tensor:
    return x.of("Log") if power == 0 else (x**power - 1.0) / power


def ranked(step: Any, x: Tensor) -> Tensor:
    """QuantileTransformer to a uniform distribution."""
    if step.output_distribution != "uniform":
        raise NoForm(f"quantiles of a {step.output_distribution} distribution")
    columns = range(step.quantiles_.shape[1])
    return beside(
        [quantile(x.columns([at]), step.quantiles_[:, at], step.references_) for at in columns]
    )


def numbered(step: Any, x: Tensor) -> Tensor:
    """OrdinalEncoder of numbers: the place of the value, or the number that stands for others."""
    other = step.unknown_value if step.handle_unknown == "use_encoded_value" else np.nan
    each = []
    for place, categories in enumerate(step.categories_):
        column, known = x.columns([place]), _numbers(categories)
        same = column.equals(known).number()
        code = same @ np.arange(len(known), dtype=np.float64).reshape(-1, 1)
        found = same.sum().above(0.0).where(code, float(other))
        if len(known) < len(categories):
            found = column.of("IsNaN").where(float(step.encoded_missing_value), found)
        each.append(found)
    return beside(each)


def one_hot(step: Any, x: Tensor) -> Tensor:
    """OneHotEncoder of numbers."""
    if (
        step.drop is not None
        or step._infrequent_enabled
        or any(_has_missing(known) for known in step.categories_)
    ):
        raise NoForm("a OneHotEncoder of numbers that drops or merges values")
    columns = enumerate(step.categories_)
    return beside([x.columns([at]).equals(_numbers(known)).number() for at, known in columns])


def _has_missing(categories: Any) -> bool:
    return len(_numbers(categories)) < len(categories)


def _numbers(categories: Any) -> Any:
    """The categories that are numbers; the missing one stands last."""
    known = np.asarray(categories)
    if known.dtype.kind not in "iufb":
        raise NoForm("categories that are not numbers")
    return known[~np.isnan(known.astype(np.float64))].astype(np.float64)
