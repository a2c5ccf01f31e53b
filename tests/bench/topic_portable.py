"""The exported model beside the scikit-learn pipeline that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import Measure, Table, Way, in_turns, timed
from models import Trained, flights, forest

from mlops_spec.runtime.portable.encoding import Coded
from mlops_spec.runtime.portable.scorer import MatrixScorer, Scorer, graph_run, load

Run = Callable[[Any], Any]

FEW = 100
MANY = 100_000
ROUNDS = 3
OURS = "ours: score"
GRAPH = "the graph by ONNX Runtime, encoded rows"
KERNEL = "the trees by the kernel, encoded rows"
BATCH = "ours: score_batch"
PEER = "scikit-learn pipeline"


def run(place: Path, _: Path | None) -> Iterator[Table]:
    for trained in (flights(), forest()):
        folder = place / trained.name
        scorer = load(folder, trained.export_to(folder))
        graph = graph_run(folder / "model.onnx")
        yield _a_request(trained, scorer, graph, 1)
        yield _a_request(trained, scorer, graph, FEW)
        yield _many_rows(trained, scorer)


def _a_request(trained: Trained, scorer: Scorer, graph: Run, rows: int) -> Table:
    """Other rows each time: the same row again finds its way through the trees in the cache."""
    assert isinstance(scorer, MatrixScorer)
    records = trained.records[: 50 * rows]
    requests = [records[at : at + rows] for at in range(0, len(records), rows)]
    columns = [{name: [each[name] for each in some] for name in some[0]} for some in requests]
    matrices = [scorer.encoding.matrix(each) for each in columns]
    dtypes = trained.frame.dtypes

    def asked(some: list[dict[str, Any]]) -> Any:
        return trained.pipeline.predict_proba(pd.DataFrame(some).astype(dtypes))

    turn, matrix, frame = cycle(columns), cycle(matrices), cycle(requests)
    ways = (
        Way(OURS, _ms(lambda: scorer.score(next(turn)), 300)),
        Way(KERNEL, _ms(lambda: scorer.run(next(matrix)), 300)),
        Way(GRAPH, _ms(lambda: graph(next(matrix)), 300)),
        Way(PEER, _ms(lambda: asked(next(frame)), 15)),
    )
    return Table(
        topic="portable",
        title=f"{'one row' if rows == 1 else f'{rows} rows'}, {trained.title}",
        measures=(Measure("time", "ms"),),
        bases=(PEER, GRAPH),
        samples=in_turns(ways, ROUNDS),
        notes=("from the values of a request to the score, other rows each time",),
    )


def _many_rows(trained: Trained, scorer: Scorer) -> Table:
    frame = pd.concat([trained.frame] * (MANY // len(trained.frame)), ignore_index=True)
    columns = {str(name): _column(frame[name]) for name in frame}
    ways = (
        Way(BATCH, _ms(lambda: scorer.score_batch(columns), 1)),
        Way(PEER, _ms(lambda: trained.pipeline.predict_proba(frame), 1)),
    )
    return Table(
        topic="portable",
        title=f"{MANY:,} rows, {trained.title}",
        measures=(Measure("time", "ms"),),
        bases=(PEER,),
        samples=in_turns(ways, ROUNDS, warm_up=False),
        notes=("ours is given arrays and codes, as Arrow has them; scikit-learn a frame",),
    )


def _column(values: pd.Series[Any]) -> Any:
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=np.float64)
    codes, words = pd.factorize(values)
    return Coded(codes, list(words))


def _ms(work, times):  # type: ignore[no-untyped-def]
    once = timed(work, times)
    return lambda: {"time": once()["seconds"] * 1e3}
