"""All that a card tells of, read once from a run's folder and the journal. Nothing is measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow.parquet as pq

from mlops_spec.runtime.card.origin import read_origin
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.gates.measured import Timings
from mlops_spec.runtime.gates.measuring import records
from mlops_spec.runtime.gates.recorded import (
    Made,
    Unrecorded,
    read_columns,
    read_judged,
    read_made,
    read_production,
)
from mlops_spec.state import Step
from mlops_spec.state.approvals import Approval, approval_of
from mlops_spec.state.asked import asked_or_applied
from mlops_spec.stats.judged import Judged
from mlops_spec.terms.keys import check_key
from mlops_spec.terms.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Decided:
    """The newest verdicts on a run, against which run, and what a person said of them."""

    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    baseline: str
    at: float | None
    approval: Approval | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One run. What could not be read is empty, and `missing` says why.

    `steps` are the run's finished steps by name, `spec` the fields as asked for, or applied last.
    `production` is what it answered on the same rows; a text says why there is no answer.
    """

    model: str
    environment: str
    run: str
    version: str  # "" without one
    folder: Path
    manifest: Mapping[str, Any]
    made: Made | None
    evaluation: Mapping[str, Any]
    decided: Decided | None
    steps: Mapping[str, Step]
    origin: Mapping[str, Any]
    spec: Mapping[str, Any]
    judged: Judged | None
    production: Judged | str
    times: pd.Series | None
    parts: pd.DataFrame | None  # label, time and part (0 to 2) of all rows
    timings: Timings | None
    same_data: int  # runs that were judged on rows of the same data
    missing: tuple[str, ...]

    @property
    def task(self) -> str:
        return self.made.task if self.made else ""

    @property
    def level(self) -> float:
        return float(self.evaluation.get("level", 0.95))

    def columns(self, wanted: Iterable[str]) -> pd.DataFrame:
        """Columns of the held-out rows; `Unrecorded` when they are gone."""
        return read_columns(self.folder / "heldout-rows.parquet", wanted)


def read_recorded(context: Context, run: str, version: str | None = None) -> Recorded:
    """Everything that is there; the version of the journal where none is given."""
    folder, missing = context.workspace.run(run), list[str]()
    made = _or_none(missing, lambda: read_made(folder))
    decided = _decided(context, run)
    judged = None if made is None else _or_none(missing, lambda: read_judged(folder, made))
    origin = read_origin(folder)
    if not origin:
        missing.append("where the run comes from (origin.json) was not recorded")
    steps = _steps(context, run, origin)
    return Recorded(
        model=context.model,
        environment=context.environment,
        run=run,
        version=_version(steps) if version is None else version,
        folder=folder,
        manifest=_json(folder / "model" / "manifest.json", []),
        made=made,
        evaluation=_json(folder / "evaluation.json", missing),
        decided=decided,
        steps=steps,
        origin=origin,
        spec=asked_or_applied(context.journal, context.model, origin.get("facets", context.facets)),
        judged=judged,
        production=_production(folder, decided, judged, made),
        times=_or_none([], lambda: read_columns(folder / "heldout.parquet", ["time"])["time"]),
        parts=_parts(context, run, steps, origin, missing),
        timings=records.timings(folder / records.FOLDER, decided.baseline if decided else ""),
        same_data=_same_data(context, steps),
        missing=tuple(missing),
    )


def _or_none(missing: list[str], read: Any) -> Any:
    try:
        return read()
    except (Unrecorded, KeyError) as gone:
        missing.append(str(gone))
        return None


def _json(path: Path, missing: list[str]) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        missing.append(f"{path.name} is gone or cannot be read")
        return {}
    return found if isinstance(found, dict) else {}


def _decided(context: Context, run: str) -> Decided | None:
    gated = [s for s in context.journal.steps(context.model, step="gate", run=run)
             if s.status == "done"]  # fmt: skip
    if not gated:
        return None
    output = gated[-1].output
    return Decided(
        Outcome(output["outcome"]),
        tuple(map(Verdict.from_json, output["verdicts"])),
        str(output.get("baseline", "")),
        gated[-1].finished_at,
        approval_of(context.journal, context.model, run, gated[-1].digest),
    )


def _steps(context: Context, run: str, origin: Mapping[str, Any]) -> dict[str, Step]:
    """The run's steps, and those that its data had before there was a run."""
    journal = context.journal
    found = {s.step: s for s in journal.steps(context.model, run=run) if s.status == "done"}
    data = _data(found)
    for step in journal.steps(context.model, step="snapshot"):
        if step.status == "done" and step.output.get("data") == data:
            found["snapshot"] = step
    facets = origin.get("facets", context.facets)
    if data and {"data", "train"} <= set(facets):
        checked = journal.done(context.model, "check", check_key(data, facets))
        if checked is not None:
            found["check"] = checked
    return found


def _version(steps: Mapping[str, Step]) -> str:
    step = steps.get("register")
    return str(step.output.get("version", "")) if step else ""


def _data(steps: Mapping[str, Step]) -> str:
    return str(steps["fit"].output.get("data", "")) if "fit" in steps else ""


def _same_data(context: Context, steps: Mapping[str, Step]) -> int:
    data = _data(steps)
    fitted = context.journal.steps(context.model, step="fit")
    return len({s.run for s in fitted if data and s.output.get("data") == data})


def _production(
    folder: Path, decided: Decided | None, judged: Judged | None, made: Made | None
) -> Judged | str:
    if decided is None or not decided.baseline:
        return "nothing was in production when this run was judged"
    if judged is None or made is None:
        return "the run's own answers are not there to stand beside"
    try:
        return read_production(folder, decided.baseline, judged, made)
    except Unrecorded as gone:
        return str(gone)


def _parts(
    context: Context, run: str, steps: Mapping[str, Step], origin: Mapping[str, Any],
    missing: list[str],
) -> pd.DataFrame | None:  # fmt: skip
    """Label and time of all checked rows with the part that each fell into."""
    data, label = _data(steps), str(origin.get("label", ""))
    facets = origin.get("facets", {})
    if not (data and label and {"data", "train"} <= set(facets)):
        return None
    path = context.workspace.snapshot(data) / f"checked-{check_key(data, facets)}.parquet"
    try:
        rows = read_columns(path, [label, *filter(None, [origin.get("time")])])
        part = pq.read_table(context.workspace.run(run) / "split.parquet")["part"].to_numpy()
        return rows.assign(**{_PART: part})
    except (Unrecorded, OSError, ValueError, KeyError) as gone:
        missing.append(f"the rows of each part: {gone}")
        return None


_PART: Final = "\0part"  # no column of a user's has this name


def part_of(rows: pd.DataFrame) -> pd.Series:
    """The part of each row of `Recorded.parts`."""
    return rows[_PART]
