"""What changes when every number moves a little."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_spec.runtime.gates.measured import Shaken
from mlops_spec.runtime.gates.measuring.records import SEED
from mlops_spec.runtime.gates.measuring.subject import Subject, spread
from mlops_spec.runtime.portable.scorer import Scorer
from mlops_spec.runtime.train.fitted import FittedModel
from mlops_spec.runtime.train.pipeline import features_of
from mlops_spec.terms.measuring import STABILITY_ROWS

ROWS: Final = STABILITY_ROWS
ALONE_ROWS: Final = 2_000
SHOWN: Final = 3
# A regression has no decisions: a prediction has changed when it moved by more than this share of
# the standard deviation of all predictions.
MOVED: Final = 0.1
_SHAKEN: Final = ("float", "integer")


def shaken(subject: Subject, noise: float) -> Shaken:
    """The decisions of the portable model with and without noise on every numeric feature."""
    rows = subject.rows.iloc[spread(len(subject.rows), ROWS)]
    kept = features_of(rows, subject.fitted.dataset, subject.fitted.recipe)
    changed = with_noise(kept, subject.fitted, noise)
    names = subject.fitted.recipe.features
    moved = [name for name in names if not kept[name].equals(changed[name])]
    before = _answers(subject.scorer, kept)
    least = _least_move(subject.scorer, before)
    all_at_once = _differing(before, _answers(subject.scorer, changed), least)
    few = spread(len(kept), ALONE_ROWS)
    alone = [
        (name, _differing(before[few], _answers(subject.scorer, one), least))
        for name in moved
        for one in [kept.iloc[few].assign(**{name: changed[name].iloc[few]})]
    ]
    worst = tuple(sorted(alone, key=lambda found: (-found[1], found[0]))[:SHOWN])
    return Shaken(noise, len(kept), all_at_once, len(moved), len(few), worst)


def with_noise(features: pd.DataFrame, model: FittedModel, noise: float) -> pd.DataFrame:
    """Every number moved by a normal amount of `noise` standard deviations of its column.

    What is missing stays missing, whole numbers stay whole, and no number leaves the range of its
    column: it lies within the declared limits, which every row keeps.
    """
    random = np.random.default_rng(SEED)
    moved = {
        name: _moved(features[name], noise, random, whole=kind == "integer")
        for name in model.recipe.features
        if (kind := model.dataset.column(name).type) in _SHAKEN
    }
    return features.assign(**moved)


def _moved(
    values: pd.Series, noise: float, random: np.random.Generator, *, whole: bool
) -> pd.Series:
    # Drawn whether needed or not, so that one column's noise does not depend on another's values.
    drawn = random.standard_normal(len(values))
    deviation = values.std(ddof=0)
    if not np.isfinite(deviation) or deviation == 0:
        return values
    shifted = values + noise * deviation * drawn
    return (shifted.round() if whole else shifted).clip(values.min(), values.max())


def _answers(scorer: Scorer, features: pd.DataFrame) -> npt.NDArray[Any]:
    columns = {name: _plain(features[name]) for name in scorer.features}
    return np.array(scorer.score(columns).decision)


def _plain(values: pd.Series) -> list[Any]:
    return [None if gone else value for value, gone in zip(values, values.isna(), strict=True)]


def _least_move(scorer: Scorer, predictions: npt.NDArray[Any]) -> float | None:
    return MOVED * float(predictions.std()) if scorer.meaning.task == "regression" else None


def _differing(before: npt.NDArray[Any], after: npt.NDArray[Any], least: float | None) -> int:
    changed = before != after if least is None else np.abs(after - before) > least
    return int(np.sum(changed))
