"""Features whose values are too large to calculate with, named: estimators say only "NaN"."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_spec.runtime.refusal import Refusal

# The square of what is larger is not a number of 64 bits any more.
LARGEST: Final = float(np.sqrt(np.finfo(np.float64).max))


Numbers = npt.NDArray[np.float64]


def require_scalable(features: pd.DataFrame) -> None:
    """`Refusal` MLS707 where a feature's mean or variance overflows, so that it cannot be scaled.

    Unseen, the whole feature would become NaN: some estimators refuse that, others learn nothing.
    """
    named = [name for name, values in _numbers(features) if not _has_spread(values)]
    if named:
        raise Refusal(
            "MLS707",
            f"the feature {said_of(features, named[0])}: scaling it overflows, as its squares are "
            f"beyond {np.finfo(np.float64).max:.2g}",
            "correct the data, refuse such rows with `min` and `max` of the column, or take an "
            "estimator whose features are not scaled: sklearn.ensemble.HistGradientBoosting…",
            tuple(f"also the feature {said_of(features, name)}" for name in named[1:]),
        )


def enormous(features: pd.DataFrame) -> str:
    """The feature with the largest value of which no square can be taken; "" where none has one."""
    largest = {name: np.nanmax(np.abs(values), initial=0.0) for name, values in _numbers(features)}
    worst = max(largest, key=lambda name: largest[name], default=None)
    return said_of(features, worst) if worst is not None and largest[worst] > LARGEST else ""


def said_of(features: pd.DataFrame, name: str) -> str:
    """A feature with the value of it that is farthest from 0."""
    values = features[name].to_numpy(dtype=np.float64)
    return f"{name!r} holds {values[np.nanargmax(np.abs(values))]:.3g}"


def _numbers(features: pd.DataFrame) -> list[tuple[str, Numbers]]:
    return [
        (str(name), values.to_numpy(dtype=np.float64))
        for name, values in features.items()
        if pd.api.types.is_numeric_dtype(values.dtype)
    ]


def _has_spread(values: Numbers) -> bool:
    known = values[~np.isnan(values)]
    with np.errstate(over="ignore", invalid="ignore"):
        return known.size == 0 or bool(np.isfinite(known.var()))
