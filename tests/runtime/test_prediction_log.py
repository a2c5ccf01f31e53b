"""The prediction log is complete, and reading it copes with what it finds."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops_spec.runtime.service import log_files
from mlops_spec.runtime.service.log_files import merge, read, written_until
from mlops_spec.runtime.service.log_table import Answered, Identity
from mlops_spec.runtime.service.prediction_log import PredictionLog

WHO = Identity("trip", "7", "abc")


def answered(number: int) -> Answered:
    return Answered(
        float(number), f"r{number}", "", False, ["k", None], [None, None],
        [(1.0,), (None,)], [0.1, 0.9], [False, True],
    )  # fmt: skip


def test_closing_writes_every_row_that_was_added(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, WHO, {"score": "float"})
    for number in range(300):
        log.add(answered(number))
    log.close()

    found = read(tmp_path, None, None)
    assert found["request_id"].tolist() == [f"r{n}" for n in range(300) for _ in range(2)]
    assert found["decision"].tolist() == ["false", "true"] * 300
    assert found["feature.score"].notna().tolist() == [True, False] * 300


def test_a_window_holds_its_start_and_not_its_end(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, WHO, {"score": "float"})
    for number in range(3):
        log.add(answered(number))
    log.close()

    since, until = (datetime.fromtimestamp(second, UTC) for second in (1, 2))
    assert read(tmp_path, since, until)["request_id"].unique().tolist() == ["r1"]


def test_half_files_and_a_missing_folder_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / ".1.parquet.tmp").write_bytes(b"PAR1")
    (tmp_path / "2.parquet").write_bytes(b"PAR1 cut")

    assert read(tmp_path, None, None).empty
    assert read(tmp_path / "nowhere", None, None).empty


def test_rows_that_cannot_be_written_are_counted_and_nothing_raises(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lost: list[int] = []
    log = PredictionLog(tmp_path / "file" / "below", WHO, {"score": "float"}, lost.append)
    log.add(answered(1))
    log.close()

    assert lost == [2]


def many(folder: Path, files: int) -> list[str]:
    """A file a request, as a service writes them that has little to do."""
    for number in range(files):
        one = PredictionLog(folder, WHO, {"score": "float"})
        one.add(answered(number))
        one.close()
    return [f"r{number}" for number in range(files) for _ in range(2)]


def test_merged_files_hold_the_same_rows(tmp_path: Path) -> None:
    wanted = many(tmp_path, 12)
    before = read(tmp_path, None, None)

    assert merge(tmp_path) == 12
    assert len(list(tmp_path.glob("*.parquet"))) == 1
    assert read(tmp_path, None, None).equals(before)
    assert before["request_id"].tolist() == wanted
    assert merge(tmp_path) == 0


def test_a_merge_that_is_killed_doubles_no_row_and_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = many(tmp_path, 12)

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(log_files, "_remove_replaced", killed)
        with pytest.raises(KeyboardInterrupt):
            merge(tmp_path)
    assert len(list(tmp_path.glob("*.parquet"))) == 13
    assert read(tmp_path, None, None)["request_id"].tolist() == wanted
    assert merge(tmp_path) == 0
    assert len(list(tmp_path.glob("*.parquet"))) == 1
    assert read(tmp_path, None, None)["request_id"].tolist() == wanted


def test_readers_see_every_row_once_while_others_write_and_merge(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, WHO, {"score": "float"})
    many(tmp_path, 15)
    stop = threading.Event()

    def merging() -> None:
        while not stop.is_set():
            merge(tmp_path, 2)

    with ThreadPoolExecutor(2) as pool:
        mergers = [pool.submit(merging) for _ in range(2)]
        for number in range(15, 40):
            one = PredictionLog(tmp_path, WHO, {"score": "float"})
            one.add(answered(number))
            one.close()
            found = read(tmp_path, None, None)["request_id"].tolist()
            assert found == [f"r{n}" for n in range(number + 1) for _ in range(2)]
        stop.set()
        for merger in mergers:
            merger.result()
    log.close()


def test_a_reader_of_the_last_minutes_opens_their_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(tmp_path, 6)
    opened: list[str] = []
    table = log_files._table
    monkeypatch.setattr(
        log_files, "_table", lambda path: (opened.append(path.name), table(path))[1]
    )

    found = read(tmp_path, datetime.fromtimestamp(4, UTC), None)
    assert found["request_id"].tolist() == ["r4", "r4", "r5", "r5"]
    assert [name.partition("-")[0] for name in opened] == ["4000000", "5000000"]


def test_the_log_is_complete_up_to_what_its_slowest_writer_wrote(tmp_path: Path) -> None:
    many(tmp_path, 3)
    for path in sorted(tmp_path.glob("*.parquet")):
        first, last, _, number = path.stem.split("-")
        pid = "7" if first == "1000000" else "8"
        path.rename(path.with_name(f"{first}-{last}-{pid}-{number}.parquet"))

    assert written_until(tmp_path, 0.0) == 1.0
    assert written_until(tmp_path, 1.5) == 2.0
    assert written_until(tmp_path, 9.0) is None


def test_a_request_that_two_workers_logged_is_there_once(tmp_path: Path) -> None:
    other = answered(1)._replace(rows=[(3.0,), (None,)])
    for batch in ([answered(1), answered(2)], [answered(1)._replace(wall=1.5), other]):
        log = PredictionLog(tmp_path, WHO, {"distance": "float"})
        for each in batch:
            log.add(each)
        log.close()

    found = read(tmp_path, None, None)
    # What a client asks under the id of another request is a request of its own, row by row.
    columns = found["request_id"], found["row"], found["distance"].fillna(-1)
    assert sorted(zip(*columns, strict=True)) == [
        ("r1", 0, 1.0), ("r1", 0, 3.0), ("r1", 1, -1.0), ("r2", 0, 1.0), ("r2", 1, -1.0),
    ]  # fmt: skip
