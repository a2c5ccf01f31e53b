"""Whether rows that fit can also teach: enough rows, a label that varies and does not leak."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from mlops_spec.runtime.data.labels import plain
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.stats.auc import midranks

MIN_ROWS: Final = 30
# Below this many rows an honest feature may rank two classes perfectly by luck or by nature (iris).
_MIN_ROWS_FOR_RANKING: Final = 200
_MIN_ROWS_OF_CLASS: Final = 10
_PERFECT: Final = 0.9999


def require_rows(total: int) -> None:
    """`Refusal` MLS703 when no outcome of the check could leave enough rows."""
    if total < MIN_ROWS:
        raise _too_few(f"{total} rows")


def require_usable(rows: pd.DataFrame, dataset: Dataset, recipe: Recipe) -> None:
    """`Refusal` MLS703 too few rows, MLS704 constant label, MLS705 empty column, MLS706 leak."""
    labelled = rows[rows[dataset.label].notna()]
    if len(labelled) < MIN_ROWS:
        raise _too_few(f"{len(labelled)} of {len(rows):,} good rows have a label; {len(labelled)}")
    _refuse_empty(labelled, recipe)
    if labelled[dataset.label].nunique() < 2:
        value = labelled[dataset.label].iloc[0]
        raise Refusal(
            "MLS704",
            f"the label {dataset.label!r} is {plain(value)!r} in all {len(labelled):,} rows",
            "there is nothing to learn; look at how the label is made",
        )
    _refuse_leaks(labelled, dataset, recipe)


def _too_few(rows: str) -> Refusal:
    return Refusal(
        "MLS703",
        f"{rows} can be used; {MIN_ROWS} are the least to train and judge a model on",
        "point `source` at more data, or correct the bad rows",
    )


def _refuse_empty(rows: pd.DataFrame, recipe: Recipe) -> None:
    empty = [name for name in recipe.features if rows[name].isna().all()]
    if empty:
        raise Refusal(
            "MLS705",
            f"the feature {empty[0]!r} holds no value in any of {len(rows):,} rows",
            "take it from `features`, or look at how it is made",
            tuple(f"{name}: no value" for name in empty),
        )


def _refuse_leaks(rows: pd.DataFrame, dataset: Dataset, recipe: Recipe) -> None:
    leaks = {name: how for name in recipe.features if (how := _leak(rows, name, dataset, recipe))}
    if leaks:
        first, how = next(iter(leaks.items()))
        raise Refusal(
            "MLS706",
            f"the feature {first!r} gives the label {dataset.label!r} away: {how}",
            "it is not known when a prediction is made; take it from `features`",
            tuple(f"{name}: {how}" for name, how in leaks.items()),
        )


def _leak(rows: pd.DataFrame, name: str, dataset: Dataset, recipe: Recipe) -> str | None:
    """How a feature tells the label, or None."""
    known = rows[rows[name].notna()]
    if len(known) < len(rows) / 2 or known[dataset.label].nunique() < 2:
        return None
    feature, label = known[name], known[dataset.label]
    if _decides(feature, label):
        return "each of its values has one label"
    if not pd.api.types.is_numeric_dtype(feature) or len(known) < _MIN_ROWS_FOR_RANKING:
        return None
    match recipe.task:
        case "regression" | "ranking":
            return "it orders the rows as the label does" if _same_order(feature, label) else None
        case "binary":
            return _ranks_perfectly(feature, label)
        case "multiclass":
            return _sorts(feature, label)


def _decides(feature: pd.Series, label: pd.Series) -> bool:
    """Whether a few values of the feature map to the label; many values would do so by chance."""
    feature_codes, values = pd.factorize(feature)
    label_codes, labels = pd.factorize(label)
    one_to_one = len(values) == len(labels)
    if len(values) * (2 if one_to_one else 10) > len(feature):
        return False
    pairs = len(np.unique(feature_codes * len(labels) + label_codes))
    return pairs == len(values)


def _same_order(feature: pd.Series, label: pd.Series) -> bool:
    if label.nunique() < 10 or feature.nunique() < 10:
        return False
    ranks = np.stack([midranks(column.to_numpy(dtype=float)) for column in (feature, label)])
    correlation = np.asarray(np.corrcoef(ranks))[0, 1]
    return bool(abs(correlation) >= _PERFECT)


def _ranks_perfectly(feature: pd.Series, label: pd.Series) -> str | None:
    """Whether the feature alone tells two classes, each of a number that luck does not part."""
    codes, _ = pd.factorize(label)
    ranks = midranks(feature.to_numpy(dtype=float))
    cases, controls = int((codes == 0).sum()), int((codes != 0).sum())
    if min(cases, controls) < _MIN_ROWS_OF_CLASS:
        return None
    area = (ranks[codes == 0].sum() - cases * (cases + 1) / 2) / (cases * controls)
    area = max(area, 1 - area)
    return f"alone it has an AUC of {area:.6f}" if area >= _PERFECT else None


def _sorts(feature: pd.Series, label: pd.Series) -> str | None:
    """Whether rows in the feature's order have each class in one piece.

    One class apart from all others is common in honest data (iris); all of them apart are not.
    """
    classes = label.nunique()
    if classes * _MIN_ROWS_OF_CLASS > len(label):
        return None
    ordered = pd.DataFrame({"feature": feature, "label": pd.factorize(label)[0]})
    codes = ordered.sort_values(["feature", "label"])["label"].to_numpy()
    pieces = 1 + int((codes[1:] != codes[:-1]).sum())
    return f"its order alone parts all {classes} labels" if pieces == classes else None
