"""The files of a prediction log: read while they are written, merged while they are read.

The name of a file says which times its rows span, so that a reader of the last minutes opens the
last files only. Merging puts many files into one: the new file names those it replaces, and a
reader leaves these out, so that a row is there once at every moment, also after a kill -9.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

FEATURE: Final = "feature."
# A service writes a file a second; a day of them is one or two after merging.
MERGE_AT_LEAST: Final = 10
MERGED_ROWS: Final = 500_000
# Each row group says which times it holds: small ones let a window leave more of a file alone.
GROUP_ROWS: Final = 100_000
COMPRESSION: Final = "lz4"  # of what a service writes; what is kept may take its time
_SUFFIX: Final = ".parquet"
_LOCK: Final = ".lock"
_MERGED: Final = "merged"  # stands where the name of a file has its writer
_REPLACES: Final = b"mlops_spec.replaces"


def spanning(first: int, last: int, unique: str) -> str:
    """The name of a file whose rows have wall times from `first` to `last` (microseconds).

    `unique` is `writer-number`.
    """
    return f"{first}-{last}-{unique}{_SUFFIX}"


def replace_file(path: Path, table: pa.Table, compression: str = COMPRESSION) -> None:
    """Write under a name that no reader looks at, then rename. Failing, it leaves nothing."""
    import pyarrow.parquet as pq

    with unfinished(path) as beside:
        pq.write_table(
            table, beside, compression=compression, use_dictionary=words_of(table),
            row_group_size=GROUP_ROWS,
        )  # fmt: skip


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """Where to write what becomes `path` when it is whole."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        yield beside
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def words_of(table: pa.Table) -> list[str]:
    """The columns to be written by dictionary: numbers seldom repeat, and looking takes time."""
    import pyarrow as pa

    return [field.name for field in table.schema if pa.types.is_string(field.type)]


def imported() -> None:
    """Load Arrow, before there are workers that would each load their own."""
    import pyarrow as pa
    import pyarrow.parquet

    # With the first one it loads pandas, where that is installed: not in an image (docs/adr/0024).
    pa.table({"first": [0.0]})


def read(folder: Path, since: datetime | None, until: datetime | None) -> pd.DataFrame:
    """The log rows with `since <= wall_time < until`, oldest first; features by their column names.

    A feature that is called like one of the log's own columns keeps the prefix `feature.`. Files
    that appear, vanish or are half written meanwhile are no error. Without a row: an empty frame.
    A request that was asked again after a worker had logged it is there once.
    """
    with _locked(folder, fcntl.LOCK_SH):
        files = [path for path in _files(folder) if _may_hold(path, since, until)]
        tables = _tables(files)
    frame = frame_of([*tables.values()])
    if since is not None:
        frame = frame[frame["wall_time"] >= since]
    if until is not None:
        frame = frame[frame["wall_time"] < until]
    return frame.sort_values(["wall_time", "request_id", "row"], ignore_index=True)


def _once(frame: pd.DataFrame) -> pd.DataFrame:
    """Without what was logged twice: rows of one id and one content.

    A client that gives all its requests one id keeps those that differ.
    """
    import pandas as pd

    # By their digests, a third of the time that the ids themselves take.
    ids = frame["request_id"].to_numpy()[(frame["row"] == 0).to_numpy()]
    if pd.Series(pd.util.hash_array(ids, categorize=False)).is_unique:
        return frame
    # Two answers to one request differ in their time alone; lists cannot be compared like this.
    content = [name for name in frame.columns if name not in ("wall_time", "probabilities")]
    again = frame.duplicated(["request_id", "row"], keep=False)
    twice = frame[again].duplicated(content)
    return frame.drop(index=twice.index[twice])


@contextmanager
def opened(folder: Path) -> Iterator[dict[Path, pq.FileMetaData]]:
    """The files that hold the rows, oldest first, with their footers; none is merged meanwhile."""
    with _locked(folder, fcntl.LOCK_SH):
        yield _footers(_files(folder))


def frame_of(tables: list[pa.Table]) -> pd.DataFrame:
    """Tables of log rows, or of some of their columns, as `read` gives them."""
    import pyarrow as pa

    from mlops_spec.runtime.service.log_table import Identity, table_of

    empty = table_of([], Identity("", "", ""), {})
    whole = pa.concat_tables(tables or [empty], promote_options="permissive")
    frame: pd.DataFrame = whole.to_pandas()
    frame = _once(frame) if "request_id" in frame else frame
    return frame.rename(columns=_plain_names(list(frame.columns)))


def files_since(folder: Path, since: int) -> list[Path]:
    """The files that may have rows from `since` (microseconds) on, oldest first."""
    spans = ((path, _span(path)) for path in _files(folder))
    found = [(span[1], path) for path, span in spans if span is not None and span[1] >= since]
    return [path for _, path in sorted(found)]


