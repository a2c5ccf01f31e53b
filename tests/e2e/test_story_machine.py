"""A machine that does not play along: each cause is named, and gone, the same command works."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from asking import client
from stories import Ended, UsersProject, ended, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def test_locked_files_and_a_full_disk_are_named_and_the_command_works_after(
    trips: UsersProject,
) -> None:
    production = trips.production
    trips.ask_for_another_run()
    with client(trips) as answers:
        with trips.full_disk():
            refused(trips.spec("apply"), "MLS604", "MLS606", says="disk")
        with held(trips.workspace.state):
            refused(trips.spec("apply"), "MLS606", says="another program holds it")
        full_while_it_trains(trips)
        with held(trips.workspace.root / "mlflow.db"):
            refused(trips.spec("apply"), "MLS606", says="MLflow's file")
    assert not answers.failed, answers.words
    assert set(answers.good) == {production}
    trips.apply()
    assert trips.releases()["previous"] == [production]
    assert len(trips.versions()) == len(set(trips.versions()))


def full_while_it_trains(trips: UsersProject) -> None:
    apply = trips.start("apply")
    until(lambda: trips.doing("check") or apply.poll() is not None, what="the checks begin")
    with trips.full_disk():
        refused(ended(apply), "MLS602", "MLS604", "MLS606", says="disk")


def test_a_taken_port_is_named_and_what_served_serves_again(trips: UsersProject) -> None:
    production, variable = trips.production, "MLOPS_SPEC_PORT_ROUTER"
    assert trips.spec("down").code == 0
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        trips.environment = {variable: str(port)}
        done = trips.spec("apply")
        refused(done, "MLS603", says=f"port {port} for 'router' is taken by")
        assert variable in done.err
    assert "Nothing to do" not in trips.apply().out
    assert f":{port}/" in trips.url
    with client(trips) as answers:
        assert "Nothing to do" in trips.apply().out
    assert set(answers.good) == {production}
    assert not answers.failed


def refused(done: Ended, *codes: str, says: str) -> None:
    """Exit 1 with one of these codes, what happened and what to do, and no traceback."""
    assert done.code == 1, done.all
    assert any(f"error {code}: " in done.err for code in codes), done.all
    assert says in done.err, done.all
    assert "Traceback" not in done.out + done.err, done.all
    assert "the same command again" in done.err or "help: " in done.err, done.all


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process has an exclusive transaction on this file."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.kill()
