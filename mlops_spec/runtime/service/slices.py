"""Work in the thread of an event loop, in slices so short that no answer waits for them.

A thread of its own would work beside the answers, but for the interpreter's lock: a thread that
waits for it is woken at each request, and seldom gets it, so that both cores do little else.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

WORK: Final = 0.25e-3  # seconds of a slice
PAUSE: Final = 1e-3  # seconds until the next; a loop's clock knows none shorter


class Slices:
    """The work of one loop, one piece after the other. Without a loop it is done at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None, hurries: Callable[[], bool]) -> None:
        """`hurries`: whether slices follow each other without a pause."""
        self._loop = loop
        self._hurries = hurries
        self._waiting: deque[Iterator[object]] = deque()
        self._next: asyncio.TimerHandle | None = None

    def add(self, work: Iterator[object]) -> None:
        """Do `work` after what was added before. It raises nothing."""
        self._waiting.append(work)
        if self._loop is None or self._loop.is_closed():
            self.finish()
        elif self._next is None:
            self._next = self._loop.call_later(PAUSE, self._slice)

    def finish(self) -> None:
        """Do all of it now."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        while self._waiting:
            for _ in self._waiting[0]:
                pass
            self._waiting.popleft()

    def _slice(self) -> None:
        assert self._loop is not None
        self._next = None
        until = time.perf_counter() + WORK
        while self._waiting and time.perf_counter() < until:
            if next(self._waiting[0], _ENDED) is _ENDED:
                self._waiting.popleft()
        if self._waiting:
            self._next = self._loop.call_later(0.0 if self._hurries() else PAUSE, self._slice)


def this_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_ENDED: Final = object()