def written_until(folder: Path, since: float) -> float | None:
    """The moment up to which every answer is in the log: the writers' slowest, in seconds.

    A writer is a process that logged answers after `since`. None: nobody did. Each writes in the
    order of its answers, so that its newest row says how far it is.
    """
    ends: dict[str, int] = {}
    for path in _files(folder):
        span = _span(path)
        if span is None or span[1] < since * 1e6:
            continue
        writer = path.stem.split("-")[2]
        if writer != _MERGED:
            ends[writer] = max(span[1], ends.get(writer, 0))
    return min(ends.values()) / 1e6 if ends else None


def merge(folder: Path, at_least: int = MERGE_AT_LEAST) -> int:
    """Put small files together, oldest first, up to `MERGED_ROWS` a file; how many were merged.

    Several may merge at once, and readers and writers go on meanwhile.
    """
    merged = 0
    with _locked(folder, fcntl.LOCK_EX):
        for group in _groups(_footers(_files(folder))):
            if len(group) >= at_least:
                _merge(folder, group)
                merged += len(group)
        _remove_replaced(folder)
    return merged


def _merge(folder: Path, group: list[Path]) -> None:
    import pyarrow as pa

    tables = _tables(group).values()
    whole = pa.concat_tables(tables, promote_options="permissive")
    names = json.dumps([path.name for path in group])
    whole = whole.replace_schema_metadata({_REPLACES: names})
    spans = [_span(path) for path in group]
    known = [span for span in spans if span is not None]
    first = min((span[0] for span in known), default=0) if len(known) == len(spans) else 0
    last = max((span[1] for span in known), default=0) if len(known) == len(spans) else 2**62
    merged = folder / spanning(first, last, f"{_MERGED}-{uuid.uuid4().hex[:12]}")
    replace_file(merged, whole, "zstd")


def _remove_replaced(folder: Path) -> None:
    """Also what a merge left that was killed between writing and removing."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in _files(folder):
        try:
            metadata = pq.read_schema(path).metadata
        except (FileNotFoundError, pa.ArrowInvalid):
            continue
        for name in _replaced(metadata):
            (folder / name).unlink(missing_ok=True)


def _groups(files: dict[Path, pq.FileMetaData]) -> Iterator[list[Path]]:
    group: list[Path] = []
    rows = 0
    for path, footer in files.items():
        if footer.num_rows >= MERGED_ROWS // 2:
            continue
        if rows + footer.num_rows > MERGED_ROWS:
            yield group
            group, rows = [], 0
        group.append(path)
        rows += footer.num_rows
    yield group


def _footers(files: list[Path]) -> dict[Path, pq.FileMetaData]:
    """What the ends of files say, without the files that another one replaces."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[Path, pq.FileMetaData] = {}
    for path in files:
        with suppress(FileNotFoundError, pa.ArrowInvalid):  # not whole, or removed by hand
            found[path] = pq.read_metadata(path)
    gone = {name for footer in found.values() for name in _replaced(footer.metadata)}
    return {path: footer for path, footer in found.items() if path.name not in gone}


def _tables(files: list[Path]) -> dict[Path, pa.Table]:
    """The rows by file, without the files that another one replaces."""
    tables = ((path, _table(path)) for path in _footers(files))
    return {
        path: table.replace_schema_metadata(None) for path, table in tables if table is not None
    }


def _replaced(metadata: dict[bytes, bytes] | None) -> list[str]:
    names: list[str] = json.loads((metadata or {}).get(_REPLACES, b"[]"))
    return names


def _table(path: Path) -> pa.Table | None:
    """The rows of a file. None when it is not a whole file, or was removed by hand."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path).read()
    except (FileNotFoundError, pa.ArrowInvalid):
        return None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if not path.name.startswith("."))


def _span(path: Path) -> tuple[int, int] | None:
    """What `spanning` wrote; None for a file of another name, which is always read."""
    parts = path.stem.split("-")
    if len(parts) != 4 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return int(parts[0]), int(parts[1])


def _may_hold(path: Path, since: datetime | None, until: datetime | None) -> bool:
    """Whether a file may have rows of that time, told by its name."""
    span = _span(path)
    if span is None:
        return True
    after = since is None or span[1] >= int(since.timestamp() * 1e6) - 1
    return after and (until is None or span[0] <= until.timestamp() * 1e6)


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Readers together, or one that merges. Where nothing may be written, nothing is merged."""
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        yield
        return
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


def _plain_names(columns: list[str]) -> dict[str, str]:
    own = {name for name in columns if not name.startswith(FEATURE)}
    short = {name: name.removeprefix(FEATURE) for name in columns if name.startswith(FEATURE)}
    return {name: plain for name, plain in short.items() if plain not in own}
