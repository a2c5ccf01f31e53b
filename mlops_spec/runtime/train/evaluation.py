"""The step `evaluate`: the model on the held-out rows. Gates need no more than it writes."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.data.checks import read_checked
from mlops_spec.runtime.data.labels import Labels, lists_of
from mlops_spec.runtime.data.split import TEST, TRAIN, VALIDATION, read_parts
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.refusal import ANOTHER_RUN, Refusal
from mlops_spec.runtime.train.facts import FACTS, heldout_facts
from mlops_spec.runtime.train.fitted import FittedModel, Predictions, load_pipeline
from mlops_spec.runtime.train.pipeline import features_of
from mlops_spec.stats.metrics import Judged, estimate
from mlops_spec.terms.digest import finite
from mlops_spec.terms.keys import evaluate_key, run_id
from mlops_spec.terms.metrics import METRICS, PRIMARY

LEVEL: Final = 0.95


def evaluate(context: Context, dataset: Dataset, recipe: Recipe, data: str) -> Output:
    """Step `evaluate`: `n`, `level`, `metrics` (value, low, high, n), `validation`, `portable`.

    Writes into `runs/<run>/`: `heldout.parquet` (key, time, label, score, decision, one row each),
    `heldout-rows.parquet` (the same rows, all columns of the Dataset), `evaluation.json`,
    `profile.json` (the monitor's baseline), `facts.json` (counts for power warnings) and
    `portable/` (what the service loads).
    """
    run = run_id(data, context.facets)
    return context.step(
        "evaluate", evaluate_key(run), run, lambda _: _evaluate(context, dataset, recipe, data)
    )


def _evaluate(context: Context, dataset: Dataset, recipe: Recipe, data: str) -> Output:
    run = run_id(data, context.facets)
    folder = context.workspace.run(run)
    model = load_pipeline(context, run)
    rows, parts = read_checked(context, data), read_parts(context, data)
    held_out = rows[parts == TEST].reset_index(drop=True)
    answers = model.predict(held_out)
    _write(held_out, folder / "heldout-rows.parquet")
    _write(answer_rows(held_out, answers, dataset), folder / "heldout.parquet")
    judged = judged_rows(held_out[dataset.label], answers, model.labels)
    output: Output = {
        "n": len(held_out),
        "level": LEVEL,
        "metrics": all_metrics(judged, recipe.task),
        "validation": _on_validation(rows[parts == VALIDATION], model, dataset),
        **_derived(model, rows[parts == TRAIN], held_out, answers, folder),
    }
    _write_json(folder / "evaluation.json", output)
    facts = heldout_facts(held_out, judged, dataset, recipe, output["metrics"], len(rows))
    _write_json(folder / FACTS, facts)
    return output


def _derived(
    model: FittedModel,
    train: pd.DataFrame,
    held_out: pd.DataFrame,
    answers: Predictions,
    folder: Path,
) -> Output:
    """What serving and monitoring need of this run: the portable model, the baseline profile."""
    from mlops_spec.runtime.monitor.profile import baseline
    from mlops_spec.runtime.portable import export

    features = features_of(held_out, model.dataset, model.recipe)
    portable = export(model.pipeline, features, folder / "portable", positive=model.labels.positive)
    shown = answers.decisions if model.recipe.task == "multiclass" else answers.scores
    _write_json(folder / "profile.json", baseline(train, model.dataset, model.recipe, shown))
    return {"portable": portable.to_json()}


def all_metrics(judged: Judged, task: str) -> dict[str, dict[str, float]]:
    """Every metric of the task, with its interval at `LEVEL`."""
    return {
        name: asdict(estimate(name, judged, LEVEL))
        for name, metric in METRICS.items()
        if task in metric.tasks
    }


def judged_rows(label: pd.Series, answers: Predictions, labels: Labels) -> Judged:
    """Truth and answers in the form that the metrics take."""
    if not labels.classes:
        group = None if answers.group is None else lists_of(pd.Series(answers.group))
        truth = label.to_numpy(dtype=np.float64)
        return Judged(truth, answers.scores, answers.scores, group=group)
    positive = None if labels.positive is None else labels.positive_place
    decided = labels.codes(pd.Series(answers.decisions.tolist()))
    return Judged(labels.codes(label), answers.scores, decided, positive, classes=labels.classes)


def _on_validation(rows: pd.DataFrame, model: FittedModel, dataset: Dataset) -> Any:
    """The primary metric on rows that neither taught nor judge: did time move on between?"""
    if rows.empty:
        return None
    judged = judged_rows(rows[dataset.label], model.predict(rows), model.labels)
    metric = PRIMARY[model.recipe.task]
    return {"metric": metric, **asdict(estimate(metric, judged, LEVEL))}


def answer_rows(held_out: pd.DataFrame, answers: Predictions, dataset: Dataset) -> pd.DataFrame:
    """One row an answer. A multiclass `score` is the probability of the decision; `score_<i>` of
    class i stands beside it.
    """
    scores = answers.scores
    by_class = (
        {f"score_{i}": scores[:, i] for i in range(scores.shape[1])} if scores.ndim == 2 else {}
    )
    return pd.DataFrame(
        {
            "key": held_out[dataset.key],
            "time": held_out[dataset.time] if dataset.time else pd.NaT,
            "label": held_out[dataset.label],
            "score": scores.max(axis=1) if scores.ndim == 2 else scores,
            "decision": answers.decisions,
            **({} if answers.group is None else {"group": answers.group}),
            **by_class,
        }
    )


def heldout_rows(context: Context, run: str) -> pd.DataFrame:
    """The held-out rows of a run with all columns of the Dataset: for comparing, and for replay."""
    return _read(context, run, "heldout-rows.parquet")


def heldout_columns(context: Context, run: str, names: tuple[str, ...]) -> pd.DataFrame:
    """Some columns of the held-out rows, of those that they have."""
    path = _found(context, run, "heldout-rows.parquet")
    known = set(pq.read_schema(path).names)
    return pd.read_parquet(path, columns=[name for name in names if name in known])


def heldout_answers(context: Context, run: str) -> pd.DataFrame:
    """What the run's model said of them: key, time, label, score, decision."""
    return _read(context, run, "heldout.parquet")


def recorded_predictions(answers: pd.DataFrame) -> Predictions:
    """The predictions as they were recorded at evaluation."""
    by_class = sorted(
        (name for name in answers.columns if name.startswith("score_")),
        key=lambda name: int(name.removeprefix("score_")),
    )
    scores = answers[by_class] if by_class else answers["score"]
    group = answers["group"].to_numpy(dtype=object) if "group" in answers else None
    return Predictions(scores.to_numpy(dtype=np.float64), answers["decision"].to_numpy(), group)


def _read(context: Context, run: str, name: str) -> pd.DataFrame:
    return pd.read_parquet(_found(context, run, name))


def _found(context: Context, run: str, name: str) -> Path:
    path = context.workspace.run(run) / name
    if not path.exists():
        raise Refusal("MLS701", f"{path} is gone", f"train again: {ANOTHER_RUN}")
    return path


def _write(rows: pd.DataFrame, path: Path) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), unfinished)
    unfinished.replace(path)


def _write_json(path: Path, content: Any) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(finite(content), indent=2, ensure_ascii=False))
    unfinished.replace(path)
