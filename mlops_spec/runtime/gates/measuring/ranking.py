"""How well one feature ranks the label by itself: a feature that is the label stands out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from mlops_spec.terms.measuring import LEAKAGE_ROWS

ROWS: Final = LEAKAGE_ROWS
TEACHING_ROWS: Final = 1_000_000
# Held-out rows of a class, one of many, below which it says nothing of a feature.
LEAST_OF_CLASS: Final = 30
# A category's rate is that of its training rows and of so many average ones.
AVERAGE_ROWS: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Truth:
    """What is to be ranked: one class against the others (`place` among the classes), a number."""

    of: str
    values: npt.NDArray[Any]
    place: int | None = None


def ranking(subject: Subject) -> Ranking:
    """How well each feature ranks the held-out rows of each class against the others.

    A missing value is taken as the least and as the largest, and the better one counts: what is
    missing may tell too. A category is ranked by the label's mean in the training rows, so that a
    column of many values looks no better than it is.
    """
    kept = subject.rows.iloc[spread(len(subject.rows), ROWS)]
    features = features_of(kept, subject.fitted.dataset, subject.fitted.recipe)
    truths = tuple(_truths(subject, kept))
    best: dict[tuple[str, str], Alone] = {}
    tried = 0
    for name in subject.fitted.recipe.features:
        for truth, scores in _scores(subject, features[name], truths):
            found, tried = _alone(name, truth, scores), tried + 1
            known = best.setdefault((name, truth.of), found)
            best[name, truth.of] = max(known, found, key=lambda one: one.area)
    return Ranking(tuple(sorted(best.values(), key=lambda one: -one.area)), tried)


def _truths(subject: Subject, rows: pd.DataFrame) -> Iterator[_Truth]:
    label, labels = rows[subject.fitted.dataset.label], subject.fitted.labels
    if not labels.classes:
        yield _Truth(str(label.name), label.to_numpy(dtype=np.float64))
        return
    codes, binary = labels.codes(label), labels.positive is not None
    for place in [labels.positive_place] if binary else range(len(labels.classes)):
        positive = codes == place
        if min(positive.sum(), (~positive).sum()) >= (1 if binary else LEAST_OF_CLASS):
            yield _Truth(str(labels.classes[place]), positive, place)


def _scores(
    subject: Subject, values: pd.Series, truths: tuple[_Truth, ...]
) -> Iterator[tuple[_Truth, Floats]]:
    if subject.fitted.dataset.column(str(values.name)).type != "category":
        ways = _numbers(values.to_numpy(dtype=np.float64))
        yield from ((truth, scores) for scores in ways for truth in truths)
        return
    taught, target = _teaching(subject, str(values.name))
    for truth in truths:
        known = target if truth.place is None else (target == truth.place).astype(np.float64)
        yield truth, _rates(values, taught, known)


def _numbers(numbers: Floats) -> tuple[Floats, ...]:
    missing = np.isnan(numbers)
    if not missing.any():
        return (numbers,)
    if missing.all():
        return (np.zeros(len(numbers)),)
    outer = (numbers[~missing].min() - 1, numbers[~missing].max() + 1)
    return tuple(np.where(missing, instead, numbers) for instead in outer)


def _rates(values: pd.Series, taught: pd.Series, target: Floats) -> Floats:
    """The label's mean in the training rows of the same category."""
    average = float(target.mean())
    rows = pd.DataFrame({"category": taught.to_numpy(), "target": target})
    by_category = rows.groupby("category", observed=True, dropna=False)["target"]
    rates = (by_category.sum() + AVERAGE_ROWS * average) / (by_category.count() + AVERAGE_ROWS)
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


def _alone(name: str, truth: _Truth, scores: Floats) -> Alone:
    """Whichever way round ranks better: a feature that is the label's opposite tells as much."""
    if truth.place is None:
        rho = abs(spearman(scores, truth.values))
        area = 0.5 if np.isnan(rho) else (1 + rho) / 2
        return Alone(name, truth.of, area, None, len(scores))
    areas, covariance = delong(truth.values, scores[np.newaxis])
    area, positives = float(areas[0]), int(truth.values.sum())
    variance = float(covariance[0, 0])
    return Alone(
        name,
        truth.of,
        max(area, 1 - area),
        variance if np.isfinite(variance) else None,
        positives,
        len(scores) - positives,
    )
