"""How much of its log a copy keeps where the log ends with it anyway: the newest files.

A pod that fills the scratch space it was given is evicted, without the time to drain. With a file a
second that takes days, and comes to all copies of a service at about the same hour.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

KEEPS: Final = "MLOPS_SPEC_LOG_KEEPS"  # bytes of each worker
MOST_FILES: Final = 20_000  # five hours of one a second, and their names in memory
_BLOCK: Final = 4096  # what a file takes at least


class LogRoom:
    """The files of one process, oldest first."""

    def __init__(self, folder: Path, most: int, most_files: int = MOST_FILES) -> None:
        """`most`: bytes. What processes have left that are gone is taken over, and counts, too."""
        self._folder = folder
        self._most = most
        self._most_files = most_files
        self._taken = 0
        self._files: deque[tuple[str, int]] = deque()
        for name in sorted(_left_in(folder)):
            with suppress(OSError):
                self._add(name, (folder / name).stat().st_size)

    def took(self, name: str, size: int) -> None:
        """A file was written; remove the oldest ones that are too many by now."""
        self._add(name, size)
        while self._taken > self._most or len(self._files) > self._most_files:
            oldest, held = self._files.popleft()
            self._taken -= held
            with suppress(OSError):
                (self._folder / oldest).unlink()

    def _add(self, name: str, size: int) -> None:
        held = -(-size // _BLOCK) * _BLOCK
        self._files.append((name, held))
        self._taken += held


def room_of(folder: Path) -> LogRoom | None:
    """As the environment says; None where a log is kept."""
    most = os.environ.get(KEEPS, "")
    return LogRoom(folder, int(most)) if most.isdecimal() else None


def _left_in(folder: Path) -> list[str]:
    """Files whose writer is gone, or had the number that this process has now."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    return [name for name in names if name.endswith(".parquet") and not _is_kept_by_another(name)]


def _is_kept_by_another(name: str) -> bool:
    writer = name.split("-")[2] if name.count("-") > 1 else ""
    if not writer.isdecimal() or int(writer) == os.getpid():
        return False
    try:
        os.kill(int(writer), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
