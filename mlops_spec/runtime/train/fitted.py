"""A fitted model on disk: written once, loaded only when its bytes are those that were recorded."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.data.labels import Label, Labels
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.refusal import ANOTHER_RUN, Refusal, gist
from mlops_spec.runtime.train.overflow import enormous
from mlops_spec.runtime.train.pipeline import features_of
from mlops_spec.stats.estimate import Floats
from mlops_spec.terms.digest import file_digest
from mlops_spec.terms.tasks import answers_a_number

MODEL: Final = "model.joblib"
MANIFEST: Final = "manifest.json"
CHUNK_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Predictions:
    """`scores`: probability of the positive (n), of each class (n, k), or the prediction (n).

    `group`: the list of each row, where a ranking is asked for rows that say it.
    """

    scores: Floats
    decisions: npt.NDArray[Any]
    group: npt.NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A pipeline with all that is needed to use it: the features and their types, the classes."""

    pipeline: Any
    dataset: Dataset
    recipe: Recipe
    labels: Labels

    def predict(self, rows: pd.DataFrame) -> Predictions:
        """Score typed rows, a chunk at a time so that memory stays bounded."""
        chunks = [
            self._predict(rows.iloc[start : start + CHUNK_ROWS])
            for start in range(0, max(len(rows), 1), CHUNK_ROWS)
        ]
        return Predictions(
            np.concatenate([chunk.scores for chunk in chunks]),
            np.concatenate([chunk.decisions for chunk in chunks]),
            _joined([chunk.group for chunk in chunks]),
        )

    def _predict(self, rows: pd.DataFrame) -> Predictions:
        features = features_of(rows, self.dataset, self.recipe)
        if answers_a_number(self.recipe.task):
            predicted = self._asked(self.pipeline.predict, features)
            return Predictions(predicted, predicted, self._lists(rows))
        shares = self._asked(self.pipeline.predict_proba, features)
        decisions = np.asarray(self.labels.classes)[shares.argmax(axis=1)]
        if self.recipe.task == "multiclass":
            return Predictions(shares, decisions)
        return Predictions(shares[:, self.labels.positive_place], decisions)

    def _lists(self, rows: pd.DataFrame) -> npt.NDArray[Any] | None:
        group = self.recipe.group
        return None if group is None or group not in rows else rows[group].to_numpy(dtype=object)

    def _asked(self, method: Callable[[pd.DataFrame], Any], features: pd.DataFrame) -> Floats:
        """The estimator's answers. `Refusal` MLS707 when it has none, or some are not numbers."""
        try:
            answers = np.asarray(method(features), dtype=np.float64)
        except Exception as error:
            raise Refusal(
                "MLS707",
                f"{self.recipe.estimator} cannot predict: {gist(error)}",
                _look(features),
            ) from error
        strange = int((~np.isfinite(answers)).reshape(len(features), -1).any(axis=1).sum())
        if strange:
            raise Refusal(
                "MLS707",
                f"{self.recipe.estimator} answers {strange:,} of {len(features):,} rows with what "
                "is not a finite number",
                _look(features),
            )
        return answers


def _look(features: pd.DataFrame) -> str:
    found = enormous(features)
    if not found:
        return "look at `train.params` and at the features"
    help = "correct the data, or bound the column by `min` and `max`"
    return f"the feature {found}, which overflows; {help}"


def _joined(parts: list[npt.NDArray[Any] | None]) -> npt.NDArray[Any] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None


def save(model: FittedModel, folder: Path) -> str:
    """Write the model, all of it or nothing; the SHA-256 of its bytes."""
    import joblib
    import sklearn

    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    joblib.dump(model.pipeline, unfinished / MODEL, compress=3)
    sha256 = file_digest(unfinished / MODEL)
    manifest = {
        "sha256": sha256,
        "scikit_learn": sklearn.__version__,
        "task": model.recipe.task,
        "features": {name: model.dataset.column(name).type for name in model.recipe.features},
        "label": model.dataset.label,
        "classes": list(model.labels.classes),
        "positive": model.labels.positive,
        "recipe": {**asdict(replace(model.recipe, params={})), "params": dict(model.recipe.params)},
    }
    (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False))
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return sha256


def load_pipeline(context: Context, run: str) -> FittedModel:
    """The model of a run. `Refusal` MLS602 unless its bytes have the digest in the journal."""
    return _load(vouched_for(context, run))


def vouched_for(context: Context, run: str) -> Path:
    """The folder of a run's model. `Refusal` MLS602 unless its bytes have the journal's digest.

    A pickle runs code when it is loaded, so one that nobody vouches for is not.
    """
    recorded = next(
        (step for step in context.journal.steps(context.model, step="fit", run=run)
         if step.status == "done"), None,
    )  # fmt: skip
    folder = context.workspace.run(run) / "model"
    if recorded is None or not (folder / MODEL).exists():
        raise Refusal(
            "MLS602",
            f"the model of run {run} is not in {context.workspace.root}",
            f"train it again: {ANOTHER_RUN}",
        )
    found = file_digest(folder / MODEL)
    if found != recorded.output["sha256"]:
        raise Refusal(
            "MLS602",
            f"{folder / MODEL} is not what run {run} wrote: its SHA-256 is {found[:16]}…, "
            f"{recorded.output['sha256'][:16]}… was recorded",
            "somebody changed it; it is not loaded. Restore it, or train again",
        )
    return folder


def _load(folder: Path) -> FittedModel:
    import joblib

    manifest = json.loads((folder / MANIFEST).read_text())
    recipe = Recipe(**{**manifest["recipe"], "features": tuple(manifest["recipe"]["features"])})
    labels = Labels(tuple(manifest["classes"]), manifest["positive"])
    return FittedModel(joblib.load(folder / MODEL), _dataset_of(manifest), recipe, labels)


def _dataset_of(manifest: dict[str, Any]) -> Dataset:
    """As much of the Dataset as the features need: the types that the model was fitted on."""
    from mlops_spec.runtime.declare import Column, Parquet, Split

    columns = tuple(Column(name, kind) for name, kind in manifest["features"].items())
    return Dataset("", Parquet(""), "", None, manifest["label"], columns, Split("random", 0, 0))


def label_words(labels: Labels) -> tuple[Label, ...]:
    """The classes as they are written into columns."""
    return labels.classes
