"""The recorded model that a self-test starts from: production, or the newest that was gated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd

from mlops_spec.runtime.declare import Gates
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.groups import Places
from mlops_spec.runtime.gates.recorded import Unrecorded, read_columns
from mlops_spec.runtime.gates.reread import Reread, reread
from mlops_spec.runtime.gates.selftest.selves import together
from mlops_spec.runtime.gates.selftest.slower import beside_itself
from mlops_spec.runtime.gates.selftest.targets import candidates
from mlops_spec.runtime.refusal import ANOTHER_RUN, Refusal
from mlops_spec.state import Deployment, Step
from mlops_spec.stats.resample import of_clusters
from mlops_spec.terms.workspace import Workspace

Role = Literal["production", "newest"]
MOST_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Subject:
    """The evidence of a model beside itself. `features`: their types by name."""

    run: str
    role: Role
    task: str
    features: dict[str, str]
    control: Evidence
    held_out: int


def subject(
    workspace: Workspace, gates: Gates, live: Deployment | None, gated: Sequence[Step]
) -> Subject:
    """`Refusal` MLS610 when there is no model to start from, or nothing readable is left of it."""
    done = [step for step in gated if step.status == "done"]
    newest = max(done, key=lambda step: step.finished_at or 0.0, default=None)
    run = live.run if live else newest.run if newest else ""
    if not run:
        raise Refusal(
            "MLS610",
            "no run of this model was gated here, so that there is nothing to make mutants from",
            "train one first: spec apply",
        )
    baselines = [str(step.output.get("baseline", "")) for step in done if step.run == run]
    found = reread(workspace.run(run), gates, baselines[-1] if baselines else "")
    if isinstance(found, str):
        raise Refusal(
            "MLS610",
            f"the evidence of run {run} cannot be used: {found}",
            f"train again: {ANOTHER_RUN}",
        )
    control = _beside_itself(found.evidence, _with_features(workspace, run, found))
    return Subject(
        run, "production" if live else "newest", found.task, found.made.features,
        _sampled(control), len(control.candidate.truth),
    )  # fmt: skip


def _with_features(workspace: Workspace, run: str, found: Reread) -> pd.DataFrame:
    """The rules' columns, and those that could make groups where the file still has them."""
    rows = found.evidence.rows
    more = [n for n in candidates(found.made.features, list(found.made.features)) if n not in rows]
    if not more:
        return rows
    try:
        added = read_columns(workspace.run(run) / "heldout-rows.parquet", more)
    except Unrecorded:
        return rows
    return pd.concat([rows, added], axis=1) if len(added) == len(rows) else rows


def _beside_itself(evidence: Evidence, rows: pd.DataFrame) -> Evidence:
    return replace(
        evidence,
        production=evidence.candidate,
        obstacle="",
        rows=rows,
        measured=beside_itself(evidence.measured),
    )


def _sampled(evidence: Evidence) -> Evidence:
    """The evidence on so many rows that all mutants are judged within a minute."""
    n = len(evidence.candidate.truth)
    if n <= MOST_ROWS:
        return evidence
    places = _some_rows(together(evidence), n)
    candidate, units = evidence.candidate.take(places), evidence.units
    kept = None if units is None or units.of_row is None else of_clusters(units.of_row[places])
    return replace(
        evidence, candidate=candidate, production=candidate, rows=evidence.rows.iloc[places],
        units=kept,
    )  # fmt: skip


def _some_rows(unit: Places | None, n: int) -> Places:
    """Rows chosen by chance, or whole units of them: `MOST_ROWS`, or what the last unit adds."""
    random = np.random.default_rng(0)
    if unit is None:
        return np.sort(random.permutation(n)[:MOST_ROWS])
    sizes = np.bincount(unit)
    order = random.permutation(len(sizes))
    chosen = order[: int(np.searchsorted(np.cumsum(sizes[order]), MOST_ROWS)) + 1]
    return np.flatnonzero(np.isin(unit, chosen))
