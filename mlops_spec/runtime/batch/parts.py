"""The files of a batch prediction: each is there whole or not at all, and says what it holds."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from mlops_spec.runtime.batch.answers import PROBLEM, problems_of
from mlops_spec.terms.digest import file_digest

_WHERE: Final = b"mlops_spec.part"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of predictions, and where its rows stand in the source."""

    file: str
    rows: int
    bad: int  # rows without a score, because the service would refuse them
    place: str
    first: int
    sha256: str


def write(path: Path, table: pa.Table, where: Mapping[str, str]) -> None:
    """Write all of it or nothing, on the disk before it has its name."""
    metadata = {**(table.schema.metadata or {}), _WHERE: json.dumps(where)}
    # Two runs may write the same part at the same time: each has a file of its own until then.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with unfinished.open("wb") as stream:
            pq.write_table(table.replace_schema_metadata(metadata), stream, compression="zstd")
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)  # a full disk must not stay full of halves
        raise


def written(path: Path) -> dict[str, str] | None:
    """Where the rows of a part stand in the source. None when there is no such part."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return None
    found: dict[str, str] = json.loads(metadata.get(_WHERE, b"{}"))
    return found


def read_problems(path: Path) -> Counter[str]:
    """How many rows of a part have which problem."""
    return problems_of(pq.ParquetFile(path).read(columns=[PROBLEM]))


def described(path: Path, place: str, first: int, rows: int, problems: Counter[str]) -> Part:
    """The part in a file."""
    return Part(path.name, rows, problems.total(), place, first, file_digest(path))
