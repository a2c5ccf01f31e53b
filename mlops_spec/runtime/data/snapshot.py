"""Keeping the rows of a Dataset as they were, under the digest of their content."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops_spec.runtime.context import Context, First, Output, Progress, nothing
from mlops_spec.runtime.data.read import read
from mlops_spec.runtime.data.touched import keep_digests, source_mark
from mlops_spec.runtime.declare import Dataset
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.keys import snapshot_key

ROWS: Final = "rows.parquet"


def snapshot(context: Context, dataset: Dataset, first: First = nothing) -> Output:
    """Step `snapshot`: `data` (digest of the rows), `rows`, `fingerprint` (of the source).

    What `first` refuses, the step refuses, before it reads a row.
    """
    mark = source_mark(context, dataset.source).fingerprint
    key = snapshot_key(mark, context.facets)

    def work(_: Progress) -> Output:
        first()
        return _keep(context, dataset, mark)

    return context.step("snapshot", key, "", work, lambda done: _rows(context, done["data"]))


def _keep(context: Context, dataset: Dataset, mark: str) -> Output:
    table = read(context.root, dataset)
    if table.num_rows == 0:
        raise Refusal("MLS703", "the source holds no row", "look at `source` of the Dataset")
    data = content_digest(table)
    folder = context.workspace.snapshot(data)
    if not _rows(context, data).exists():
        _write(table, folder, {"dataset": dataset.name, "data": data, "rows": table.num_rows})
    keep_digests(context.root, dataset.source, mark, folder)
    return {"data": data, "rows": table.num_rows, "fingerprint": mark}


def _write(table: pa.Table, folder: Path, manifest: dict[str, object]) -> None:
    """The rows last, and all of them or none: without them there is no snapshot."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True))
    unfinished = folder / f"rows.{os.getpid()}.tmp"
    try:
        pq.write_table(table, unfinished, compression="zstd")
        unfinished.replace(folder / ROWS)
    finally:
        unfinished.unlink(missing_ok=True)


def _rows(context: Context, data: str) -> Path:
    return context.workspace.snapshot(data) / ROWS


def rows_of(context: Context, data: str) -> pa.Table:
    """The rows of a snapshot."""
    path = _rows(context, data)
    if not path.exists():
        raise Refusal(
            "MLS701",
            f"the snapshot {data} is not in {context.workspace.root}",
            "run the same command again: it reads the source anew",
        )
    return pq.read_table(path)


def content_digest(table: pa.Table) -> str:
    """16 hex digits that depend on names, types, values and order, not on files or chunks."""
    total = hashlib.sha256()
    for name in sorted(table.column_names):
        column = pa.concat_arrays(table[name].chunks) if table[name].num_chunks else None
        total.update(f"{name}\0{table[name].type}\0{len(table[name])}\0".encode())
        if column is not None:
            _hash_column(total, column)
    return total.hexdigest()[:16]


def _hash_column(total: hashlib._Hash, column: pa.Array) -> None:
    total.update(np.packbits(column.is_null().to_numpy(zero_copy_only=False)).tobytes())
    if pa.types.is_large_string(column.type):
        filled = column.fill_null("")
        total.update(pc.binary_length(filled).to_numpy(zero_copy_only=False).tobytes())
        total.update(_text_bytes(filled))
    elif not pa.types.is_null(column.type):
        plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        filled = plain.fill_null(False if pa.types.is_boolean(plain.type) else 0)
        total.update(filled.to_numpy(zero_copy_only=False).tobytes())


def _text_bytes(column: pa.LargeStringArray) -> memoryview:
    """The text of all values, one after the other: a slice may share a longer buffer."""
    ends = np.frombuffer(column.buffers()[1], dtype=np.int64)
    first, last = ends[column.offset], ends[column.offset + len(column)]
    return memoryview(column.buffers()[2] or b"")[first:last]
