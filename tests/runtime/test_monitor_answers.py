"""The monitor opens what its windows hold, and finds there what the whole log would have told."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from monitor_world import DATASET, DAY, DRIFT, FEATURES, RECIPE, SUMMER, World, rows

from mlops_spec.runtime.monitor import answers as answering
from mlops_spec.runtime.monitor import steps as monitoring
from mlops_spec.runtime.monitor.answers import AT, WALL, Answers, seconds
from mlops_spec.runtime.service import log_files


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def weeks(world: World, count: int) -> None:
    for week in range(count):
        world.serve(rows(world.random, 1200, SUMMER + week * 7 * DAY, 7))


def opened(world: World) -> Answers:
    folder = world.context.workspace.predictions("flight-delay", "release-1")
    return Answers(folder, by_event=True)


def whole(world: World) -> pd.DataFrame:
    """All answers of the log, read without looking at any statistics."""
    folder = world.context.workspace.predictions("flight-delay", "release-1")
    log = log_files.read(folder, None, None)
    found = log.assign(**{AT: seconds(log["event_time"]), WALL: seconds(log["wall_time"])})
    return found[found[AT].notna() & ~found["shadow"]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of which rows were read, in order."""
    found: list[str] = []
    table = answering._table

    def seen(path: Path, *rest: object) -> object:
        found.append(path.name)
        return table(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(answering, "_table", seen)
    return found


def test_a_look_reads_its_windows_and_nothing_between_them(world: World, read: list[str]) -> None:
    weeks(world, 9)
    until = datetime.fromtimestamp(SUMMER + 62 * DAY, UTC).isoformat()
    *_, judged, _ = world.look(until)

    assert judged.baseline_is == "the first 14 days after promotion"
    # The window is the ninth week; labelled rows are of the eighth; the baseline is the first two.
    names = [f"{number:06}.parquet" for number in (0, 1, 2, 7, 8)]
    assert sorted(set(read)) == names


def test_a_window_holds_what_the_whole_log_has_of_it(world: World) -> None:
    for week in (3, 0, 2, 1, 1):  # answered in another order than they happened, and one again
        frame = rows(np.random.default_rng(week), 900, SUMMER + week * 7 * DAY, 9)
        world.serve(frame)
        world.serve(frame.iloc[:50], shadow=True)
        world.serve(frame.iloc[:50], times=False)
    found, everything = opened(world), whole(world)

    for start, end in ((0, 7), (5, 20), (6.9, 7.1), (40, 50), (-9, 90)):
        first, last = SUMMER + start * DAY, SUMMER + end * DAY
        wanted = everything[(everything[AT] >= first) & (everything[AT] < last)]
        wanted = wanted.drop_duplicates(["key", "event_time"], keep="last")
        got = found.between(first, last, [*FEATURES])
        assert got[AT].is_monotonic_increasing
        assert set(got["key"]) == set(wanted["key"])
        assert len(got) == len(wanted)
        assert got.reindex(columns=["temp"])["temp"].sum() == pytest.approx(wanted["temp"].sum())


def test_ends_and_counts_are_those_of_the_whole_log(world: World) -> None:
    weeks(world, 3)
    world.serve(rows(world.random, 40, SUMMER - 30 * DAY, 1), shadow=True)
    world.serve(rows(world.random, 40, SUMMER + 90 * DAY, 1), times=False)
    found, everything = opened(world), whole(world)
    at = everything[AT]

    assert (found.first(), found.last()) == (at.min(), at.max())
    for until in (SUMMER - DAY, SUMMER + 3 * DAY, SUMMER + 11 * DAY, SUMMER + 99 * DAY):
        latest = at[at <= until].max()
        assert found.last(until=until) == (latest if (at <= until).any() else -math.inf)
        assert found.count(until) == (at < until).sum()
    assert found.last(WALL) == everything[WALL].max()
    carrier = everything["carrier"] == "WN"
    assert found.first(lambda rows: rows["key"].isin(everything["key"][carrier])) == pytest.approx(
        at[carrier].min()
    )
    assert found.first(until=SUMMER - DAY) == math.inf


def test_ends_need_no_rows_where_the_files_tell_them(world: World, read: list[str]) -> None:
    weeks(world, 3)
    found = opened(world)
    told = (found.first(), found.last(), found.last(WALL), found.count())

    assert told[3] == 3600
    assert read == []


def test_an_empty_log_has_no_ends(tmp_path: Path) -> None:
    found = Answers(tmp_path, by_event=True)

    assert (found.first(), found.last(), found.count()) == (math.inf, -math.inf, 0)
    assert found.between(0.0, math.inf).empty
    assert found.clock == "wall"


def test_a_key_that_is_asked_again_counts_in_each_window(world: World) -> None:
    again = rows(world.random, 600, SUMMER, 7)
    for week in range(6):
        later = again.assign(departs_at=again["departs_at"] + pd.Timedelta(days=7 * week))
        world.serve(later, labels=week == 0)
    until = datetime.fromtimestamp(SUMMER + 43 * DAY, UTC).isoformat()
    seen = monitoring.look(world.context, DATASET, DRIFT, until)
    judged = monitoring.perform(world.context, DATASET, RECIPE, DRIFT, seen)

    assert judged.verdict.n == 600
    assert judged.baseline.n == 600


def test_files_are_merged_while_their_answers_are_read(world: World) -> None:
    weeks(world, 4)
    found = opened(world)
    before = found.between(SUMMER, SUMMER + 28 * DAY)
    folder = world.context.workspace.predictions("flight-delay", "release-1")
    assert log_files.merge(folder, 2) == 4

    after = found.between(SUMMER, SUMMER + 28 * DAY)
    assert after["key"].tolist() == before["key"].tolist()
    assert found.count() == 4800
