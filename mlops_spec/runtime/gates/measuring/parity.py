"""What is served against what was trained and judged: the same answers to the same rows?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_spec.runtime.gates.measured import Agreement
from mlops_spec.runtime.gates.measuring.requests import ROWS_AT_ONCE, requested
from mlops_spec.runtime.gates.measuring.subject import Subject, spread
from mlops_spec.runtime.portable.scorer import Scores
from mlops_spec.runtime.train.evaluation import recorded_predictions
from mlops_spec.terms.measuring import CONSISTENCY_ROWS

ROWS: Final = CONSISTENCY_ROWS
# A regression's prediction differs when it is off by more than this part of it (or of 1).
DIFFERS: Final = 1e-4


def agreements(subject: Subject) -> tuple[Agreement, ...]:
    """The portable form against scikit-learn, and rows as requests against recorded answers."""
    return (*at_export(subject.evaluation["portable"]), _as_requests(subject))


def at_export(report: dict[str, Any]) -> tuple[Agreement, ...]:
    """As it was measured at export; nothing where the portable form is scikit-learn itself."""
    parity = report["parity"]
    if parity is None:
        return ()
    rows, changed = parity["rows"], round(parity["changed_decisions"] * parity["rows"])
    difference = parity["max_difference"]
    apart = np.inf if difference is None else difference
    return (Agreement("portable form against scikit-learn", rows, apart, changed),)


def _as_requests(subject: Subject) -> Agreement:
    places = spread(len(subject.rows), ROWS)
    asked = requested(subject.fitted, subject.rows.iloc[places], ROWS_AT_ONCE)
    answered = [subject.scorer.score(columns) for columns in asked]
    recorded = subject.answers.iloc[places]
    apart = _apart(np.concatenate([_scores(each) for each in answered]), recorded)
    if subject.scorer.meaning.task == "regression":
        changed = int(np.sum(apart > DIFFERS))
    else:
        said = [decision for each in answered for decision in each.decision]
        changed = sum(a != b for a, b in zip(said, recorded["decision"], strict=True))
    return Agreement("rows as requests", len(places), float(apart.max(initial=0.0)), changed)


def _scores(answers: Scores) -> npt.NDArray[np.float64]:
    found = answers.score if answers.probabilities is None else answers.probabilities
    return np.array(found, dtype=np.float64)


def _apart(found: npt.NDArray[np.float64], recorded: pd.DataFrame) -> npt.NDArray[np.float64]:
    """By row; of a regression relative to the prediction where that is above 1."""
    wanted = recorded_predictions(recorded).scores
    apart = np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted))
    by_row = apart.max(axis=1) if apart.ndim == 2 else apart
    return np.nan_to_num(by_row, nan=np.inf)
