"""All that gates decide on: what was true, what was answered, what was measured. No decisions."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from mlops_spec.runtime.gates.measured import Measured
from mlops_spec.stats.metrics import Judged
from mlops_spec.stats.resample import Units


@dataclass(frozen=True, slots=True)
class Evidence:
    """Truth and answers on the same held-out rows; of production's model too, or why not.

    `rows` are the columns of the same rows, in the same order, that rules group them by.
    `units`: the rows that go together, by the policy's `cluster` and `blocks`; None: each is alone.
    """

    candidate: Judged
    production: Judged | None
    obstacle: str = ""
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    measured: Measured = field(default_factory=Measured)
    units: Units | None = None

    @property
    def alike(self) -> bool:
        """Whether production answers every row as the candidate does: then nothing can differ."""
        return self.production is not None and self.candidate.answers_as(self.production)

    @property
    def is_first(self) -> bool:
        """Whether there is no production to compare with. One that cannot answer is an obstacle."""
        return self.production is None and not self.obstacle
