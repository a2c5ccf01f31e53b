"""scikit-learn's own pipeline behind the same interface, where a model has no portable form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.encoding import Coded, Values
from mlops_spec.runtime.portable.scorer import Batch, Columns, Meaning, Scores


@dataclass(frozen=True, slots=True)
class SklearnScorer:
    """The fitted pipeline itself."""

    pipeline: Any
    inputs: tuple[Mapping[str, str], ...]
    meaning: Meaning
    features: tuple[str, ...]
    kind: Literal["sklearn"] = "sklearn"

    def score(self, columns: Columns) -> Scores:
        return self.meaning.read(self.answers(columns))

    def score_batch(self, columns: Columns) -> Batch:
        return self.meaning.read_batch(self.answers(columns))

    def answers(self, columns: Columns) -> NDArray[np.float64]:
        return answers_of(self.pipeline, self._frame(columns))

    def _frame(self, columns: Columns) -> Any:
        import pandas as pd

        return pd.DataFrame(
            {column["name"]: _series(column, columns[column["name"]]) for column in self.inputs}
        )


def _series(column: Mapping[str, str], values: Values) -> Any:
    import pandas as pd

    if isinstance(values, Coded):
        values = [values[at] for at in range(len(values))]
    if column["kind"] == "number":
        return pd.Series(values, dtype="float64")
    missing = None if column["missing"] == "null" else np.nan
    return pd.Series([missing if value is None else value for value in values], dtype=object)


def answers_of(pipeline: Any, frame: Any) -> NDArray[np.float64]:
    """What scikit-learn answers: probabilities by class, or predictions as one column."""
    if hasattr(pipeline[-1], "classes_"):
        return np.asarray(pipeline.predict_proba(frame), dtype=np.float64)
    return np.asarray(pipeline.predict(frame), dtype=np.float64).reshape(-1, 1)
