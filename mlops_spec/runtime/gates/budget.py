"""How many candidates one set of held-out rows has judged: the more, the luckier the best.

With no true gain, k candidates tested at level alpha pass at least once with a chance of at most
min(1, k * alpha) (Bonferroni's bound; verdicts on the same rows are not independent).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Final

import pandas as pd

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Gates
from mlops_spec.runtime.train.evaluation import heldout_answers
from mlops_spec.state import Step
from mlops_spec.terms.verdict import Outcome, Verdict

# From this candidate on, or from four fifths of a smaller budget, the count is told.
_TOLD_FROM: Final = 10
_TOLD_SHARE: Final = 0.8


def held_out_digest(context: Context, run: str) -> str:
    """Names the held-out rows of a run: their keys and labels, in whatever order."""
    answers = heldout_answers(context, run)
    rows = pd.DataFrame({"key": answers["key"].astype(str), "label": answers["label"].astype(str)})
    hashed = pd.util.hash_pandas_object(rows, index=False).to_numpy().copy()
    hashed.sort()
    return hashlib.sha256(hashed.tobytes()).hexdigest()[:16]


def candidates_on(context: Context, held_out: str, run: str) -> int:
    """The runs that these rows have judged in this environment, this one included."""
    gated = context.journal.steps(context.model, step="gate")
    return len({run} | {one.run for one in gated if one.output.get("held_out") == held_out})


def judged_by(step: Step, gated: Iterable[Step]) -> int:
    """The runs that the rows of a decision had judged when it was taken, its own included.

    0 for a decision that did not record its rows.
    """
    held_out = step.output.get("held_out")
    if not held_out:
        return 0
    until = step.finished_at or 0.0
    return len(
        {step.run}
        | {
            one.run
            for one in gated
            if one.output.get("held_out") == held_out and (one.finished_at or math.inf) <= until
        }
    )


def chance_of_luck(judged: int, confidence: float) -> float:
    """At most how often one of so many candidates without any gain has passed by now."""
    return min(1.0, judged * (1 - confidence))


def spent(gates: Gates, judged: int) -> tuple[Verdict, ...]:
    """The verdict on the rows themselves; none while few candidates were judged on them."""
    budget = gates.evaluation_budget
    if judged < min(_TOLD_FROM, _TOLD_SHARE * budget):
        return ()
    chance = chance_of_luck(judged, gates.confidence)
    luck = f"one without any gain has passed by now with a chance of up to {chance:.0%}"
    within = judged <= budget
    return (
        Verdict(
            "held-out rows",
            Outcome.PASS if within else Outcome.INCONCLUSIVE,
            float(judged),
            n=judged,
            limit=f"≤ {budget} candidates",
            reason=luck if within else f"{luck}; take fresh rows, or raise evaluation_budget",
            method="count of the candidates judged on the same keys and labels",
        ),
    )
