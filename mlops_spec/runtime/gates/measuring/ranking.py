"""How well one feature ranks the label by itself: a feature that is the label stands out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from mlops_spec.runtime.data.checks import checked_path
from mlops_spec.runtime.data.split import TRAIN, read_parts
from mlops_spec.runtime.gates.measured import Alone, Ranking
from mlops_spec.runtime.gates.measuring.subject import Subject, spread
from mlops_spec.runtime.train.pipeline import features_of
from mlops_spec.stats.auc import delong
from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.rank_correlation import spearman

ROWS: Final = 20_000
TEACHING_ROWS: Final = 1_000_000
SHOWN: Final = 5
# A category's rate is that of its training rows and of so many average ones.
AVERAGE_ROWS: Final = 10.0


def ranking(subject: Subject) -> Ranking:
    """The features that rank the label best among the held-out rows, for each class against others.

    A missing value is taken as the least and as the largest, and the better one counts: what is
    missing may tell too. A category is ranked by the label's mean in the training rows, so that a
    column of many values looks no better than it is.
    """
    kept = subject.rows.iloc[spread(len(subject.rows), ROWS)]
    features = features_of(kept, subject.fitted.dataset, subject.fitted.recipe)
    found: list[Alone] = []
    tried = 0
    for of, truth, place in _truths(subject, kept):
        for name in subject.fitted.recipe.features:
            for scores in _scores(subject, features[name], place):
                tried += 1
                found.append(_alone(name, of, truth, scores))
    best: dict[tuple[str, str], Alone] = {}
    for each in sorted(found, key=lambda one: -one.area):
        best.setdefault((each.feature, each.of), each)
    return Ranking(tuple(best.values())[:SHOWN], tried)


def _truths(
    subject: Subject, rows: pd.DataFrame
) -> Iterator[tuple[str, npt.NDArray[Any], int | None]]:
    """What is to be ranked: each class against the others, one of two, or a number."""
    label, labels = rows[subject.fitted.dataset.label], subject.fitted.labels
    if not labels.classes:
        yield str(label.name), label.to_numpy(dtype=np.float64), None
        return
    codes = labels.codes(label)
    places = range(len(labels.classes)) if labels.positive is None else [labels.positive_place]
    for place in places:
        positive = codes == place
        if positive.any() and not positive.all():
            yield str(labels.classes[place]), positive, place


def _scores(subject: Subject, values: pd.Series, place: int | None) -> Iterator[Floats]:
    if subject.fitted.dataset.column(str(values.name)).type == "category":
        yield _rates(subject, values, place)
        return
    numbers = values.to_numpy(dtype=np.float64)
    missing = np.isnan(numbers)
    if not missing.any():
        yield numbers
    elif missing.all():
        yield np.zeros(len(numbers))
    else:
        for instead in (numbers[~missing].min() - 1, numbers[~missing].max() + 1):
            yield np.where(missing, instead, numbers)


def _rates(subject: Subject, values: pd.Series, place: int | None) -> Floats:
    """The label's mean in the training rows of the same category."""
    taught, target = _teaching(subject, str(values.name))
    if place is not None:
        target = (target == place).astype(np.float64)
    average = float(target.mean())
    by_category = pd.DataFrame({"category": taught, "target": target}).groupby(
        "category", observed=True, dropna=False
    )["target"]
    totals, counts = by_category.sum(), by_category.count()
    rates = (totals + AVERAGE_ROWS * average) / (counts + AVERAGE_ROWS)
    # A missing category is one more: NaN in an index, None among the values.
    names = rates.index.astype(object).where(rates.index.notna(), None)
    known = dict(zip(names, rates, strict=True))
    return np.array([known.get(value, average) for value in values], dtype=np.float64)


def _teaching(subject: Subject, name: str) -> tuple[pd.Series, npt.NDArray[Any]]:
    """A category column of the training rows, and the label's code (or number) beside it."""
    label = subject.fitted.dataset.label
    table = pq.read_table(
        checked_path(subject.context, subject.data), columns=[name, label], read_dictionary=[name]
    )
    places = np.flatnonzero(read_parts(subject.context, subject.data) == TRAIN)
    rows = table.take(places[spread(len(places), TEACHING_ROWS)]).to_pandas()
    labels = subject.fitted.labels
    if labels.classes:
        return rows[name], labels.codes(rows[label])
    return rows[name], rows[label].to_numpy(dtype=np.float64)


def _alone(name: str, of: str, truth: npt.NDArray[Any], scores: Floats) -> Alone:
    """Whichever way round ranks better: a feature that is the label's opposite tells as much."""
    if truth.dtype != np.bool_:
        rho = abs(spearman(scores, truth))
        return Alone(name, of, 0.5 if np.isnan(rho) else (1 + rho) / 2, None, len(truth))
    areas, covariance = delong(truth, scores[np.newaxis])
    area, positives = float(areas[0]), int(truth.sum())
    variance = float(covariance[0, 0])
    return Alone(
        name,
        of,
        max(area, 1 - area),
        variance if np.isfinite(variance) else None,
        positives,
        len(truth) - positives,
    )
