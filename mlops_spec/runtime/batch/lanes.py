"""Doing one thing to many items on all cores, in order, with few of them in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def cores() -> int:
    """How many this process may use: fewer than the machine has, in a container."""
    return len(os.sched_getaffinity(0))


def in_lanes(work: Callable[[_In], _Out], items: Iterable[_In], lanes: int) -> Iterator[_Out]:
    """`work(item)` for each item, in order; the next items are read while others are worked on.

    At most `lanes` + 1 items are held. An error of one item ends it all, after those that are
    being worked on.
    """
    waiting: deque[Future[_Out]] = deque()
    with ThreadPoolExecutor(lanes, "batch") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                del item
                if len(waiting) > lanes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
