"""The answers of a release by their time: only the parts of its log that may hold them are read.

Each row group of a Parquet file carries the first and the last time of its rows, so that a window
costs what it holds, and not what the log does (docs/adr/0041).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_spec.runtime.service import log_files

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

# Columns beside those of the log; no feature is named like this.
AT: Final = "placed.at"
WALL: Final = "placed.wall"
_TIMES: Final = ("wall_time", "event_time", "shadow")
_OWN: Final = (*_TIMES, "request_id", "row", "key", "score", "decision")
_MICRO: Final = 1e6


@dataclass(frozen=True, slots=True)
class _Span:
    """The first and the last time of some rows, in seconds; `whole`: every row has one."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False


_UNKNOWN: Final = _Span()
_EMPTY: Final = _Span(math.inf, -math.inf)


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group of a file. `copies`: it may hold copies of requests, which answered nobody."""

    path: Path
    number: int
    rows: int
    times: Mapping[str, _Span]
    copies: bool


class Answers:
    """What users were answered: no copies of requests, and no rows without a place in time.

    `clock`: rows follow the event time where `by_event` and rows carry one, else the wall clock.
    """

    def __init__(self, folder: Path, *, by_event: bool) -> None:
        self._folder = folder
        self._known: dict[str, tuple[_Group, ...]] = {}
        self.clock: Literal["event", "wall"] = "wall"
        if by_event:
            with self._groups() as groups:
                told = any(group.times["event_time"] != _EMPTY for group in groups)
            self.clock = "event" if told else "wall"

    def between(self, start: float, end: float, features: Sequence[str] = ()) -> pd.DataFrame:
        """The answers from `start` up to `end` (seconds), in order; AT and WALL are their times.

        The same event twice, repeated or replayed, is one row and not more evidence.
        """
        with self._groups() as groups:
            held = [g for g in groups if self._at(g).high >= start and self._at(g).low < end]
            rows = self._read(held, features)
        rows = rows[(rows[AT] >= start) & (rows[AT] < end)]
        rows = rows.sort_values(["wall_time", "request_id", "row"])
        again = rows.duplicated(["key", "event_time"], keep="last")
        named = rows["key"].notna() & rows["event_time"].notna()
        return rows[~(again & named)].sort_values(AT, kind="stable")

    def first(
        self, wanted: Callable[[pd.DataFrame], pd.Series[bool]] | None = None,
        until: float = math.inf,
    ) -> float:  # fmt: skip
        """The earliest time, up to `until`, of an answer that is wanted; infinite without any."""
        best = math.inf
        with self._groups() as groups:
            for group in sorted(groups, key=lambda group: self._at(group).low):
                if self._at(group).low >= best or self._at(group).low > until:
                    break
                if wanted is None and self._is_plain(group):
                    best = self._at(group).low
                    continue
                rows = self._read([group])
                rows = rows if wanted is None else rows[wanted(rows)]
                best = min(best, float(rows[AT].min())) if len(rows) else best
        return best if best <= until else math.inf

    def last(self, of: str = AT, until: float = math.inf) -> float:
        """The latest time (AT or WALL) of an answer up to `until`; minus infinity without any."""
        column = self._column if of == AT else "wall_time"
        best = -math.inf
        with self._groups() as groups:
            for group in sorted(groups, key=lambda group: -group.times[column].high):
                span = group.times[column]
                if span.high <= best:
                    break
                if span.low > until:
                    continue
                if self._is_plain(group) and span.high <= until:
                    best = span.high
                    continue
                times = self._read([group])[of]
                times = times[times <= until]
                best = max(best, float(times.max())) if len(times) else best
        return best

    def count(self, before: float = math.inf) -> int:
        """How many answers there are before a time; repeated ones count each time."""
        with self._groups() as groups:
            return sum(self._count(group, before) for group in groups)

    def _count(self, group: _Group, before: float) -> int:
        if self._at(group).low >= before:
            return 0
        if self._is_plain(group) and self._at(group).high < before:
            return group.rows
        return int((self._read([group], own=_TIMES)[AT] < before).sum())

    @property
    def _column(self) -> str:
        return "event_time" if self.clock == "event" else "wall_time"

    def _at(self, group: _Group) -> _Span:
        return group.times[self._column]

    def _is_plain(self, group: _Group) -> bool:
        """Whether each of its rows is an answer, so that what its file says of it is exact."""
        return self._at(group).whole and not group.copies

    def _read(
        self, groups: Sequence[_Group], features: Sequence[str] = (), own: Sequence[str] = _OWN
    ) -> pd.DataFrame:
        """The answers of these groups, oldest file first, with AT and WALL."""
        columns = [*own, *(f"{log_files.FEATURE}{name}" for name in features)]
        wanted: dict[Path, list[int]] = {}
        for group in groups:
            wanted.setdefault(group.path, []).append(group.number)
        rows = log_files.frame_of([_table(*some, columns) for some in wanted.items()])
        wall, event = seconds(rows["wall_time"]), seconds(rows["event_time"])
        rows = rows.assign(**{AT: event if self.clock == "event" else wall, WALL: wall})
        return rows[rows[AT].notna() & ~rows["shadow"].astype(bool)]

    @contextmanager
    def _groups(self) -> Iterator[list[_Group]]:
        """The row groups as they are now; none goes away meanwhile."""
        with log_files.opened(self._folder) as files:
            for path, footer in files.items():
                if path.name not in self._known:
                    self._known[path.name] = tuple(_groups_of(path, footer))
            yield [group for path in files for group in self._known[path.name]]


def _table(path: Path, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    known = [name for name in columns if name in file.schema_arrow.names]
    return file.read_row_groups(groups, columns=known)


def _groups_of(path: Path, footer: pq.FileMetaData) -> Iterator[_Group]:
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        told = {
            column.path_in_schema: column.statistics
            for column in (group.column(place) for place in range(group.num_columns))
        }
        copies = told.get("shadow")
        times = {
            name: _span(told.get(name), group.num_rows) for name in ("event_time", "wall_time")
        }
        none = copies is not None and copies.has_min_max and not copies.max
        yield _Group(path, number, group.num_rows, times, copies=not none)


def _span(told: Any, rows: int) -> _Span:
    """What a column's statistics say; times are stored in microseconds."""
    if told is None or not told.has_null_count:
        return _UNKNOWN
    if told.null_count == rows:
        return _EMPTY
    if not told.has_min_max or told.physical_type != "INT64":
        return _UNKNOWN
    return _Span(told.min_raw / _MICRO, told.max_raw / _MICRO, told.null_count == 0)


def seconds(times: pd.Series[Any]) -> pd.Series[float]:
    """Seconds since 1970 of times with a zone, of times in UTC without one, or of seconds."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(times):
        return times.astype("float64")
    # In microseconds: a client may send the year 9999, which nanoseconds do not reach.
    found = pd.to_datetime(times, utc=True, errors="coerce").dt.as_unit("us")
    return found.astype("int64").where(found.notna()) / _MICRO
