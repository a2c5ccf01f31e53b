"""The chunks that a job predicts: the same ones whenever it is taken up again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from mlops_spec.runtime.batch import parts
from mlops_spec.runtime.data.stream import Chunk, chunks
from mlops_spec.runtime.declare import Dataset, Sql
from mlops_spec.runtime.machine.places import replace_text

SPOOL: Final = ".rows"
_SPOOLED: Final = "all.json"


def rows(
    root: Path, dataset: Dataset, wanted: Sequence[str], most: int, folder: Path
) -> Iterator[Chunk]:
    """At most `most` rows at a time. `Refusal` MLS701 when the source cannot be read."""
    chunked = chunks(root, dataset.source, wanted, most)
    return _spooled(folder / SPOOL, chunked) if isinstance(dataset.source, Sql) else chunked


def _spooled(spool: Path, chunked: Iterable[Chunk]) -> Iterator[Chunk]:
    """The answer of a database as it was the first time: asked again, it has another order."""
    if not (spool / _SPOOLED).is_file():
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
        firsts: list[int] = []
        for chunk in chunked:
            parts.write(spool / f"{len(firsts):05d}.parquet", chunk.rows, {})
            firsts.append(chunk.first)
        replace_text(spool / _SPOOLED, json.dumps(firsts))
    for number, first in enumerate(json.loads((spool / _SPOOLED).read_text(encoding="utf-8"))):
        yield Chunk("query", first, pq.ParquetFile(spool / f"{number:05d}.parquet").read())
