"""Evidence on a run, from what was recorded of it and of production's model on the same rows.

What was not recorded yet is measured now: production's model is asked only when it has not
answered these rows before.
"""

from __future__ import annotations

from dataclasses import replace

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Fair, Gates, Segments
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measuring.measure import measure
from mlops_spec.runtime.gates.recorded import (
    Unrecorded,
    read_columns,
    read_judged,
    read_made,
    read_production,
    record_production,
)
from mlops_spec.runtime.gates.units import units_of
from mlops_spec.runtime.refusal import Refusal, gist
from mlops_spec.runtime.train.evaluation import (
    heldout_answers,
    heldout_columns,
    heldout_rows,
    judged_rows,
    recorded_predictions,
)
from mlops_spec.runtime.train.fitted import (
    FittedModel,
    Predictions,
    load_pipeline,
    vouched_for,
)


def collect(context: Context, gates: Gates, run: str, baseline: str) -> Evidence:
    """The evidence on a run, and on the run that production serves ("" for a first model)."""
    evidence = _recorded(context, run, baseline) or _measured(context, run, baseline)
    rows = heldout_columns(context, run, grouping_columns(gates))
    time = read_columns(context.workspace.run(run) / "heldout.parquet", ["time"])["time"]
    return replace(
        evidence,
        rows=rows,
        units=units_of(gates, rows, time),
        measured=measure(context, gates, run, baseline),
    )


def grouping_columns(gates: Gates) -> tuple[str, ...]:
    """The columns by which the policy's rules put rows together."""
    named = [gates.cluster] if gates.cluster else []
    for rule in gates.gates:
        if isinstance(rule, Segments | Fair):
            named.extend(rule.by)
    return tuple(dict.fromkeys(named))


def _recorded(context: Context, run: str, baseline: str) -> Evidence | None:
    """All answers as they were recorded, with no model loaded; None where some were not.

    What kept production from answering may have gone since, so that it is always asked again.
    """
    folder = vouched_for(context, run).parent
    try:
        made = read_made(folder)
        judged = read_judged(folder, made)
        said = read_production(folder, baseline, judged, made) if baseline else None
    except Unrecorded:
        return None
    return None if isinstance(said, str) else Evidence(judged, said)


def _measured(context: Context, run: str, baseline: str) -> Evidence:
    """Production's model on the same rows, or why it has nothing to say of them."""
    candidate, answers = load_pipeline(context, run), heldout_answers(context, run)
    judged = judged_rows(answers["label"], recorded_predictions(answers), candidate.labels)
    if not baseline:
        return Evidence(judged, None)
    said = _said_by_production(context, run, baseline, candidate)
    record_production(context.workspace.run(run), baseline, said)
    if isinstance(said, str):
        return Evidence(judged, None, said)
    production = judged_rows(answers["label"], said, candidate.labels)
    # Lists are the candidate's, whatever column production was trained to rank by.
    return Evidence(judged, replace(production, group=judged.group))


def _said_by_production(
    context: Context, run: str, baseline: str, candidate: FittedModel
) -> Predictions | str:
    """Production's answers on the candidate's rows, or why there are none."""
    try:
        production = load_pipeline(context, baseline)
    except Refusal as refusal:
        return f"production's model cannot be loaded: {refusal.message}"
    rows = heldout_rows(context, run)
    obstacle = _why_not(production, candidate, set(rows.columns))
    if obstacle:
        return obstacle
    try:
        return production.predict(rows)
    except (Refusal, ValueError, TypeError) as error:
        return f"production cannot score these rows: {gist(error)}"


def _why_not(production: FittedModel, candidate: FittedModel, columns: set[str]) -> str:
    """Why production's model cannot be judged on the candidate's rows; "" when it can."""
    if production.recipe.task != candidate.recipe.task:
        return f"production is a {production.recipe.task} model"
    if production.dataset.label != candidate.dataset.label:
        return f"production predicts {production.dataset.label!r}"
    if production.labels != candidate.labels:
        return "production was trained on other label values"
    gone = [name for name in production.recipe.features if name not in columns]
    if gone:
        return (
            f"production needs the column {gone[0]!r}, which the rows no longer have; keep it in "
            "`columns` until a model without it is in production"
        )
    return _retyped(production, candidate)


def _retyped(production: FittedModel, candidate: FittedModel) -> str:
    """A feature that both have, and that means another thing now. All numbers are read alike."""
    for column in candidate.dataset.columns:
        if column.name not in production.recipe.features:
            continue
        before = production.dataset.column(column.name).type
        if before != column.type and not {before, column.type} <= {"float", "integer", "boolean"}:
            return (
                f"production was trained on {column.name!r} as {before}, which is {column.type} "
                "now; give the new column another name, and keep both for a while"
            )
    return ""
