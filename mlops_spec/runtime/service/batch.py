"""Predicting every row of a Dataset with what production serves, in parts that are written once.

A part is named by its place and the digest of its rows; one that exists was done. The manifest
comes last, so a folder with a manifest is complete. Killed and started again, it goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Dataset
from mlops_spec.runtime.machine.places import replace_text
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import digest

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_spec.runtime.portable import Scorer

CHUNK_ROWS: Final = 50_000
MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Job:
    """One prediction of one Dataset by one release: the same rows again are the same job."""

    folder: str  # relative to the project root
    release: str
    run: str
    version: str
    data: str


@dataclass(frozen=True, slots=True)
class Part:
    """One file of predictions."""

    file: str
    rows: int


def begin(context: Context, dataset: Dataset, output: str) -> Job:
    """What is to be predicted, by which release. `Refusal` when nothing is in production."""
    from mlops_spec.runtime.data.fingerprint import fingerprint

    production = context.deployments.production(context.model)
    if production is None:
        raise Refusal(
            "MLS709", f"{context.model} has no production release", "run `spec apply` first"
        )
    data = digest("batch", fingerprint(context.root, dataset.source))
    folder = f"{output}/{production.release}-{data}"
    return Job(folder, production.release, production.run, production.version, data)


def predict(context: Context, dataset: Dataset, job: Job) -> tuple[Part, ...]:
    """Write the parts that are missing; all parts, in order."""
    from mlops_spec.runtime.data.read import read

    folder = context.root / job.folder
    folder.mkdir(parents=True, exist_ok=True)
    scorer = _scorer(context, job)
    table = read(context.root, dataset)
    return tuple(
        _part(folder / f"part-{number:05d}.parquet", chunk, dataset, scorer)
        for number, chunk in enumerate(_chunks(table))
    )


def finish(context: Context, job: Job, parts: tuple[Part, ...]) -> dict[str, Any]:
    """Write the manifest, which says that the folder is complete; its contents."""
    manifest = {
        **asdict(job), "rows": sum(part.rows for part in parts),
        "parts": [asdict(part) for part in parts],
    }  # fmt: skip
    replace_text(context.root / job.folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return manifest


def _scorer(context: Context, job: Job) -> Scorer:
    """The model that production serves, by the digest that its Bento holds."""
    from mlops_spec.runtime.portable import load
    from mlops_spec.runtime.service.packaging import released

    place, expected = released(context.workspace, f"{context.model}:{job.release}")
    return load(place, expected)


def _chunks(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, CHUNK_ROWS):
        yield table.slice(start, CHUNK_ROWS)


def _part(path: Path, rows: pa.Table, dataset: Dataset, scorer: Scorer) -> Part:
    if not path.exists():
        _write(path, _predictions(rows, dataset, scorer))
    return Part(path.name, rows.num_rows)


def _predictions(rows: pa.Table, dataset: Dataset, scorer: Scorer) -> pa.Table:
    import pyarrow as pa

    from mlops_spec.runtime.data.columns import parse

    columns = {name: _values(parse(rows[name], dataset.column(name)).values)
               for name in scorer.features}  # fmt: skip
    scores = scorer.score(columns)
    found: dict[str, Any] = {dataset.key: rows[dataset.key]}
    if dataset.time is not None:
        found[dataset.time] = rows[dataset.time]
    found |= {"score": pa.array(scores.score, pa.float64()), "decision": pa.array(scores.decision)}
    if scores.probabilities is not None:
        found["probabilities"] = pa.array(scores.probabilities, pa.list_(pa.float64()))
    return pa.table(found)


def _values(column: Any) -> list[Any]:
    """As the scorer takes them: times as seconds since 1970, None for what is missing."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        column = (column - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    listed: list[Any] = column.astype(object).where(column.notna(), None).tolist()
    return listed


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        pq.write_table(table, unfinished, compression="zstd")
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
