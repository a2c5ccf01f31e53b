"""Which held-out rows are independent of each other, by `cluster` and `blocks` of the policy."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_spec.runtime.declare import Gates
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.stats.resample import Units, of_clusters


def units_of(gates: Gates, rows: pd.DataFrame, time: pd.Series) -> Units | None:
    """Rows that share the cluster's value, the stretch of time, or both; None: each on its own.

    A row without a value, or without a time, is a unit of its own. `Refusal` MLS702 when the
    held-out rows have no such column or no time at all.
    """
    codes: list[npt.NDArray[np.int64]] = []
    if gates.cluster is not None:
        codes.append(_codes(_column(rows, gates.cluster)))
    if gates.blocks is not None:
        codes.append(_stretches(time, gates.blocks))
    if not codes:
        return None
    crossed = codes[0]
    for other in codes[1:]:
        crossed = crossed * (int(other.max(initial=0)) + 1) + other
    return of_clusters(crossed)


def said(gates: Gates, units: Units) -> str:
    """How an interval was made: `clustered by customer, 312 clusters`."""
    by = [gates.cluster] if gates.cluster else []
    by += [f"stretches of {_span(gates.blocks)}"] if gates.blocks else []
    return f"clustered by {' and '.join(by)}, {units.count:,} clusters"


def _span(seconds: float) -> str:
    unit, size = next((u for u in _SPANS if seconds % u[1] == 0), ("s", 1))
    return f"{seconds / size:g}{unit}"


_SPANS: Final = (("d", 86400), ("h", 3600), ("m", 60))


def _column(rows: pd.DataFrame, name: str) -> pd.Series:
    if name not in rows.columns:
        raise Refusal(
            "MLS702",
            f"the held-out rows of this run have no column {name!r}, by which gates cluster them",
            "declare it in the Dataset and train again",
        )
    return rows[name]


def _stretches(time: pd.Series, seconds: float) -> npt.NDArray[np.int64]:
    if time.isna().all():
        raise Refusal(
            "MLS702",
            "the held-out rows of this run have no time, by which gates put them into `blocks`",
            "name a timestamp column as the Dataset's `time` and train again",
        )
    since = (time - pd.Timestamp(0, tz=time.dt.tz)) / pd.Timedelta(seconds=1)
    return _codes((since / seconds).floordiv(1))


def _codes(values: pd.Series) -> npt.NDArray[np.int64]:
    """A number a value; missing values get one each."""
    codes, found = pd.factorize(values)
    missing = codes < 0
    numbered: npt.NDArray[np.int64] = codes.astype(np.int64)
    numbered[missing] = len(found) + np.arange(int(missing.sum()))
    return numbered
