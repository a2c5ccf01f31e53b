"""Several workers of one service: `python -m mlops_spec.runtime.service.workers service:app`.

The model is loaded once, then the workers are forked: they share the memory it lies in, and one
that died is there again before its clients have noticed. Uvicorn's own `--workers` loads it in each
of them, and ends them all when one cannot start. On a machine one worker is kept like that, too.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final, Protocol

import uvicorn

from mlops_spec.runtime.service.asked_again import App, Careful
from mlops_spec.runtime.service.at_once import AnsweredAtOnce
from mlops_spec.runtime.service.metrics import REPLACES
from mlops_spec.runtime.service.startup import log, said

if TYPE_CHECKING:
    import socket

STARTUP_FAILURE: Final = 3  # as uvicorn's
# A worker that died sooner than this had no time to answer; each such in a row waits longer.
LIVED: Final = 5.0  # seconds
LONGEST_WAIT: Final = 5.0  # seconds, where a worker cannot start
# Seconds, where it can, and dies of requests: others wait for the next one meanwhile, and a rollout
# must soon see what it does.
LONGEST_GAP: Final = 0.1
WITHOUT_ROOM: Final = 1.0  # seconds until another fork is tried where there was no room for one
_ENDS: Final = (signal.SIGTERM, signal.SIGINT)


class Served(App, Protocol):
    """An app whose model can be loaded before its workers are there."""

    def load(self) -> None: ...


class _Ending(Exception):
    """The workers are to end."""


class Workers:
    """The workers of one socket, kept at their number."""

    def __init__(
        self, app: Served, config: uvicorn.Config, listening: socket.socket, number: int
    ) -> None:
        self._app = app
        self._config = config
        self._listening = listening
        # Nobody writes to it: it ends when this process does.
        self._parent, self._held = os.pipe()
        self._died = False
        self._number = number
        self._started: dict[int, float] = {}  # by process
        self._short_lives = 0

    def run(self) -> int:
        """Until TERM or INT, which the workers get too; the exit code."""
        for each in _ENDS:
            signal.signal(each, _end)
        try:
            while True:
                self._fill()
                self._ended(*os.wait())
        except _Ending:
            return self._end()

    def _fill(self) -> None:
        while len(self._started) < self._number:
            try:
                self._start()
            except OSError as error:  # too many processes, no memory: those that run go on
                log.warning("no worker can start: %s", error.strerror)
                time.sleep(WITHOUT_ROOM)
                self._reap()

    def _start(self) -> None:
        with _undisturbed():
            pid = os.fork()
            if pid:
                self._started[pid] = time.monotonic()
                return
            # In the worker, from which there is no way back into the code of its parent.
            code = STARTUP_FAILURE
            try:
                code = self._work()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)

    def _work(self) -> int:
        for each in _ENDS:
            signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        os.close(self._held)
        threading.Thread(target=_end_with_parent, args=(self._parent,), daemon=True).start()
        if self._died:
            os.environ[REPLACES] = "1"
            self._config.app = Careful(self._app)
        server = uvicorn.Server(self._config)
        server.run(sockets=[self._listening])
        return 0 if server.started else STARTUP_FAILURE

    def _reap(self) -> None:
        while self._started:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._ended(pid, status)

    def _ended(self, pid: int, status: int) -> None:
        lived = time.monotonic() - self._started.pop(pid)
        self._died = True
        how = os.waitstatus_to_exitcode(status)
        self._short_lives = self._short_lives + 1 if lived < LIVED else 0
        longest = LONGEST_WAIT if how == STARTUP_FAILURE else LONGEST_GAP
        # 2**9 is far beyond the longest, and no number too large for a service that dies for weeks.
        wait = min(0.1 * 2 ** min(self._short_lives - 1, 9), longest) if self._short_lives else 0.0
        log.warning("worker %d ended with %d; another starts", pid, how)
        time.sleep(wait)

    def _end(self) -> int:
        for each in _ENDS:
            signal.signal(each, signal.SIG_IGN)
        for pid in self._started:
            os.kill(pid, signal.SIGTERM)
        for pid in self._started:
            os.waitpid(pid, 0)
        return 0


def main() -> int:
    """Serve until told to end. Exit code 3 when the model cannot be loaded."""
    given = _arguments()
    sys.path.insert(0, given.app_dir)
    module, _, name = given.app.partition(":")
    config = uvicorn.Config(
        given.app, host=given.host, port=given.port, access_log=False, interface="asgi3",
        http=AnsweredAtOnce, ws="none", proxy_headers=False,
        timeout_graceful_shutdown=given.timeout_graceful_shutdown,
    )  # fmt: skip
    try:
        app: Served = getattr(importlib.import_module(module), name)
        app.load()
    # As in a worker of uvicorn: its message and no traceback.
    except Exception as error:
        log.error(said(error))
        return STARTUP_FAILURE
    return Workers(app, config, config.bind_socket(), given.workers).run()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Told to end meanwhile, a process hears of it afterwards, when it knows its workers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)


def _end_with_parent(parent: int) -> None:
    """In a worker. Whoever starts the service again finds the port free."""
    os.read(parent, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _end(_: int, __: FrameType | None) -> None:
    raise _Ending


def _arguments() -> argparse.Namespace:
    """The words of uvicorn's own command, as far as a service needs them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("app", help="module:name of the app")
    parser.add_argument("--app-dir", default=".")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout-graceful-shutdown", type=int, default=8, help="seconds")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
