"""A batch prediction beside the loops that people write: Parquet in, Parquet out, all of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from measure import Measure, Sample, Table, Way, in_turns, timed
from models import Trained, flights, forest

from mlops_spec.runtime.batch.chunked import Chunked
from mlops_spec.runtime.batch.job import CHUNK_ROWS
from mlops_spec.runtime.batch.rows import Source
from mlops_spec.runtime.declare import Parquet
from mlops_spec.runtime.portable import load
from mlops_spec.runtime.train.pipeline import features_of

ROUNDS = 3
ONE_BY_ONE = 200  # rows of the slowest way: more would say the same
MEASURES = (Measure("rate", "rows/s", digits=0, more_is_better=True),)


def run(place: Path, _: Path | None) -> Iterator[Table]:
    for trained, rows in ((flights(), 400_000), (forest(), 100_000)):
        folder = place / trained.name
        (folder / "in").mkdir(parents=True)
        frame = trained.frame.sample(rows, replace=True, random_state=0, ignore_index=True)
        frame.insert(0, "id", [f"r{number}" for number in range(rows)])
        frame.to_parquet(folder / "in" / "rows.parquet", index=False)
        ways = (
            _way("ours", rows, _ours(folder, trained)),
            _way("predict_proba of a chunk", rows, lambda f=folder, t=trained: by_chunk(f, t)),
            _way("predict_proba of a row", ONE_BY_ONE, lambda f=folder, t=trained: by_row(f, t)),
        )
        yield Table(
            topic="batch",
            title=f"{trained.title}, {rows:,} rows",
            measures=MEASURES,
            bases=("predict_proba of a row", "predict_proba of a chunk"),
            samples=in_turns(ways, ROUNDS),
            notes=(
                f"chunks of {CHUNK_ROWS:,} rows; scikit-learn's own loops check no value",
                f"row by row: of {ONE_BY_ONE} rows, reading and writing left out",
            ),
        )


def _way(name: str, rows: int, work: Callable[[], object]) -> Way:
    once = timed(work)

    def rate() -> Sample:
        return {"rate": rows / once()["seconds"]}

    return Way(name, rate)


def _ours(folder: Path, trained: Trained) -> Callable[[], object]:
    """Every value checked, each part synced to the disk, as a flow does it."""
    scorer = load(folder / "model", trained.export_to(folder / "model"))
    dataset = replace(trained.dataset, source=Parquet("in/*.parquet"))

    def work() -> int:
        out = _emptied(folder / "ours")
        parts = Chunked(Source.of(folder, dataset), dataset, scorer, out).parts(CHUNK_ROWS)
        return sum(part.rows for part, _ in parts)

    return work


def by_chunk(folder: Path, trained: Trained) -> None:
    """The loop of many a script: a chunk as a frame, its probabilities, a file."""
    out = _emptied(folder / "chunks")
    batches = pq.ParquetFile(folder / "in" / "rows.parquet").iter_batches(CHUNK_ROWS)
    for number, batch in enumerate(batches):
        frame = batch.to_pandas()
        scores = trained.pipeline.predict_proba(_features(frame, trained))[:, 1]
        found = pa.table({"id": frame["id"], "score": scores, "decision": scores > 0.5})
        pq.write_table(found, out / f"{number}.parquet")


def by_row(folder: Path, trained: Trained) -> list[Any]:
    """A prediction for each row, as a loop over `iterrows` has it."""
    frame = _features(trained.frame.head(ONE_BY_ONE), trained)
    return [
        trained.pipeline.predict_proba(frame.iloc[[number]])[0, 1] for number in range(len(frame))
    ]


def _features(frame: pd.DataFrame, trained: Trained) -> pd.DataFrame:
    return features_of(frame, trained.dataset, trained.recipe)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
