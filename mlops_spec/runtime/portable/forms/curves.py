"""Functions of one column that are given by points."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlops_spec.runtime.portable.graph import Tensor


def interpolated(x: Tensor, at: Any, values: Any) -> Tensor:
    """Straight lines between points, and the outer values beyond them; `x` is rows × 1."""
    at, values = np.asarray(at, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(at) == 1:
        return x.ones() * float(values[0])
    inside = x.raised_to(at[0]).lowered_to(at[-1])
    return _on_line(inside, inside.above(at[1:-1]), at, (values[:-1], values[1:]))


def _on_line(x: Tensor, passed: Tensor, at: Any, ends: tuple[Any, Any]) -> Tensor:
    """On the line whose number is the count of inner points that were passed."""
    number = passed.number().sum().whole()
    start, low = (number.looked_up(table).narrow(2) for table in (at[:-1, None], ends[0][:, None]))
    slope = number.looked_up(((ends[1] - ends[0]) / np.diff(at))[:, None]).narrow(2)
    return slope * (x - start) + low


def quantile(x: Tensor, quantiles: Any, marks: Any) -> Tensor:
    """The share of training values below, as QuantileTransformer reads it.

    A value that stands at several quantiles gets the mean of the first and the last.
    """
    at = np.unique(quantiles)
    if len(at) == 1:
        return x.above(at[0]).number()
    first = marks[np.searchsorted(quantiles, at, side="left")]
    last = marks[np.searchsorted(quantiles, at, side="right") - 1]
    ends = last[:-1], first[1:]
    inside = x.raised_to(at[0]).lowered_to(at[-1])
    low = _on_line(inside, inside.above(at[1:-1]), at, ends)
    high = _on_line(inside, inside.at_least(at[1:-1]), at, ends)
    mean = (low + high) / 2.0
    return x.at_most(at[0]).where(0.0, x.at_least(at[-1]).where(1.0, mean))
