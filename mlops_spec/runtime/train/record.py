"""A training run as trackers show it: what went in, what came out, what was decided, the files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.train.provenance import environment, revision
from mlops_spec.state.journal import Step

RUN_TAG: Final = "mlops_spec.run"
GATE_TAG: Final = "mlops_spec.gate"
VERDICTS: Final = "verdicts.json"
EVIDENCE: Final = (
    "evaluation.json",
    VERDICTS,
    "heldout.parquet",
    "profile.json",
    "portable",
)


@dataclass(frozen=True, slots=True)
class Record:
    """One run. `metrics` holds each value with its bounds: `roc_auc`, `roc_auc.low`, `.high`.

    `files` are files and folders that are evidence; `at` is in seconds since 1970.
    """

    run: str
    at: float
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    verdicts: tuple[Mapping[str, Any], ...]
    files: tuple[Path, ...]
    environment: str


class Tracker(Protocol):
    """Where people look at runs."""

    def track(self, record: Record) -> str:
        """Show a run under its own id; where it is shown. Asked twice, there is one."""


def record_of(context: Context, dataset: Dataset, recipe: Recipe, gated: Step) -> Record:
    """The record of a run that was gated, from what its steps have left behind."""
    folder = context.workspace.run(gated.run)
    evaluation = json.loads((folder / "evaluation.json").read_text())
    tags = {GATE_TAG: gated.digest, "outcome": str(gated.output["outcome"])}
    return Record(
        run=gated.run,
        at=context.store.clock(),
        params={name: str(value) for name, value in _params(dataset, recipe).items()},
        metrics=dict(_numbers(evaluation["metrics"])),
        tags={**_tags(context, recipe, gated.run), **tags},
        verdicts=tuple(gated.output["verdicts"]),
        files=tuple(folder / name for name in EVIDENCE if (folder / name).exists()),
        environment=environment(),
    )


def _numbers(metrics: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    return {
        f"{name}{suffix}": number
        for name, found in metrics.items()
        for suffix, end in (("", "value"), (".low", "low"), (".high", "high"))
        if (number := found[end]) is not None
    }


def _params(dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    return {
        "estimator": recipe.estimator,
        "task": recipe.task,
        "seed": recipe.seed,
        "features": ", ".join(recipe.features),
        "dataset": dataset.name,
        "split": f"{dataset.split.by}, test {dataset.split.test:g}",
        **{f"params.{name}": value for name, value in recipe.params.items()},
    }


def _tags(context: Context, recipe: Recipe, run: str) -> dict[str, str]:
    """What identifies the run: its data, each facet of its spec, its code, who it is."""
    fitted = newest(context, "fit", run)
    return {
        RUN_TAG: run,
        "mlops_spec.model": context.model,
        "mlops_spec.environment": context.environment,
        "mlops_spec.data": _data_of(context, run),
        "mlops_spec.seed": str(recipe.seed),
        "mlops_spec.model_sha256": str(fitted.output["sha256"]) if fitted else "",
        **{f"mlops_spec.facet.{name}": value for name, value in sorted(context.facets.items())},
        **{f"mlops_spec.{name}": value for name, value in revision(context.root).items()},
    }


def _data_of(context: Context, run: str) -> str:
    """The digest of the rows that a run was trained on."""
    fitted = newest(context, "fit", run)
    return str(fitted.output.get("data", "")) if fitted else ""


def newest(context: Context, step: str, run: str) -> Step | None:
    done = [
        s for s in context.journal.steps(context.model, step=step, run=run) if s.status == "done"
    ]
    return done[-1] if done else None
