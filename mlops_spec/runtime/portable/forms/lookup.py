"""Finding the form of an estimator, its parts included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mlops_spec.runtime.portable.forms import tables
from mlops_spec.runtime.portable.forms.ensembles import Ensemble, written
from mlops_spec.runtime.portable.forms.tables import Nested, Plain
from mlops_spec.runtime.portable.forms.together import chained, stacked
from mlops_spec.runtime.portable.graph import NoForm, Tensor


@dataclass(frozen=True, slots=True)
class _Answer:
    """One thing that an estimator can be asked for, and who writes it."""

    word: str
    plain: Mapping[str, Plain]
    nested: Mapping[str, Nested]


_SHARES: Final = _Answer("probabilities", tables.SHARES, tables.NESTED_SHARES)
_SCORES: Final = _Answer("scores", tables.SCORES, tables.NESTED_SCORES)
_PREDICTION: Final = _Answer("predictions", tables.PREDICTIONS, tables.NESTED_PREDICTIONS)
_STEP: Final = _Answer("transformation", tables.STEPS, tables.NESTED_STEPS)


class _Forms:
    """The forms of scikit-learn."""

    def shares(self, model: Any, x: Tensor) -> Tensor:
        """Probabilities, a column for each class."""
        if _own_name(model).startswith("Dummy"):
            return _constant(model, x)
        return self._answer(_SHARES, model, x)

    def scores(self, model: Any, x: Tensor) -> Tensor:
        """The decision function: one column for two classes, else one for each."""
        return self._answer(_SCORES, model, x)

    def prediction(self, model: Any, x: Tensor) -> Tensor:
        """What a regressor predicts, as one column."""
        if _own_name(model).startswith("Dummy"):
            return x.ones() * float(np.ravel(model.constant_)[0])
        return self._answer(_PREDICTION, model, x)

    def transformed(self, step: Any, x: Tensor) -> Tensor:
        """The columns that a transformer makes."""
        if isinstance(step, str):
            return x  # passthrough
        return self._answer(_STEP, step, x)

    def ensemble(self, model: Any) -> Ensemble | None:
        """The trees of an estimator that is nothing else, on what its trees are asked about."""
        name = _own_name(model)
        return tables.ENSEMBLES[name](model) if name in tables.ENSEMBLES else None

    def part(self, model: Any) -> Any | None:
        """What answers for a model that only chose or wrapped it; None when it answers itself."""
        name = _own_name(model)
        return tables.PARTS[name](model) if name in tables.PARTS else None

    def _answer(self, asked: _Answer, model: Any, x: Tensor) -> Tensor:
        name = _own_name(model)
        if name in tables.PARTS:
            return self._answer(asked, tables.PARTS[name](model), x)
        if name == "Pipeline" and asked is not _STEP:
            return self._answer(asked, model[-1], chained(model, x, self))
        if name.startswith("Stacking") and asked is not _STEP:
            return self._answer(asked, model.final_estimator_, stacked(model, x, self))
        if name in asked.plain:
            return asked.plain[name](model, x)
        if name in asked.nested:
            return asked.nested[name](model, x, self)
        if name in tables.ENSEMBLES and asked in (_SHARES, _PREDICTION):
            return written(tables.ENSEMBLES[name](model), x)
        why = f": {tables.REFUSED[name]}" if name in tables.REFUSED else ""
        raise NoForm(f"the {asked.word} of {type(model).__name__}{why}")


FORMS: Final = _Forms()
_LIBRARIES: Final = ("lightgbm", "sklearn", "xgboost")


def _own_name(model: Any) -> str:
    """The class's name, if it is of a library that is known here."""
    kind = type(model)
    return kind.__name__ if kind.__module__.partition(".")[0] in _LIBRARIES else ""


def _constant(model: Any, x: Tensor) -> Tensor:
    """DummyClassifier, where it does not draw by chance."""
    if model.strategy not in ("prior", "most_frequent", "constant"):
        raise NoForm(f"answers by chance ({model.strategy})")
    answer = model.predict_proba(np.zeros((1, 1)))
    return x.ones() * np.asarray(answer, dtype=np.float64)
