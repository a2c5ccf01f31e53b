"""What a classifier's label values are, in which order, and which of them counts as positive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_spec.runtime.declare import Recipe
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.tasks import answers_a_number

Label = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Labels:
    """The classes in scikit-learn's order; none for numbers. `positive`: binary only."""

    classes: tuple[Label, ...] = ()
    positive: Label | None = None

    @property
    def positive_place(self) -> int:
        assert self.positive is not None
        return self.classes.index(self.positive)

    def codes(self, label: pd.Series) -> npt.NDArray[np.int64]:
        """The place of each value in `classes`; -1 for one that is not among them."""
        places = {value: place for place, value in enumerate(self.classes)}
        return np.asarray(label.map(places).fillna(-1), dtype=np.int64)


def labels_of(label: pd.Series, recipe: Recipe) -> Labels:
    """The label values of these rows. `Refusal` MLS702 when they do not fit the task."""
    if answers_a_number(recipe.task):
        return Labels()
    values = tuple(sorted(plain(value) for value in label.unique()))
    if recipe.task == "multiclass":
        return Labels(values)
    if len(values) != 2:
        shown = ", ".join(map(repr, values[:6]))
        raise Refusal(
            "MLS702",
            f"the label has {len(values)} values ({shown}); a binary model takes two",
            "write `task: multiclass`, or correct the label",
        )
    positive = values[1] if recipe.positive is None else _find_positive(recipe.positive, values)
    return Labels(values, positive)


def target_of(label: pd.Series, labels: Labels) -> npt.NDArray[Any]:
    """The label as scikit-learn takes it: one type for all values."""
    if not labels.classes:
        return label.to_numpy(dtype=np.float64)
    return np.asarray(label.tolist())


def _find_positive(positive: Label, values: tuple[Label, ...]) -> Label:
    found = next((value for value in values if str(value).lower() == str(positive).lower()), None)
    if found is None:
        raise Refusal(
            "MLS702",
            f"`positive` is {positive!r}, the label's values are {', '.join(map(repr, values))}",
            "write one of these values as `positive`",
        )
    return found


def lists_of(group: pd.Series) -> npt.NDArray[np.int64]:
    """A number for each list of a ranking; a row without a list is one of its own."""
    codes, found = pd.factorize(group)
    lists: npt.NDArray[np.int64] = codes.astype(np.int64)
    missing = lists < 0
    lists[missing] = len(found) + np.arange(int(missing.sum()))
    return lists


def plain(value: Any) -> Label:
    """A plain Python value, which JSON can hold."""
    found: Label = value.item() if hasattr(value, "item") else value
    return found
