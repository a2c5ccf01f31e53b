"""Prediction logs of pods: packed by the service, copied to where a rollout is judged."""

from __future__ import annotations

import asyncio
import io
import tarfile
from pathlib import Path

import pytest

from mlops_spec.runtime.cluster.predictions import PodLogs
from mlops_spec.runtime.service import shared_log
from mlops_spec.runtime.service.log_files import spanning
from mlops_spec.runtime.service.shared_log import PATH, SHARE, is_shared, newest, packed

POD = {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"ready": True}]}}


def log_of(folder: Path, *spans: tuple[int, int]) -> list[str]:
    names = [spanning(first, last, f"7-{n:06d}") for n, (first, last) in enumerate(spans)]
    for name in names:
        (folder / name).write_bytes(name.encode())
    return names


def names_in(tar: bytes) -> list[str]:
    return tarfile.open(fileobj=io.BytesIO(tar)).getnames()


@pytest.mark.parametrize(("variable", "path", "expected"), [
    ("1", PATH, True), ("1", "/predict", False), ("0", PATH, False), ("", PATH, False),
])  # fmt: skip
def test_a_log_is_given_away_only_where_the_manifest_says_so(monkeypatch, variable, path, expected):
    monkeypatch.setenv(SHARE, variable)

    assert is_shared(path) is expected


def test_whole_files_since_a_moment_come_oldest_first(tmp_path):
    names = log_of(tmp_path, (1, 5), (6, 9), (10, 20))
    (tmp_path / f".{names[0]}.tmp").write_bytes(b"half")

    assert names_in(asyncio.run(newest(tmp_path, b"since=9"))) == names[1:]
    assert names_in(asyncio.run(newest(tmp_path, b"since=x"))) == names
    assert names_in(asyncio.run(newest(None, b""))) == []


def test_an_answer_has_an_end_and_the_next_one_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_log, "MOST_BYTES", 2000)
    names = log_of(tmp_path, (1, 5), (6, 9), (10, 20))

    assert names_in(packed(tmp_path, 0)) == names[:2]
    assert names_in(packed(tmp_path, 9)) == names[1:]


class Server:
    """A pod that answers with this tar."""

    def __init__(self, tar: bytes) -> None:
        self.tar = tar
        self.asked: list[str] = []

    def ask_pod(self, namespace, pod, port, path, body):
        self.asked.append(path)
        return type("Answer", (), {"status": 200, "body": self.tar})


def test_copies_are_whole_and_the_next_look_begins_where_the_last_one_ended(tmp_path):
    source, copy = tmp_path / "pod", tmp_path / "copy"
    source.mkdir()
    names = log_of(source, (10_000_000, 20_000_000))
    server = Server(packed(source, 0))
    logs = PodLogs(server, "ml", copy, since=1.0)

    assert logs.until() is None
    logs.collect((POD,))
    logs.collect((POD,))

    assert [path.name for path in copy.iterdir()] == names
    assert server.asked == [f"{PATH}?since=1000000", f"{PATH}?since=15000000"]
    assert logs.until() == 20.0


def test_a_pod_writes_nowhere_but_into_its_log(tmp_path):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("../1-2-3-4.parquet", "/tmp/1-2-3-4.parquet", "note.txt", "a/1-2-3-4.parquet"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        link = tarfile.TarInfo("1-2-3-5.parquet")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)

    PodLogs(Server(made.getvalue()), "ml", tmp_path / "copy", since=0.0).collect((POD,))

    assert list((tmp_path / "copy").iterdir()) == []
