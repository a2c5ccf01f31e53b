"""Workers that are forked from one process: they come back, end together, and fail together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from packaged_service import free_port

pytestmark = pytest.mark.e2e

APP = """
import os

LOADED = os.getpid()

class App:
    def load(self):
        {load}

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            body = b"%d %d" % (os.getpid(), LOADED)
            await send({{"type": "http.response.start", "status": 200, "headers": []}})
            await send({{"type": "http.response.body", "body": body}})

app = App()
"""


def start(place: Path, port: int, load: str = "pass") -> subprocess.Popen[str]:
    (place / "own_app.py").write_text(APP.format(load=load))
    command = [sys.executable, "-m", "mlops_spec.runtime.service.workers", "own_app:app"]
    command += ["--app-dir", str(place), "--port", str(port), "--workers", "2"]
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE)


def answer(port: int) -> list[int]:
    """Which process answered, and which had loaded the app."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return [int(word) for word in httpx.get(f"http://127.0.0.1:{port}/").text.split()]
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_worker_that_died_is_replaced_and_all_end_together(tmp_path: Path) -> None:
    port = free_port()
    with start(tmp_path, port) as process:
        pid, loaded = answer(port)
        os.kill(pid, signal.SIGKILL)
        # On the way to the dead one: what no server could have answered.
        seen = {answer(port)[0] for _ in range(20)}
        deadline = time.monotonic() + 120
        while len(family := psutil.Process(process.pid).children()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)

    assert loaded == process.pid
    assert pid not in seen
    assert pid not in {one.pid for one in family}
    assert process.returncode == 0
    assert f"worker {pid} ended with -9; another starts" in said
    assert not any(one.is_running() for one in family)


def test_an_app_that_cannot_be_loaded_ends_it_with_a_line(tmp_path: Path) -> None:
    with start(tmp_path, free_port(), "raise ValueError('no such model')") as process:
        _, said = process.communicate(timeout=120)
    assert (process.returncode, said.strip()) == (3, "no such model")
