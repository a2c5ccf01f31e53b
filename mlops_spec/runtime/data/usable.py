"""Whether rows that fit can also teach: enough rows, a label that varies and does not leak."""

from __future__ import annotations

from typing import Final

import pandas as pd

from mlops_spec.runtime.data.fingerprint import when_read_again
from mlops_spec.runtime.data.labels import plain
from mlops_spec.runtime.data.leaks import leaks
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.refusal import Refusal

MIN_ROWS: Final = 30


def require_rows(total: int, dataset: Dataset) -> None:
    """`Refusal` MLS703 when no outcome of the check could leave enough rows."""
    if total < MIN_ROWS:
        raise _too_few(f"{total} rows", dataset)


def require_usable(rows: pd.DataFrame, dataset: Dataset, recipe: Recipe) -> None:
    """`Refusal` MLS703 too few rows, MLS704 constant label, MLS705 empty column, MLS706 leak."""
    labelled = rows[rows[dataset.label].notna()]
    if len(labelled) < MIN_ROWS:
        said = f"{len(labelled)} of {len(rows):,} good rows have a label; {len(labelled)}"
        raise _too_few(said, dataset)
    _refuse_empty(labelled, recipe)
    if (labelled[dataset.label] == labelled[dataset.label].iloc[0]).all():
        value = labelled[dataset.label].iloc[0]
        raise Refusal(
            "MLS704",
            f"the label {dataset.label!r} is {plain(value)!r} in all {len(labelled):,} rows",
            "there is nothing to learn; look at how the label is made",
        )
    _refuse_leaks(labelled, dataset, recipe)


def _too_few(rows: str, dataset: Dataset) -> Refusal:
    return Refusal(
        "MLS703",
        f"{rows} can be used; {MIN_ROWS} are the least to train and judge a model on",
        f"point `source` at more data, or correct the bad rows{when_read_again(dataset.source)}",
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
    found = leaks(rows, dataset.label, recipe)
    if found:
        first, how = next(iter(found.items()))
        raise Refusal(
            "MLS706",
            f"the feature {first!r} gives the label {dataset.label!r} away: {how}",
            "it is not known when a prediction is made; take it from `features`",
            tuple(f"{name}: {how}" for name, how in found.items()),
        )
