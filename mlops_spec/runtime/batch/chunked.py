"""Rows in, parts out, on all cores: chunks are read ahead, scored and written side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mlops_spec.runtime.batch import parts as files
from mlops_spec.runtime.batch.answers import predictions, problems_of, schema, wanted
from mlops_spec.runtime.batch.lanes import cores, in_lanes
from mlops_spec.runtime.batch.parts import Part
from mlops_spec.runtime.batch.rows import Source, rows
from mlops_spec.runtime.data.stream import Chunk
from mlops_spec.runtime.declare import Dataset
from mlops_spec.runtime.portable import Scorer

Done = tuple[Part, Counter[str]]


@dataclass(frozen=True, slots=True)
class Chunked:
    """One Dataset under one scorer, predicted into one folder."""

    source: Source
    dataset: Dataset
    scorer: Scorer
    folder: Path

    def parts(self, most: int) -> Iterator[Done]:
        """Each part in order of the source, `most` rows or fewer, and what is wrong with its rows.

        Without any row there is one empty part: a reader finds the columns.
        """
        needed = wanted(self.dataset, self.scorer)
        chunked = rows(self.source, self.dataset, needed, most, self.folder)
        none = True
        for done in in_lanes(self._part, enumerate(chunked), cores()):
            none = False
            yield done
        if none:
            yield self._empty()

    def _part(self, numbered: tuple[int, Chunk]) -> Done:
        """The part of these rows: the one that is there, or a new one."""
        number, chunk = numbered
        path = self.folder / f"part-{number:05d}.parquet"
        where = {"place": chunk.place, "first": str(chunk.first), "rows": str(chunk.rows.num_rows)}
        if files.written(path) == where:
            problems = files.read_problems(path)
        else:
            answers = predictions(chunk.rows, self.dataset, self.scorer)
            files.write(path, answers, where)
            problems = problems_of(answers)
        found = files.described(path, chunk.place, chunk.first, chunk.rows.num_rows, problems)
        return found, problems

    def _empty(self) -> Done:
        path = self.folder / "part-00000.parquet"
        nothing: list[pa.RecordBatch] = []
        files.write(path, pa.Table.from_batches(nothing, schema(self.dataset, self.scorer)), {})
        return files.described(path, "", 0, 0, Counter()), Counter()
