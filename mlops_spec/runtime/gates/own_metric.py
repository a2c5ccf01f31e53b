"""A metric of the user's: a function(truth, said) by its dotted path (docs/adr/0058).

It returns one number, or one number a row, of which the mean is taken.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_spec.runtime.declare.gates import Of
from mlops_spec.runtime.dotted import named
from mlops_spec.runtime.refusal import Refusal, gist
from mlops_spec.stats import influence
from mlops_spec.stats.clustered_metrics import clusters_that_count, robust
from mlops_spec.stats.estimate import ALIKE, NO_VARIANCE, Estimate, Floats, flat, unknown
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.loss_difference import by_rows
from mlops_spec.stats.resample import Units, of_clusters, of_rows
from mlops_spec.stats.resampled import method_of_size, resampled

Function = Callable[[npt.NDArray[Any], npt.NDArray[Any]], Any]


class UnusableMetric(Exception):
    """The function cannot be called, or gives what is not a metric; the text says why."""


@dataclass(frozen=True, slots=True)
class Own:
    """A function of the user's, and what it is given beside the truth."""

    path: str
    function: Function
    of: Of

    def of_rows(self, rows: Judged) -> float | Floats:
        """One number, or one a row. `UnusableMetric` for anything else."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = np.asarray(self.function(*given(rows, self.of)), dtype=np.float64)
            # The function is anybody's: whatever it raises is about it, not about us.
            except Exception as error:
                raise UnusableMetric(
                    f"{self.path} fails: {type(error).__name__}: {gist(error)}"
                ) from error
        if found.shape not in {(), (len(rows.truth),)}:
            raise UnusableMetric(
                f"{self.path} returns an array of shape {found.shape}; one number was expected, or "
                f"one for each of {len(rows.truth):,} rows"
            )
        if not np.isfinite(found).all():
            what = "a number" if found.ndim == 0 else "a number for every row"
            raise UnusableMetric(f"{self.path} does not return {what} that is finite")
        return found if found.ndim else float(found)

    def number(self, rows: Judged) -> float:
        return float(np.mean(self.of_rows(rows)))


def is_own(metric: str) -> bool:
    """Whether a metric's name is a dotted path."""
    return "." in metric


def own(path: str, of: Of) -> Own:
    """The function. `UnusableMetric` when it cannot be imported or called."""
    try:
        function = named(path)
    except Refusal as refusal:
        help = f" ({refusal.help})" if refusal.help else ""
        raise UnusableMetric(f"{refusal.message}{help}") from refusal
    if not callable(function):
        raise UnusableMetric(f"{path} is {type(function).__name__}, not a function")
    return Own(path, function, of)


def given(rows: Judged, of: Of) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Truth and answers as the user knows them: label values, not their places."""
    truth = _written(rows, rows.truth)
    return truth, rows.scores if of == "scores" else _written(rows, rows.decided)


def _written(rows: Judged, places: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(rows.classes)[places] if rows.classes else places


def own_estimate(
    metric: Own, rows: Judged, level: float, units: Units | None
) -> tuple[Estimate, str]:
    """The metric with its interval, and how that was made."""
    found = metric.of_rows(rows)
    if isinstance(found, float):
        return _drawn(lambda chosen: metric.number(rows.take(chosen)), rows, level, units)
    return _meant(found, level, units or _lists(rows))


def own_difference(
    metric: Own, first: Judged, second: Judged, level: float, units: Units | None
) -> tuple[Estimate, str]:
    """The first's metric minus the second's on the same rows, and how the interval was made."""
    one, other = metric.of_rows(first), metric.of_rows(second)
    n = len(first.truth)
    if first.answers_as(second):
        return flat(n, ALIKE), "paired"
    if isinstance(one, float) or isinstance(other, float):
        found, method = _drawn(
            lambda chosen: metric.number(first.take(chosen)) - metric.number(second.take(chosen)),
            first, level, units,
        )  # fmt: skip
    elif n and np.ptp(one - other) == 0:
        return flat(n, NO_VARIANCE, float(one[0] - other[0])), "paired"
    else:
        found, method = _meant(one - other, level, units or _lists(first))
    return found, f"{method}, paired"


def _drawn(
    statistic: Callable[[npt.NDArray[np.int64]], float],
    rows: Judged,
    level: float,
    units: Units | None,
) -> tuple[Estimate, str]:
    n = len(rows.truth)
    return resampled(statistic, units or _lists(rows) or of_rows(n), level), method_of_size(n)


def _lists(rows: Judged) -> Units | None:
    """Rows of one list of a ranking go together."""
    return None if rows.group is None else of_clusters(rows.group)


def _meant(values: Floats, level: float, units: Units | None) -> tuple[Estimate, str]:
    if values.size and np.ptp(values) == 0:
        return unknown(len(values), "every row gives the same value", float(values[0])), ""
    if units is None:
        return by_rows(values, level), "mean of rows"
    found: Influenced = influence.mean(values)
    return robust(found, units, level, clusters_that_count(found, units)), "mean of rows"
