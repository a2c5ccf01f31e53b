"""Predictions against the truth, and how the errors lie, also in time."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.page.markup import number, text
from mlops_spec.runtime.page.plot import figure, legend, plot, svg
from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.judged import Judged

_CELLS: Final = 44
_BARS: Final = 40
_PERIODS: Final = 40
_LEAST_IN_PERIOD: Final = 5
# What is beyond these quantiles would push everything else into a corner.
_INNER: Final = (0.002, 0.998)


def regression(found: Recorded, judged: Judged) -> str:
    """The figures."""
    errors = np.asarray(judged.scores - judged.truth, dtype=np.float64)
    drawn = _against(judged) + _histogram(errors)
    return drawn + (_in_time(errors, found.times) if found.times is not None else "")


def _against(judged: Judged) -> str:
    """Rows in cells, the darker the more (a scatter of many rows is one blot)."""
    truth, said = judged.truth.astype(np.float64), judged.scores
    low, high = _span(np.concatenate([truth, said]))
    edges = np.linspace(low, high, _CELLS + 1)
    counts, _, _ = np.histogram2d(truth.clip(low, high), said.clip(low, high), bins=(edges, edges))
    most = math.log1p(float(counts.max())) or 1.0
    plane = plot((low, high), (low, high), ("truth", "prediction"))
    cells = "".join(
        plane.box(
            (float(edges[row]), float(edges[row + 1])),
            (float(edges[column]), float(edges[column + 1])),
            f"cell d{math.ceil(8 * math.log1p(float(counts[row, column])) / most)}",
        )
        for row, column in zip(*np.nonzero(counts), strict=True)
    )
    drawn = plane.rules() + cells + plane.path([(low, low), (high, high)], "chance")
    note = f"{len(truth):,} rows in cells, stronger is more (logarithmic); on the line it is right."
    return figure(svg(drawn, "predictions against the truth"), "Prediction and truth", text(note))


def _histogram(errors: Floats) -> str:
    low, high = _span(errors)
    counts, edges = np.histogram(errors.clip(low, high), np.linspace(low, high, _BARS + 1))
    shares = counts / len(errors)
    plane = plot((low, high), (0, float(shares.max()) * 1.05 or 1.0), ("error", "share of rows"))
    bars = "".join(
        plane.box((float(edges[i]), float(edges[i + 1])), (0, float(share)), "bar now")
        for i, share in enumerate(shares)
        if share
    )
    middle = number(float(np.median(errors)))
    ends = " to ".join(number(float(end)) for end in np.quantile(errors, [0.05, 0.95]))
    drawn = plane.rules() + bars + plane.upright(0.0, "cut")
    note = f"Prediction less truth: median {middle}, nine of ten from {ends}."
    return figure(svg(drawn, "errors"), "Errors", text(note))


def _in_time(errors: Floats, times: pd.Series) -> str:
    """Median and the middle 80 % of the errors, period by period of equally many rows."""
    known = times.notna().to_numpy()
    if known.sum() < 2 * _LEAST_IN_PERIOD:
        return ""
    # In nanoseconds, whatever the rows were stored in: a file of text is read in microseconds.
    stamps = pd.to_datetime(times[known], utc=True).dt.as_unit("ns")
    moments = stamps.astype("int64").to_numpy()
    order = np.argsort(moments, kind="stable")
    periods = np.array_split(order, min(_PERIODS, len(order) // _LEAST_IN_PERIOD))
    here = errors[known]
    at = [float(moments[rows].mean()) for rows in periods]
    low, middle, high = np.array([np.quantile(here[rows], [0.1, 0.5, 0.9]) for rows in periods]).T
    plane = plot((at[0], at[-1]), _span(np.concatenate([low, high, [0.0]])), ("time", "error"))
    upper, lower, line = (
        [(x, float(y)) for x, y in zip(at, values, strict=True)] for values in (high, low, middle)
    )
    ticks = [(x, f"{pd.Timestamp(int(x), tz='UTC'):%Y-%m-%d}") for x in _thirds(at)]
    drawn = plane.rules(across=ticks) + plane.path([(at[0], 0.0), (at[-1], 0.0)], "chance")
    drawn += plane.area(upper, lower, "band") + plane.path(line, "curve now")
    note = (
        f"{len(periods)} periods of equally many rows. A line that leaves 0 is a model that ages."
    )
    named = legend(("now", "median"), ("band", "eight of ten"))
    return figure(svg(drawn, "errors in time"), "Errors in time", note, named)


def _thirds(at: list[float]) -> list[float]:
    span = at[-1] - at[0]
    return [at[0] + span * share for share in (0.12, 0.5, 0.88)]


def _span(values: Floats) -> tuple[float, float]:
    low, high = (float(end) for end in np.quantile(values, _INNER))
    return (low, high) if high > low else (low - 1.0, high + 1.0)
