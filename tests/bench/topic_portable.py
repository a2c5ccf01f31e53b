"""The exported model beside the scikit-learn pipeline that it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from measure import Measure, Table, Way, in_turns, timed
from models import Trained, flights, forest

from mlops_spec.runtime.portable.scorer import Scorer, load

MANY = 100_000
ROUNDS = 3
OURS = "ours: tables and ONNX Runtime, one thread"
PEER = "scikit-learn pipeline"


def run(place: Path, _: Path | None) -> Iterator[Table]:
    for trained in (flights(), forest()):
        folder = place / trained.name
        scorer = load(folder, trained.export_to(folder))
        yield _one_row(trained, scorer)
        yield _many_rows(trained, scorer)


def _one_row(trained: Trained, scorer: Scorer) -> Table:
    row = trained.records[0]
    columns = {name: [value] for name, value in row.items()}
    dtypes = trained.frame.dtypes
    ways = (
        Way(OURS, _ms(lambda: scorer.score(columns), 300)),
        Way(
            PEER,
            _ms(lambda: trained.pipeline.predict_proba(pd.DataFrame([row]).astype(dtypes)), 15),
        ),
    )
    return Table(
        topic="portable",
        title=f"one row, {trained.title}",
        measures=(Measure("time", "ms"),),
        bases=(PEER,),
        samples=in_turns(ways, ROUNDS),
        notes=("from the values of a request to the score",),
    )


def _many_rows(trained: Trained, scorer: Scorer) -> Table:
    frame = pd.concat([trained.frame] * (MANY // len(trained.frame)), ignore_index=True)
    columns = {
        name: frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in frame
    }
    ways = (
        Way(OURS, _ms(lambda: scorer.score(columns), 1)),
        Way(PEER, _ms(lambda: trained.pipeline.predict_proba(frame), 1)),
    )
    return Table(
        topic="portable",
        title=f"{MANY:,} rows, {trained.title}",
        measures=(Measure("time", "ms"),),
        bases=(PEER,),
        samples=in_turns(ways, ROUNDS, warm_up=False),
        notes=("ours is given lists of values, as a batch reads them; scikit-learn a frame",),
    )


def _ms(work, times):  # type: ignore[no-untyped-def]
    once = timed(work, times)
    return lambda: {"time": once()["seconds"] * 1e3}
