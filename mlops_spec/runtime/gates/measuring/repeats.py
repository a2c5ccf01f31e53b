"""Held-out rows that stand in the training rows, feature by feature, with the same label.

Keys need no look: the step `check` keeps one row a key, so none is in both parts.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from mlops_spec.runtime.data.checks import checked_path
from mlops_spec.runtime.data.split import TRAIN, read_parts
from mlops_spec.runtime.gates.measured import Seen
from mlops_spec.runtime.gates.measuring.subject import Subject
from mlops_spec.runtime.train.fitted import FittedModel
from mlops_spec.runtime.train.pipeline import features_of

BATCH_ROWS: Final = 250_000
Hashes = npt.NDArray[np.uint64]


def seen(subject: Subject) -> Seen:
    """Rows are compared by 64-bit hashes, a batch of training rows at a time.

    Two of 5 million training and 1 million held-out rows share a hash by chance in one of four
    million worlds.
    """
    model = subject.fitted
    held_out = _hashes(subject.rows, model)
    distinct, counts = np.unique(held_out, return_counts=True)
    repeated = np.zeros(len(distinct), dtype=bool)
    parts = read_parts(subject.context, subject.data)
    columns = [*model.recipe.features, model.dataset.label]
    start = 0
    with pq.ParquetFile(checked_path(subject.context, subject.data)) as stored:
        for batch in stored.iter_batches(BATCH_ROWS, columns=columns):
            teaching = parts[start : start + batch.num_rows] == TRAIN
            start += batch.num_rows
            repeated |= _among(distinct, _hashes(batch.to_pandas()[teaching], model))
    return Seen(len(held_out), int(counts[repeated].sum()), len(distinct))


def _hashes(rows: pd.DataFrame, model: FittedModel) -> Hashes:
    features = features_of(rows, model.dataset, model.recipe)
    label: Any = rows[model.dataset.label]
    label = model.labels.codes(label) if model.labels.classes else label.to_numpy(np.float64)
    # By place: a feature may have any name, and the label's must not be one of them.
    features.columns = pd.RangeIndex(len(features.columns))
    whole = features.assign(label=label)
    return np.asarray(pd.util.hash_pandas_object(whole, index=False), dtype=np.uint64)


def _among(distinct: Hashes, found: Hashes) -> npt.NDArray[np.bool_]:
    """Which of the sorted hashes are among those found."""
    places = np.searchsorted(distinct, found)
    places[places == len(distinct)] = 0
    hit = np.zeros(len(distinct), dtype=bool)
    if len(distinct):
        hit[places[distinct[places] == found]] = True
    return hit
