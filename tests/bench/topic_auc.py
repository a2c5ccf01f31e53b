"""An interval around the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measure import Measure, Table, Way, in_turns, timed
from sklearn.metrics import roc_auc_score

from mlops_spec.stats.auc import auc

ROWS = 100_000
RESAMPLES = 200
ROUNDS = 3
OURS = "ours: DeLong"
PEER = f"sklearn roc_auc_score, {RESAMPLES} bootstrap resamples"
POINT = "sklearn roc_auc_score, no interval"


def run(_: Path, __: Path | None) -> Iterator[Table]:
    random = np.random.default_rng(0)
    positive = random.random(ROWS) < 0.2
    score = np.round(random.normal(positive * 1.0, 1.0), 3)
    ways = (
        Way(OURS, timed(lambda: auc(positive, score, 0.95), times=3)),
        Way(POINT, timed(lambda: roc_auc_score(positive, score), times=3)),
        Way(PEER, timed(lambda: _bootstrap(positive, score))),
    )
    delong = auc(positive, score, 0.95)
    yield Table(
        topic="auc",
        title=f"AUC of {ROWS:,} rows with a 95 % interval",
        measures=(Measure("seconds", "s"),),
        bases=(PEER, POINT),
        samples=in_turns(ways, ROUNDS, warm_up=False),
        notes=(f"the interval: {delong.low:.4f} to {delong.high:.4f}",),
    )


def _bootstrap(positive: np.ndarray[Any, Any], score: np.ndarray[Any, Any]) -> tuple[float, float]:
    random = np.random.default_rng(1)
    areas = []
    for _ in range(RESAMPLES):
        drawn = random.integers(0, len(score), len(score))
        areas.append(roc_auc_score(positive[drawn], score[drawn]))
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)
