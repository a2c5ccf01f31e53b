"""A run as it is measured: its recorded rows and answers, its models, loaded when first needed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.portable.scorer import Scorer, load
from mlops_spec.runtime.refusal import ANOTHER_RUN, Refusal
from mlops_spec.runtime.train.evaluation import heldout_answers, heldout_rows
from mlops_spec.runtime.train.fitted import FittedModel, load_pipeline


class Subject:
    """One run. Everything may raise `Refusal` when it is gone, or is not what was recorded."""

    def __init__(self, context: Context, run: str) -> None:
        self.context = context
        self.run = run

    @property
    def portable(self) -> Path:
        return self.context.workspace.run(self.run) / "portable"

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        """What the step `evaluate` said; the journal vouches for the portable model by it."""
        return self._recorded("evaluate")

    @cached_property
    def data(self) -> str:
        """The digest of the snapshot that it was trained on."""
        return str(self._recorded("fit")["data"])

    def _recorded(self, step: str) -> dict[str, Any]:
        steps = self.context.journal.steps(self.context.model, step=step, run=self.run)
        done = next((each for each in steps if each.status == "done"), None)
        if done is None:
            raise Refusal(
                "MLS602",
                f"the step {step} of run {self.run} is not in the journal",
                f"train it again: {ANOTHER_RUN}",
            )
        return done.output

    @cached_property
    def fitted(self) -> FittedModel:
        return load_pipeline(self.context, self.run)

    @cached_property
    def scorer(self) -> Scorer:
        """The portable model, as a service loads it."""
        return load(self.portable, self.evaluation["portable"]["digest"])

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The held-out rows, typed."""
        return heldout_rows(self.context, self.run)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """What was recorded of the model's answers to them."""
        return heldout_answers(self.context, self.run)


def spread(n: int, most: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The places of at most `most` of n rows, evenly over all of them."""
    if n <= most:
        return np.arange(n)
    return np.linspace(0, n - 1, most).astype(np.intp)
