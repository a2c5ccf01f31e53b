"""Trees as the arrays that the kernel walks through (`trees.c` has the same in C)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NODE: Final = np.dtype(
    [("threshold", "<f8"), ("left", "<u4"), ("feature", "<u2"), ("marks", "<u2")]
)
# That a node is a split, where a missing value goes, and whether a value is looked for in a set.
# A leaf has no mark. Its value, or its number where it has several, stands as the threshold.
SPLIT: Final = 1
MISSING_LEFT: Final = 2
IN_SET: Final = 4
HALVES: Final = 2  # of a node: what places are counted in
MOST_COLUMNS: Final = 65_535
WALKS: Final = 8  # trees that are walked at once; there are as many, or a multiple
WORD: Final = 32  # codes of a set
_ARRAYS: Final = {
    "nodes": NODE, "roots": np.dtype("<u4"), "targets": np.dtype("<u4"),
    "values": np.dtype("<f8"), "words": np.dtype("<u4"),
}  # fmt: skip


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
        return (
            self._typed()
            and several >= 0
            and self._walks_inside(columns)
            and len(self.targets) == len(self.roots)
            and bool((self.targets.astype(np.int64) + (several or 1) <= answers).all())
            and self._values_inside(several)
            and self._sets_inside()
        )

    def _typed(self) -> bool:
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        return all(
            array.dtype == _ARRAYS[name] and array.ndim == 1 and array.flags.c_contiguous
            for name, array in arrays.items()
        )

    def _walks_inside(self, columns: int) -> bool:
        nodes, marks = self.nodes, self.nodes["marks"]
        split = (marks & SPLIT) > 0
        left = nodes["left"].astype(np.int64)
        apart = left - np.arange(len(nodes)) * HALVES
        return bool(
            len(self.roots) % WALKS == 0
            and (self.roots < len(nodes) * HALVES).all()
            and (self.roots % HALVES == 0).all()
            and (left % HALVES == 0).all()
            # A split leads on, never back: each walk ends. It leads to two; this is the first.
            and ((apart > 0) == split).all()
            and (apart >= 0).all()
            and (left // HALVES + split < len(nodes)).all()
            and 0 < columns <= MOST_COLUMNS
            and (nodes["feature"] < columns).all()
            and (marks <= (SPLIT | MISSING_LEFT | IN_SET)).all()
            and (split | (marks == 0)).all()
        )

    def _values_inside(self, several: int) -> bool:
        if not several:
            return True
        numbers = _parts(self.nodes["threshold"][self.nodes["marks"] == 0])[:, 0].astype(np.int64)
        return bool(((numbers + 1) * several <= len(self.values)).all())

    def _sets_inside(self) -> bool:
        sets = self.nodes[(self.nodes["marks"] & IN_SET) > 0]
        begin, codes = _parts(sets["threshold"]).T.astype(np.int64)
        return bool((begin + -(-codes // WORD) <= len(self.words)).all())


def _parts(thresholds: NDArray[np.float64]) -> NDArray[np.uint32]:
    """What stands where others have a threshold: two whole numbers."""
    return np.ascontiguousarray(thresholds).view("<u4").reshape(-1, 2)
