"""A production release that predicts, and rows to predict: what the tests of batch share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sql
from learning import DATASET, RECIPE, context, put, rows
from proving import prove

from mlops_spec.runtime.batch import job as batch
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Dataset, Folder, Parquet, Table
from mlops_spec.runtime.portable import export
from mlops_spec.runtime.train.pipeline import features_of, pipeline_of
from mlops_spec.state import Deployment
from mlops_spec.terms.digest import file_digest

FOLDER = "data/predictions"
OUTPUT = Folder(FOLDER)
INPUT = replace(DATASET, source=Parquet("data/flights/*.parquet"))


class Killed(BaseException):
    """kill -9: nothing of ours may catch it and carry on."""


def exported(folder: Path) -> Any:
    """Fit the pipeline on 400 rows, write it to the folder as a portable model, return it."""
    frame = rows(400)
    features = features_of(frame, DATASET, RECIPE)
    pipeline = pipeline_of(DATASET, RECIPE).fit(features, frame["καθυστέρηση"])
    export(pipeline, features.head(100), folder, positive=True)
    return pipeline


def serving(root: Path, model: Path) -> Context:
    """Production serves the model as the release `rel1`."""
    found = context(root)
    source = found.workspace.bentoml_home / "bentos" / "flight-delay" / "rel1" / "src"
    source.mkdir(parents=True)
    (source / "model").symlink_to(model)
    prove(found, source, release="rel1", digest=file_digest(model / "manifest.json"))
    (source.parent / "bento.yaml").write_text("")
    serve(found, "rel1")
    return found


def serve(place: Context, release: str) -> None:
    """This release is in production, and no other."""
    past = (replace(d, role="retired") for d in place.deployments.of(place.model))
    new = Deployment(place.model, release, "run1", "1", "production", 1.0)
    place.deployments.save(*(d for d in past if d.release != release), new)


def many(root: Path, n: int = 430) -> pd.DataFrame:
    """Rows in two files of 250 and 180 rows."""
    frame = rows(n)
    put(root, frame.iloc[:250], "flights/a.parquet")
    put(root, frame.iloc[250:], "flights/b.parquet")
    return frame


def run(
    place: Context, dataset: Dataset = INPUT, output: Folder | Table = OUTPUT
) -> dict[str, Any]:
    job = batch.begin(place, dataset, output)
    return batch.finish(place, dataset, output, job, batch.predict(place, dataset, job))


def predicted(place: Context) -> pd.DataFrame:
    """What a reader finds, who knows nothing but the folder."""
    latest = json.loads((place.root / FOLDER / "latest.json").read_text())
    return pd.read_parquet(place.root / FOLDER / latest["folder"])


def visible(place: Context) -> list[Path]:
    """What a reader of Parquet sees: nothing below a name with a dot."""
    found = (place.root / FOLDER).rglob("*.parquet")
    return [p for p in found if not any(part.startswith(".") for part in p.parts[-3:])]


def content(database: sql.Engine) -> pd.DataFrame:
    """The table of scores."""
    with database.connect() as connection:
        return pd.read_sql(sql.text("SELECT * FROM scores ORDER BY id"), connection)


def scores_of(database: sql.Engine, kinds: dict[str, str]) -> None:
    """An empty table of scores, of these columns."""
    columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    with database.begin() as connection:
        connection.execute(sql.text("DROP TABLE IF EXISTS scores"))
        connection.execute(sql.text(f"CREATE TABLE scores ({columns}, PRIMARY KEY (id))"))


PRELUDE = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from learning import context
from mlops_spec.runtime.batch import parts as batch_parts, job as batch
import batch_world
place = context(Path({root!r}))
"""


def process(place: Context, script: str) -> subprocess.Popen[str]:
    """Start the lines in a Python of its own, where `place` is this world."""
    here = Path(__file__).parent
    prelude = PRELUDE.format(path=[str(here), str(here.parent)], root=str(place.root))
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", prelude + script],
        env={**os.environ}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def in_a_process(place: Context, script: str) -> subprocess.CompletedProcess[str]:
    """Run the lines to their end, or to that of the process."""
    started = process(place, script)
    said, _ = started.communicate()
    return subprocess.CompletedProcess(started.args, started.returncode, said)
