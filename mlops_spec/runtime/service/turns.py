"""Requests that one turn of the event loop has read, answered together.

Under load a turn reads a request from each of many connections. A model that is walked once for all
of them is fetched into the processor's caches once, and so is the code of each step of an answer.
Nobody waits for company: what one turn has read is answered before the next one reads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from mlops_spec.runtime.service.predicting import Asked, Given, Reply
from mlops_spec.runtime.service.startup import log

# After so many turns in a row with one request only, the next ones are answered where they are
# read: going once around the loop costs a tenth of an answer. One of so many looks for company.
ALONE: Final = 4
LOOKS_EVERY: Final = 16
MOST: Final = 64  # requests of one turn
# Bytes of a body. A larger one has as many rows as pay alone, and lets nobody wait for it.
SMALL: Final = 4096

Post = tuple[bytes, Given, bytes]  # url, headers, body
Told = tuple[Asked, Reply]
# `since`: when the first of them was here, as `time.perf_counter`. None: not for one turn.
AtOnce = Callable[[Sequence[Post], float], Sequence[Told | None]]


class Connection(Protocol):
    """Where a request came from."""

    def told(self, found: Told | None) -> None:
        """What it is answered. None: it has to go the usual way."""


class Turn:
    """The requests of one loop that are not answered yet."""

    def __init__(self, at_once: AtOnce) -> None:
        self._at_once = at_once
        self._waiting: list[tuple[Connection, Post]] = []
        self._since = 0.0
        self._alone = 0  # turns in a row

    def add(self, connection: Connection, post: Post) -> None:
        """Answer before the loop reads again; `connection` is told, maybe before this returns."""
        if len(post[2]) > SMALL:
            connection.told(self._told((post,), time.perf_counter())[0])
        elif self._waiting or self._looks_for_company():
            self._wait(connection, post)
        else:
            self._alone += 1
            connection.told(self._told((post,), time.perf_counter())[0])

    def _wait(self, connection: Connection, post: Post) -> None:
        if not self._waiting:
            self._since = time.perf_counter()
            asyncio.get_running_loop().call_soon(self.answer)
        self._waiting.append((connection, post))
        if len(self._waiting) == MOST:
            self.answer()

    def answer(self) -> None:
        """Answer all that wait, now."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        self._alone = 0 if len(waiting) > 1 else self._alone + 1
        found = self._told([post for _, post in waiting], self._since)
        for (connection, _), each in zip(waiting, found, strict=True):
            connection.told(each)

    def _told(self, posts: Sequence[Post], since: float) -> Sequence[Told | None]:
        try:
            return self._at_once(posts, since)
        # Nobody else would tell these connections anything. The usual way says what it is.
        except Exception as error:
            log.error("%d requests could not be answered at once", len(posts), exc_info=error)
            return [None] * len(posts)

    def _looks_for_company(self) -> bool:
        return self._alone < ALONE or self._alone % LOOKS_EVERY == 0
