"""Held-out rows asked of a release before anybody else asks: it must answer as it was evaluated."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mlops_spec.runtime.rollout.replay import body_of
from mlops_spec.terms.verdict import Outcome, Verdict

if TYPE_CHECKING:
    import pandas as pd

CHECK: Final = "golden rows"
ROWS: Final = 20
# Scores may differ by this much, or by this part of the score if that is more: a portable form
# computes in float32, and was proven within less on all held-out rows.
TOLERANCE: Final = 1e-3
TIMEOUT: Final = 30.0
# The answer of a service to the body of a request; an OSError when there is none.
Ask = Callable[[bytes], Any]


def golden(rows: Sequence[dict[str, Any]], expected: pd.Series, ask: Ask) -> Verdict:
    """Whether the release that is asked scores these rows as the evaluation did.

    `estimate` is the largest difference. No row, no answer or a score that is NaN is never a pass.
    """
    if not rows:
        return Verdict(CHECK, Outcome.NO_DATA, reason="there is no held-out row")
    try:
        scores = np.array([_score(ask, row) for row in rows], dtype=np.float64)
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = f"{type(error).__name__}: {_words(error)}"
        return Verdict(CHECK, Outcome.FAIL, n=len(rows), reason=reason)
    wanted = expected.to_numpy(dtype=np.float64)
    difference = np.abs(scores - wanted)
    allowed = TOLERANCE * np.maximum(1, np.abs(wanted))
    good = bool((difference <= allowed).all())
    return Verdict(
        CHECK,
        Outcome.PASS if good else Outcome.FAIL,
        estimate=float(np.nanmax(difference)) if np.isfinite(difference).any() else None,
        n=len(rows),
        limit=f"{TOLERANCE:g}",
        reason="" if good else "the service does not score as the model that was evaluated",
    )


def spread(rows: pd.DataFrame, n: int = ROWS) -> pd.DataFrame:
    """n rows, evenly over all of them."""
    if len(rows) <= n:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, n).astype(int)]


def answer_at(url: str) -> Ask:
    """How to ask a service of this machine."""

    def ask(body: bytes) -> Any:
        request = urllib.request.Request(  # noqa: S310  # our own process on this machine
            f"{url}/predict", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return json.load(answer)

    return ask


def _score(ask: Ask, row: dict[str, Any]) -> float:
    return float(ask(body_of(row))["predictions"][0]["score"])


def _words(error: Exception) -> str:
    """The error with the service's own words, which name the field that it refused."""
    if isinstance(error, urllib.error.HTTPError):
        return f"{error} {error.read(500).decode(errors='replace')}".strip()
    return str(error)
