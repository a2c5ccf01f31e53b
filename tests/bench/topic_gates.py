"""All gates on a million held-out rows, beside the same questions without intervals."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from measure import Measure, Table, Way, in_turns, timed
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Calibrated, Fair, Gates, Segments
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.judged import Judged

ROWS = 1_000_000
SEGMENTS = 20
ROUNDS = 3
OURS = "ours: 7 gates with intervals, 20 segments together"
POINT = "scikit-learn and a loop: the same numbers, no interval"

GATES = Gates(
    (
        AtLeast("roc_auc", 0.6),
        AtMost("brier_score", 0.25),
        Against("roc_auc", "non_inferiority", 0.01, "pp"),
        Segments("places", ("place",), AtLeast("roc_auc", 0.6)),
        Fair("place", ("place",), "equalized_odds_difference", most=0.2),
        Calibrated("ece", most=0.05),
        Calibrated("slope", least=0.5, most=2.0),
    )
)


def run(_: Path, __: Path | None) -> Iterator[Table]:
    evidence = _evidence()
    assert evidence.production is not None
    ways = (
        Way(OURS, timed(lambda: decide(GATES, evidence, "binary"))),
        Way(POINT, timed(lambda: _points(evidence))),
    )
    samples = in_turns(ways, ROUNDS, warm_up=False)
    verdicts = decide(GATES, evidence, "binary")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    yield Table(
        topic="gates",
        title=f"deciding gates on {ROWS:,} held-out rows",
        measures=(Measure("seconds", "s"),),
        bases=(POINT,),
        samples=samples,
        notes=(f"{len(verdicts)} verdicts; peak memory of the whole process {peak:.2f} GB",),
    )


def _evidence() -> Evidence:
    random = np.random.default_rng(0)
    wished = random.normal(-1.5, 1.2, ROWS)
    truth = (random.random(ROWS) < 1 / (1 + np.exp(-wished))).astype(np.int64)
    candidate, production = (_judged(truth, wished, noise, random) for noise in (0.3, 0.35))
    place = pd.Series(random.integers(0, SEGMENTS, ROWS)).map("p{:02d}".format)
    return Evidence(candidate, production, rows=pd.DataFrame({"place": place}))


def _judged(
    truth: np.ndarray, wished: np.ndarray, noise: float, random: np.random.Generator
) -> Judged:
    score = 1 / (1 + np.exp(-(wished + random.normal(0, noise, ROWS))))
    return Judged(truth, score, (score > 0.5).astype(np.int64), positive=1)


def _points(evidence: Evidence) -> None:
    candidate, production = evidence.candidate, evidence.production
    assert production is not None
    roc_auc_score(candidate.truth, candidate.scores)
    roc_auc_score(production.truth, production.scores)
    brier_score_loss(candidate.truth, candidate.scores)
    calibration_curve(candidate.truth, candidate.scores, n_bins=15, strategy="quantile")
    for _, places in evidence.rows.groupby("place").indices.items():
        truth, decided = candidate.truth[places], candidate.decided[places]
        roc_auc_score(truth, candidate.scores[places])
        decided[truth == 1].mean()
        decided[truth == 0].mean()
