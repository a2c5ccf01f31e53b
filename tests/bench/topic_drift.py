"""A million rows of 20 columns against the baseline: distances and verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import Measure, Table, Way, in_turns, timed
from scipy.stats import ks_2samp

from mlops_spec.runtime.declare import Drift
from mlops_spec.runtime.monitor.drift import verdicts
from mlops_spec.runtime.monitor.profile import Profile, counted_rows, measure

ROWS = 1_000_000
NUMBERS = 16
CATEGORIES = 4
ROUNDS = 3
DAY = 86_400.0
LIMITS = Drift(
    window=DAY, min_rows=500, ks=0.1, psi=0.2, confidence=0.95, baseline=DAY,
    performance_window=DAY, drop=0.03, performance_min_rows=500,
)  # fmt: skip
COUNT = "ours: count the window, verdicts"
ALL = "ours: measure the baseline as well"
PEER = "scipy ks_2samp, PSI in numpy"


def run(_: Path, __: Path | None) -> Iterator[Table]:
    before, now = _rows(0), _rows(1)
    frozen = _measured(before)
    ways = (
        Way(COUNT, timed(lambda: verdicts(frozen, counted_rows(now, frozen), LIMITS))),
        Way(ALL, timed(lambda: _from_rows(before, now))),
        Way(PEER, timed(lambda: _peer(before, now))),
    )
    yield Table(
        topic="drift",
        title=f"{ROWS:,} rows × {NUMBERS} numbers and {CATEGORIES} categories, and as many before",
        measures=(Measure("seconds", "s"),),
        bases=(PEER,),
        samples=in_turns(ways, ROUNDS, warm_up=False),
        notes=(
            "ours also counts what is missing and what is new, with p-values over all columns "
            "together; the baseline is measured once, when the model is trained",
            _agreement(before, now, frozen),
        ),
    )


def _rows(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    numbers = {f"x{i:02}": random.normal(0.02 * seed * i, 1, ROWS) for i in range(NUMBERS)}
    words = np.array([f"value-{i}" for i in range(50)], dtype=object)
    categories = {
        f"c{i}": words[random.zipf(1.5 + 0.02 * seed * i, ROWS).clip(1, 50) - 1]
        for i in range(CATEGORIES)
    }
    return pd.DataFrame({**numbers, **categories})


def _measured(rows: pd.DataFrame) -> Profile:
    kinds = {name: "float" if name.startswith("x") else "category" for name in rows}
    return Profile({name: measure(rows[name], kind) for name, kind in kinds.items()}, {})


def _from_rows(before: pd.DataFrame, now: pd.DataFrame) -> object:
    frozen = _measured(before)
    return verdicts(frozen, counted_rows(now, frozen), LIMITS)


def _peer(before: pd.DataFrame, now: pd.DataFrame) -> dict[str, float]:
    return {name: _distance(before[name], now[name]) for name in before}


def _distance(before: pd.Series[Any], now: pd.Series[Any]) -> float:
    if before.name.startswith("x"):
        return float(ks_2samp(before.to_numpy(), now.to_numpy()).statistic)
    expected, found = before.value_counts(normalize=True), now.value_counts(normalize=True)
    values = expected.index.union(found.index)
    p = expected.reindex(values, fill_value=0).to_numpy().clip(1e-6)
    q = found.reindex(values, fill_value=0).to_numpy().clip(1e-6)
    return float(((q - p) * np.log(q / p)).sum())


def _agreement(before: pd.DataFrame, now: pd.DataFrame, frozen: Profile) -> str:
    ours = {v.check: v.estimate for v in verdicts(frozen, counted_rows(now, frozen), LIMITS)}
    exact = _peer(before[[f"x{i:02}" for i in range(NUMBERS)]], now)
    apart = max(abs(float(ours[f"ks {name}"] or 0) - value) for name, value in exact.items())
    return f"KS from 256 bins and from all rows differ by {apart:.5f} at most (1/256 is the bound)"
