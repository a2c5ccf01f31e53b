"""How many held-out rows there are, of what: what power warnings reckon with before the next run.

Counts alone: no row leaves the run's folder, and of columns only those of few values are counted.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.stats.metrics import Judged

FORMAT: Final = 1
FACTS: Final = "facts.json"
# A column of more values is no group of people or places, but a name for each row.
MOST_GROUPS: Final = 100
_LOOK: Final = 10_000

Counted = list[list[Any]]


def heldout_facts(
    held_out: pd.DataFrame,
    judged: Judged,
    dataset: Dataset,
    recipe: Recipe,
    metrics: dict[str, dict[str, float]],
    rows: int,
) -> dict[str, Any]:
    """`rows` in all, `held_out` of them, `positives`, `groups` by column, `estimates` by metric."""
    positive = None if judged.positive is None else judged.is_positive
    return {
        "format_version": FORMAT,
        "dataset": dataset.name,
        "label": dataset.label,
        "task": recipe.task,
        "rows": rows,
        "held_out": len(held_out),
        "test": dataset.split.test,
        "positives": None if positive is None else int(positive.sum()),
        "groups": list(_by_column(held_out, dataset, positive)),
        "estimates": {name: found["value"] for name, found in metrics.items()},
    }


def _by_column(
    held_out: pd.DataFrame, dataset: Dataset, positive: npt.NDArray[np.bool_] | None
) -> Any:
    aside = {dataset.key, dataset.label, dataset.time}
    for column in dataset.columns:
        if column.type in ("float", "timestamp") or column.name in aside:
            continue
        # A look at some rows spares a column of names the count of all.
        if held_out[column.name].iloc[:_LOOK].nunique() > MOST_GROUPS:
            continue
        codes, words = pd.factorize(held_out[column.name])
        if len(words) <= MOST_GROUPS:
            values = counted(codes.astype(np.int64), [str(word) for word in words], positive)
            yield {"by": [column.name], "values": values}


def counted(
    of_row: npt.NDArray[np.int64], names: list[str], positive: npt.NDArray[np.bool_] | None
) -> Counted:
    """Name, rows and positives of each group; a row of place -1 is in none. Largest first."""
    kept = of_row >= 0
    sizes = np.bincount(of_row[kept], minlength=len(names))
    hits = (
        None
        if positive is None
        else np.bincount(of_row[kept & positive], minlength=len(names)).tolist()
    )
    found: Counted = [
        [name, int(sizes[place]), None if hits is None else int(hits[place])]
        for place, name in enumerate(names)
    ]
    return sorted(found, key=lambda one: (-one[1], one[0]))
