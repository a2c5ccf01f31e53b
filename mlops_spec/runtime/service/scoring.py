"""Scoring beside the event loop, for what takes milliseconds: bounded in number and in time."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from mlops_spec.runtime.portable.scorer import Columns, Scorer, Scores

THREADS: Final = 4
# More than these, waiting and being scored, would be answered after their clients have left.
AT_ONCE: Final = 64


class Overloaded(Exception):
    """Too many requests are being answered."""


class Scoring:
    """The threads of one app."""

    def __init__(self, timeout: float) -> None:
        """`timeout`: seconds that a request may take, its turn included."""
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(THREADS, "scoring")
        self._lock = threading.Lock()
        self._taken = 0

    async def score(self, scorer: Scorer, columns: Columns) -> Scores:
        """The scores. `Overloaded` at once; `TimeoutError` in time.

        What is being scored cannot be stopped: it keeps its place until it is done, so that
        requests that hang end in `Overloaded` and not in more and more threads.
        """
        with self._lock:
            if self._taken >= AT_ONCE:
                raise Overloaded
            self._taken += 1
        work = self._threads.submit(scorer.score, columns)
        work.add_done_callback(self._free)
        return await asyncio.wait_for(asyncio.wrap_future(work), self._timeout)

    def _free(self, _: Future[Scores]) -> None:
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """Take no more; what waits for its turn is not scored."""
        self._threads.shutdown(wait=False, cancel_futures=True)
