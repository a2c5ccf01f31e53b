"""The chunks that a job predicts: the same ones whenever it is taken up again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from mlops_spec.runtime.batch import parts
from mlops_spec.runtime.data.fingerprint import files, fingerprint_of
from mlops_spec.runtime.data.stream import Chunk, chunks
from mlops_spec.runtime.declare import Dataset, Sql
from mlops_spec.runtime.machine.places import replace_text

SPOOL: Final = ".rows"
_SPOOLED: Final = "all.json"


@dataclass(frozen=True, slots=True)
class Source:
    """The files that a job reads, however many there are by the time it does; None for a query."""

    root: Path
    paths: tuple[Path, ...] | None

    @classmethod
    def of(cls, root: Path, dataset: Dataset) -> Source:
        """The files that are there now. `Refusal` MLS701 when there is none."""
        found = dataset.source
        return cls(root, None if isinstance(found, Sql) else tuple(files(root, found)))

    def is_as(self, fingerprint: str) -> bool:
        """Whether the files are still what they were; rows of a query are kept beforehand."""
        return self.paths is None or fingerprint_of(self.root, self.paths) == fingerprint


def rows(
    source: Source, dataset: Dataset, wanted: Sequence[str], most: int, folder: Path
) -> Iterator[Chunk]:
    """At most `most` rows at a time. `Refusal` MLS701 when the source cannot be read."""
    chunked = chunks(source.root, dataset.source, wanted, most, source.paths)
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
