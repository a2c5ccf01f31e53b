"""Which steps may be written down by asking them about a few values.

A table of a column of words holds all words that a fitted step knows. Of numbers only some are
tried, and a line is drawn through the answers: that is right of a step that treats every number
alike, and of no other. A function that cuts at 10, or reads -999 as missing, gives a straight line
wherever the held-out rows have no such number. So the steps that may be asked are named here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mlops_spec.runtime.portable.forms.tables import SELECTORS
from mlops_spec.runtime.portable.tabulate import NotTabular

# A straight line, or one number for what is missing.
_STRAIGHT: Final = frozenset(
    {*SELECTORS, "MaxAbsScaler", "MinMaxScaler", "MissingIndicator", "RobustScaler",
     "SimpleImputer", "StandardScaler"}
)  # fmt: skip
# Each value that was met has its own answer, all others have one.
_BY_VALUE: Final = frozenset({"OneHotEncoder", "OrdinalEncoder", "TargetEncoder"})
# Behind them an encoder still meets numbers of the column, or values that were all tried.
_KEEPING: Final = frozenset({*SELECTORS, *_BY_VALUE, "SimpleImputer"})


def require_askable(steps: Sequence[Any], changed: bool = False) -> None:
    """`NotTabular` when one of the steps may do otherwise with a number that was not tried.

    `changed`: the first step already meets other numbers than the column has.
    """
    for step in steps:
        _require(step, changed)
        changed = changed or _changes(step)


def _parts(step: Any) -> tuple[Any, ...]:
    """What stands side by side in a container of scikit-learn."""
    held = getattr(step, "transformers_", getattr(step, "transformer_list", ()))
    return tuple(part for _, part, *_ in held)


def _require(step: Any, changed: bool) -> None:
    if hasattr(step, "steps"):
        return require_askable([part for _, part in step.steps], changed)
    if parts := _parts(step):
        for part in parts:
            require_askable((part,), changed)
        return None
    if _is_nothing(step) or _is_known(step, changed):
        return None
    name = type(step).__name__
    raise NotTabular(f"what {name} does cannot be told from a few values")


def _is_known(step: Any, changed: bool) -> bool:
    name = type(step).__name__
    if name == "BoostingColumns":
        return not (changed and step.categories_)
    if not type(step).__module__.startswith("sklearn."):
        return False
    straight = name in _STRAIGHT and not getattr(step, "clip", False)
    return straight or (name in _BY_VALUE and not changed)


def _is_nothing(step: Any) -> bool:
    """What passes all columns on."""
    if step is None or isinstance(step, str):
        return True
    if type(step).__name__ != "FunctionTransformer":
        return False
    from sklearn.utils import check_array

    # HistGradientBoosting looks in this way at the columns that it does not encode.
    return step.func is None or getattr(step.func, "func", None) is check_array


def _changes(step: Any) -> bool:
    """Whether an encoder behind it meets other values than the column has."""
    if hasattr(step, "steps"):
        return any(_changes(part) for _, part in step.steps)
    if parts := _parts(step):
        return any(map(_changes, parts))
    return not (_is_nothing(step) or type(step).__name__ in _KEEPING)
