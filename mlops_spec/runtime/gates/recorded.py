"""Evidence as a run's folder keeps it: enough to decide again, with no model loaded.

Beside what `evaluate` wrote, the step `gate` leaves what production answered on the same rows at
that time, or why it could not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_spec.runtime.data.labels import Labels
from mlops_spec.runtime.refusal import gist
from mlops_spec.runtime.train.evaluation import judged_rows, recorded_predictions
from mlops_spec.runtime.train.fitted import MANIFEST, Predictions
from mlops_spec.stats.metrics import Judged


class Unrecorded(Exception):
    """What was not recorded, or cannot be read any more; its text ends a sentence."""


@dataclass(frozen=True, slots=True)
class Made:
    """A run's model as far as evidence needs it. `features`: their types by name."""

    task: str
    labels: Labels
    features: dict[str, str]


def record_production(folder: Path, baseline: str, said: Predictions | str) -> None:
    """Keep the answers of production's run `baseline`, or the obstacle; all of it or nothing."""
    answers, obstacle = _places(folder, baseline)
    if isinstance(said, str):
        _replace(obstacle, json.dumps({"obstacle": said}, ensure_ascii=False).encode())
        answers.unlink(missing_ok=True)
        return
    unfinished = answers.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(pa.Table.from_pandas(_columns(said), preserve_index=False), unfinished)
    unfinished.replace(answers)
    obstacle.unlink(missing_ok=True)


def _columns(said: Predictions) -> pd.DataFrame:
    scores = said.scores
    if scores.ndim == 1:
        return pd.DataFrame({"score": scores, "decision": said.decisions})
    by_class = {f"score_{place}": scores[:, place] for place in range(scores.shape[1])}
    return pd.DataFrame({"decision": said.decisions, **by_class})


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _places(folder: Path, baseline: str) -> tuple[Path, Path]:
    return folder / f"production-{baseline}.parquet", folder / f"production-{baseline}.json"


def read_made(folder: Path) -> Made:
    """What the run's model was. `Unrecorded` when its folder does not say."""
    path = folder / "model" / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        labels = Labels(tuple(found["classes"]), found["positive"])
        return Made(str(found["task"]), labels, dict(found["features"]))
    except FileNotFoundError:
        gone = path.name if folder.exists() else "its folder"
        raise Unrecorded(f"{gone} is gone") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unrecorded(f"{path.name} cannot be read: {gist(error)}") from error


def read_judged(folder: Path, made: Made) -> Judged:
    """Truth and the run's own answers. `Unrecorded` when they are gone or damaged."""
    answers = read_columns(folder / "heldout.parquet")
    try:
        return judged_rows(answers["label"], recorded_predictions(answers), made.labels)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise Unrecorded(f"heldout.parquet does not hold its answers: {gist(error)}") from error


def read_production(folder: Path, baseline: str, truth: Judged, made: Made) -> Judged | str:
    """What production answered on the same rows, or what kept it from that."""
    answers, obstacle = _places(folder, baseline)
    if not answers.exists():
        return _read_obstacle(obstacle)
    said = read_columns(answers)
    if len(said) != len(truth.truth):
        raise Unrecorded(f"{answers.name} has {len(said):,} rows, not {len(truth.truth):,}")
    try:
        return _beside(truth, recorded_predictions(said), made.labels)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise Unrecorded(f"{answers.name} does not hold answers: {gist(error)}") from error


def _beside(truth: Judged, said: Predictions, labels: Labels) -> Judged:
    if not labels.classes:
        return replace(truth, scores=said.scores, decided=said.scores)
    decided = labels.codes(pd.Series(said.decisions.tolist()))
    return replace(truth, scores=said.scores, decided=decided)


def _read_obstacle(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["obstacle"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Unrecorded("what production answered on the same rows was not recorded") from None


def read_columns(path: Path, wanted: Iterable[str] | None = None) -> pd.DataFrame:
    """Columns of a Parquet file: all, or those of `wanted` that it has."""
    try:
        if wanted is None:
            return pd.read_parquet(path)
        there: Any = set(pq.read_schema(path).names)
        return pd.read_parquet(
            path, columns=[name for name in dict.fromkeys(wanted) if name in there]
        )
    except FileNotFoundError:
        raise Unrecorded(f"{path.name} is gone") from None
    except (OSError, ValueError) as error:
        raise Unrecorded(f"{path.name} cannot be read: {gist(error)}") from error
