"""The prediction log is complete, and reading it copes with what it finds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mlops_spec.runtime.service.prediction_log import Answered, Identity, PredictionLog, read

WHO = Identity("trip", "7", "abc")


def answered(number: int) -> Answered:
    return Answered(
        float(number), f"r{number}", "", False, ["k", None], [None, None],
        {"score": [1.0, None]}, [0.1, 0.9], [False, True],
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
