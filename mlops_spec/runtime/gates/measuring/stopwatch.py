"""Time that work takes, without the time in which it waited for a processor."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

_SCHEDULED: Final = "/proc/thread-self/schedstat"  # of this thread: ns it ran, ns it waited to run
_BYTES: Final = 64


class Stopwatch(Protocol):
    """Seconds by two counts: on the clock, and of this thread ready to run while others did."""

    def now(self) -> float: ...
    def waited(self) -> float: ...


class _Wall:
    def now(self) -> float:
        return time.perf_counter()

    def waited(self) -> float:
        return 0.0


class _Scheduled(_Wall):
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def waited(self) -> float:
        return int(os.pread(self._descriptor, _BYTES, 0).split()[1]) * 1e-9


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """For this thread. Where the system does not tell who waited (not Linux), nobody did."""
    try:
        descriptor = os.open(_SCHEDULED, os.O_RDONLY)
    except OSError:
        yield _Wall()
        return
    try:
        found = _Scheduled(descriptor)
        yield found if _tells(found) else _Wall()
    finally:
        os.close(descriptor)


def _tells(found: _Scheduled) -> bool:
    try:
        return found.waited() >= 0
    except (OSError, ValueError, IndexError):
        return False


def seconds_of(work: Callable[[], object], watch: Stopwatch) -> float:
    """What one call took. The clock is read innermost: the counts of waiting take longer to read.

    At most 0 in the rare case that all waiting fell between the two readings.
    """
    waited = watch.waited()
    before = watch.now()
    work()
    after = watch.now()
    return (after - before) - (watch.waited() - waited)
