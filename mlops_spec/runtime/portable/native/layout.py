"""Trees as the arrays that the kernel walks through (`trees.c` has the same in C)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NODE: Final = np.dtype([("threshold", "<f8"), ("feature", "<u4"), ("left", "<u4")])
# Beside a feature: where a missing value goes, and whether its value is looked for in a set.
MISSING_LEFT: Final = np.uint32(0x80000000)
IN_SET: Final = np.uint32(0x40000000)
WALKS: Final = 8  # trees that are walked at once; there are as many, or a multiple
WORD: Final = 32  # codes of a set
_ARRAYS: Final = ("nodes", "roots", "targets", "numbers", "values", "words")


@dataclass(frozen=True, slots=True)
class Layout:
    """The arrays of an ensemble, little-endian, as they lie in a file."""

    nodes: NDArray[Any]
    roots: NDArray[np.uint32]
    targets: NDArray[np.uint32]  # of each tree: the first answer that its leaves add to
    numbers: NDArray[np.uint32]  # of each leaf, by its place; where leaves have several values
    values: NDArray[np.float64]  # by place; where there are several, by number
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
        """Whether no walk can leave the arrays, nor a sum the answers."""
        nodes = self.nodes
        values = len(self.values) // several if several else len(self.values)
        leaves = self.numbers if several else np.arange(len(nodes))
        return bool(
            len(self.roots) % WALKS == 0
            and len(self.targets) == len(self.roots)
            and len(leaves) == len(nodes)
            and (self.roots < len(nodes)).all()
            # Further than to itself a node leads to two, of which this is the first.
            and (nodes["left"].astype(np.int64) + ~_leaves(nodes) < len(nodes)).all()
            and (nodes["feature"] & ~(MISSING_LEFT | IN_SET) < columns).all()
            and (leaves < values).all()
            and (self.targets.astype(np.int64) + (several or 1) <= answers).all()
            and self._sets_inside()
        )

    def _sets_inside(self) -> bool:
        sets = self.nodes[(self.nodes["feature"] & IN_SET) > 0]
        begin, codes = _parts(sets["threshold"]).T.astype(np.int64)
        return bool((begin + -(-codes // WORD) <= len(self.words)).all())


def _leaves(nodes: NDArray[Any]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = nodes["left"] == np.arange(len(nodes))
    return found


def _parts(thresholds: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Where each set begins, and for how many codes it has a bit."""
    return np.ascontiguousarray(thresholds).view("<u4").reshape(-1, 2)
