"""Work in the thread of an event loop, in slices so short that no answer waits for them.

A thread of its own would work beside the answers, but for the interpreter's lock: handing that over
costs both more than the work itself, and what one core has made the other has to fetch.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

WORK: Final = 0.25e-3  # seconds of a slice
PAUSE: Final = 1e-3  # seconds until the next; a loop's clock knows none shorter
LOOKS_EVERY: Final = 0.1  # seconds


class Slices:
    """The slices of one loop, for threads that wait for their work to be done there."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        hurries: Callable[[], bool],
        given_up: Callable[[], bool],
    ) -> None:
        """`hurries`: whether slices follow each other without a pause. `given_up`: whether nobody
        wants the work any more; the loop may be standing still.
        """
        self._loop = loop
        self._hurries = hurries
        self._given_up = given_up

    def take(self, work: Iterator[object]) -> bool:
        """All of `work`; False when it was given up or the loop has ended, and will not go on.

        Raises what it raises.
        """
        ended = threading.Event()
        errors: list[Exception] = []
        try:
            self._loop.call_soon_threadsafe(self._slice, work, ended, errors)
        except RuntimeError:  # it is closed
            return False
        while not ended.wait(LOOKS_EVERY):
            if self._given_up() or self._loop.is_closed():
                return False
        for error in errors:
            raise error
        return True

    def _slice(
        self, work: Iterator[object], ended: threading.Event, errors: list[Exception]
    ) -> None:
        until = time.perf_counter() + WORK
        try:
            for _ in work:
                if self._given_up():
                    return
                if time.perf_counter() > until:
                    pause = 0.0 if self._hurries() else PAUSE
                    self._loop.call_later(pause, self._slice, work, ended, errors)
                    return
        # The one who waits is told; the loop would only write it down.
        except Exception as error:
            errors.append(error)
        ended.set()
