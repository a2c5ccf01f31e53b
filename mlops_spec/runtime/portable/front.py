"""From raw columns to the estimator: what is a table, and what is arithmetic on it.

A step that treats each value by itself is a table, found by asking the step (`tabulate`). What
follows it, and what bends or mixes numbers, is written into the graph (`forms`), operation by
operation, so that the sums come out as scikit-learn's do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.askable import require_askable
from mlops_spec.runtime.portable.encoding import BY_COLUMN, Encoding, side_by_side
from mlops_spec.runtime.portable.forms import FORMS
from mlops_spec.runtime.portable.forms.together import boosting_columns
from mlops_spec.runtime.portable.graph import Graph, NoForm, Tensor, beside
from mlops_spec.runtime.portable.tabulate import NotTabular, kind_of, probes_of, tabulate

if TYPE_CHECKING:
    import pandas as pd

Lower = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Front:
    """The tables, and what is done to the matrix they give; nothing where `lower` is None."""

    encoding: Encoding
    lower: Lower | None = None

    def apply(self, x: Tensor) -> Tensor:
        return x if self.lower is None else self.lower(x)


@dataclass(frozen=True, slots=True)
class BoostingColumns:
    """HistGradientBoosting's own encoding of categories, as a step before its trees."""

    estimator: Any

    @property
    def categories_(self) -> list[Any]:
        """Of the columns that it encodes, as an OrdinalEncoder has them."""
        own = self.estimator._preprocessor
        parts = () if own is None else own.transformers_
        return [known for _, part, _ in parts for known in getattr(part, "categories_", ())]

    def transform(self, rows: Any) -> Any:
        return self.estimator._preprocess_X(rows, reset=False)


def front(steps: Sequence[Any], frame: pd.DataFrame) -> Front:
    """The first form of the steps that can be written. `NoForm` with the reasons otherwise.

    `frame`: rows with the raw columns, on which tables are compared with the steps themselves.
    """
    reasons = []
    for attempt in _attempts(steps, frame):
        try:
            found = attempt()
            found.apply(Graph(found.encoding.width).input)
        except (NoForm, NotTabular) as reason:
            reasons.append(str(reason))
            continue
        return found
    raise NoForm("; ".join(dict.fromkeys(reasons)))


def _attempts(steps: Sequence[Any], frame: pd.DataFrame) -> Iterator[Callable[[], Front]]:
    """Ways to write the steps, those first that leave every number as it is."""
    prefixes = range(len(steps), 0, -1)
    tables: dict[int, Encoding] = {}
    for count in prefixes:
        yield partial(_exact, steps, count, frame, tables)
    if steps and hasattr(steps[0], "transformers_"):
        yield partial(_by_columns, steps, frame)
    if steps and hasattr(steps[0], "transformer_list"):
        yield partial(_united, steps, frame)
    if all(kind_of(frame[name]) == "number" for name in frame.columns):
        yield partial(_then, steps, 0, frame, tables)
    for count in prefixes:
        yield partial(_then, steps, count, frame, tables)


def _exact(
    steps: Sequence[Any], count: int, frame: pd.DataFrame, tables: dict[int, Encoding]
) -> Front:
    found = _then(steps, count, frame, tables)
    if not found.encoding.exact:
        raise NoForm(f"{_name(steps[count - 1])} computes with numbers")
    return found


def _then(
    steps: Sequence[Any], count: int, frame: pd.DataFrame, tables: dict[int, Encoding]
) -> Front:
    """The first `count` steps as tables, the others as arithmetic."""
    if count not in tables:
        tables[count] = _table(steps[:count], frame)
    rest = tuple(steps[count:])
    return Front(tables[count], partial(_written, rest) if rest else None)


def _written(steps: Sequence[Any], x: Tensor) -> Tensor:
    for step in steps:
        if isinstance(step, BoostingColumns):
            x = boosting_columns(step.estimator, x, FORMS)
        else:
            x = FORMS.transformed(step, x)
    return x


def _table(steps: Sequence[Any], frame: pd.DataFrame) -> Encoding:
    """The tables of steps, compared with the steps on the frame."""
    require_askable(steps)

    def preprocess(rows: pd.DataFrame) -> NDArray[np.float64]:
        found: Any = rows
        for step in steps:
            found = step.transform(found)
        dense = found.toarray() if hasattr(found, "toarray") else found
        return np.asarray(dense, dtype=np.float64)

    try:
        encoding = tabulate(preprocess, probes_of(steps, frame), frame)
        wanted = preprocess(frame)
    except NotTabular:
        raise
    # Steps of other people are asked about values that they may refuse in any way they like.
    except Exception as error:
        raise NotTabular(f"{type(error).__name__}: {error}".splitlines()[0][:200]) from error
    raw = {str(name): frame[name].tolist() for name in frame.columns}
    few = {name: values[: BY_COLUMN - 1] for name, values in raw.items()}
    # A request of a few rows is encoded by row, a batch by column: both have to be right.
    if not (_same(encoding.matrix(raw), wanted) and _same(encoding.matrix(few), wanted)):
        raise NotTabular("the tables do not give what the steps give")
    return encoding


def _same(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> bool:
    wanted = wanted[: len(found)]
    return found.shape == wanted.shape and np.allclose(found, wanted, 1e-12, 1e-12, equal_nan=True)


def _by_columns(steps: Sequence[Any], frame: pd.DataFrame) -> Front:
    """A ColumnTransformer first: each of its parts by itself."""
    first = steps[0]
    places = first._transformer_to_input_indices
    parts = [
        (step, frame.iloc[:, places[name]], (first.transformer_weights or {}).get(name))
        for name, step, _ in first.transformers_
        if not _is(step, "drop") and len(places[name])
    ]
    return _parts(parts, steps[1:])


def _united(steps: Sequence[Any], frame: pd.DataFrame) -> Front:
    """A FeatureUnion first."""
    weights = steps[0].transformer_weights or {}
    parts = [
        (step, frame, weights.get(name))
        for name, step in steps[0].transformer_list
        if not _is(step, "drop")
    ]
    return _parts(parts, steps[1:])


def _parts(parts: Sequence[tuple[Any, pd.DataFrame, float | None]], rest: Sequence[Any]) -> Front:
    found = [front(flat(step), frame) for step, frame, _ in parts]
    encoding = side_by_side([each.encoding for each in found])
    starts = np.cumsum([0, *(each.encoding.width for each in found)])

    def lower(x: Tensor) -> Tensor:
        written = []
        for each, (_, _, weight), start in zip(found, parts, starts, strict=False):
            made = each.apply(x.columns(np.arange(start, start + each.encoding.width)))
            written.append(made if weight is None else made * float(weight))
        return _written(rest, beside(written))

    nothing = all(each.lower is None for each in found) and not any(part[2] for part in parts)
    return Front(encoding, partial(_written, rest) if nothing else lower)


def flat(step: Any) -> tuple[Any, ...]:
    """The steps of a pipeline, those of pipelines within it too."""
    if _is(step, "passthrough") or step is None:
        return ()
    if hasattr(step, "steps"):
        return tuple(part for _, each in step.steps for part in flat(each))
    return (step,)


def _is(step: Any, word: str) -> bool:
    return isinstance(step, str) and step == word


def _name(step: Any) -> str:
    return type(step).__name__
