"""Trees as the arrays that the kernel walks through (`trees.c` has the same in C)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NODE: Final = np.dtype([("threshold", "<f8"), ("feature", "<u4"), ("left", "<u4")])
# Beside a feature: where a missing value goes, whether its value is looked for in a set, and that
# this is no split. A leaf's value, or its number where it has several, stands as the threshold.
MISSING_LEFT: Final = np.uint32(0x80000000)
IN_SET: Final = np.uint32(0x40000000)
LEAF: Final = np.uint32(0x20000000)
FEATURE: Final = np.uint32(0x1FFFFFFF)
WALKS: Final = 8  # trees that are walked at once; there are as many, or a multiple
WORD: Final = 32  # codes of a set
_ARRAYS: Final = ("nodes", "roots", "targets", "values", "words")


@dataclass(frozen=True, slots=True)
class Layout:
    """The arrays of an ensemble, little-endian, as they lie in a file."""

    nodes: NDArray[Any]
    roots: NDArray[np.uint32]
    targets: NDArray[np.uint32]  # of each tree: the first answer that its leaves add to
    values: NDArray[np.float64]  # by number, of leaves that have several
    words: NDArray[np.uint32]  # of the sets, a bit for each code

    def write(self, path: Path) -> None:
        """Equal trees give equal bytes."""
        with path.open("wb") as file:
            for name in _ARRAYS:
                np.save(file, getattr(self, name), allow_pickle=False)

    @classmethod
    def read(cls, path: Path) -> Layout:
        with path.open("rb") as file:
            return cls(**{name: np.load(file, allow_pickle=False) for name in _ARRAYS})

    def inside(self, columns: int, answers: int, several: int) -> bool:
        """Whether each walk ends within the arrays, and each sum within the answers."""
        nodes = self.nodes
        leaf = (nodes["feature"] & LEAF) > 0
        apart = nodes["left"].astype(np.int64) - np.arange(len(nodes))
        return bool(
            len(self.roots) % WALKS == 0
            and len(self.targets) == len(self.roots)
            and (self.roots < len(nodes)).all()
            # A split leads on, never back: each walk ends. It leads to two; this is the first.
            and ((apart > 0) == ~leaf).all()
            and (apart >= 0).all()
            and (nodes["left"].astype(np.int64) + ~leaf < len(nodes)).all()
            and (nodes["feature"] & FEATURE < columns).all()
            and (self.targets.astype(np.int64) + (several or 1) <= answers).all()
            and self._values_inside(leaf, several)
            and self._sets_inside()
        )

    def _values_inside(self, leaf: NDArray[np.bool_], several: int) -> bool:
        if not several:
            return True
        numbers = _parts(self.nodes["threshold"][leaf])[:, 0].astype(np.int64)
        return bool(((numbers + 1) * several <= len(self.values)).all())

    def _sets_inside(self) -> bool:
        sets = self.nodes[(self.nodes["feature"] & IN_SET) > 0]
        begin, codes = _parts(sets["threshold"]).T.astype(np.int64)
        return bool((begin + -(-codes // WORD) <= len(self.words)).all())


def _parts(thresholds: NDArray[np.float64]) -> NDArray[np.uint32]:
    """What stands where others have a threshold: two whole numbers."""
    return np.ascontiguousarray(thresholds).view("<u4").reshape(-1, 2)
