"""A log that ends with its copy keeps the newest files, and never outgrows the copy's own disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_spec.runtime.service.log_files import read
from mlops_spec.runtime.service.log_room import KEEPS, LogRoom
from mlops_spec.runtime.service.log_table import Answered, Identity
from mlops_spec.runtime.service.prediction_log import PredictionLog

WHO = Identity("trip", "7", "abc")


def write(folder: Path, first: int, last: int) -> None:
    """A file an answer."""
    for number in range(first, last):
        log = PredictionLog(folder, WHO, {"score": "float"})
        log.add(
            Answered(1e9 + number, f"r{number}", "", False, ["k"], [None], [(1.0,)], [0.1], [False])
        )
        log.close()


def kept(folder: Path) -> list[str]:
    return [str(found) for found in read(folder, None, None)["request_id"]]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.iterdir())


def test_the_oldest_files_go_when_the_newest_have_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 0, 1)
    one = size_of(tmp_path)
    monkeypatch.setenv(KEEPS, str(4 * one))
    write(tmp_path, 1, 20)

    assert kept(tmp_path) == ["r16", "r17", "r18", "r19"]
    assert size_of(tmp_path) == 4 * one


def test_a_log_that_is_kept_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEEPS, raising=False)
    write(tmp_path, 0, 5)
    assert kept(tmp_path) == [f"r{number}" for number in range(5)]


def test_files_of_a_worker_that_died_count_and_those_of_one_that_lives_are_its_own(
    tmp_path: Path,
) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        pass
    for number, writer in enumerate((gone.pid, os.getppid(), os.getpid(), "merged")):
        (tmp_path / f"{number}-{number}-{writer}-0.parquet").write_bytes(b"x" * 5000)
    (tmp_path / ".lock").write_bytes(b"")

    room = LogRoom(tmp_path, 3 * 8192)
    (tmp_path / "9-9-new-0.parquet").write_bytes(b"x" * 5000)
    room.took("9-9-new-0.parquet", 5000)

    found = sorted(path.name.partition("-")[0] for path in tmp_path.glob("*.parquet"))
    assert found == ["1", "2", "3", "9"]


def test_many_small_files_are_too_many_before_they_are_too_large(tmp_path: Path) -> None:
    room = LogRoom(tmp_path, 10**9, most_files=3)
    for number in range(9):
        name = f"{number}-{number}-1-{number}.parquet"
        (tmp_path / name).write_bytes(b"")
        room.took(name, 0)
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["6", "7", "8"]


def test_what_somebody_removed_or_never_was_there_is_no_trouble(tmp_path: Path) -> None:
    room = LogRoom(tmp_path / "nowhere", 4096)
    for number in range(3):
        room.took(f"{number}-{number}-1-0.parquet", 4096)
    assert not (tmp_path / "nowhere").exists()
