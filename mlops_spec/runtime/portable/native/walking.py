"""Answers of an ensemble of trees by the kernel: what sums come to, then the link."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlops_spec.runtime.portable.encoding import Matrix
from mlops_spec.runtime.portable.native.kernel import Trees, kernel
from mlops_spec.runtime.portable.native.layout import IN_SET, Layout


def _sigmoid(raw: Matrix) -> Matrix:
    # Beyond that it would be infinite, and one divided by it is nothing all the same.
    second = 1.0 / (1.0 + np.exp(np.minimum(-raw, _LARGEST)))
    found = np.empty((len(second), 2))
    found[:, 1:] = second
    np.subtract(1.0, second, out=found[:, :1])
    return found


def _softmax(raw: Matrix) -> Matrix:
    found: Matrix = np.exp(raw - raw.max(axis=1, keepdims=True))
    found /= found.sum(axis=1, keepdims=True)
    return found


# Rows that take microseconds. Who lets go of the interpreter for them may wait half a millisecond
# until another thread gives it back.
FEW: Final = 128
ALONE: Final = 10  # rows that go one by one
# As the kernel has them: rows that walk together, and blocks that it can keep apart.
BLOCK: Final = 16
BLOCKS: Final = 16
_ROOM: Final = 2**15  # numbers of several blocks; one may be larger where rows are wide
_BYTE: Final = ctypes.c_char
_LARGEST: Final = 709.0  # of which `exp` is a number
_LINKS: Final[Mapping[str, Callable[[Matrix], Matrix]]] = {
    "sum": lambda raw: raw,
    "exp": np.exp,
    "rest": lambda raw: raw,  # the kernel has written both
    "sigmoid": _sigmoid,
    "softmax": _softmax,
}


class Walking:
    """A loaded ensemble. Thread safe: nothing of it changes, and the kernel keeps nothing."""

    def __init__(self, layout: Layout, facts: Mapping[str, Any]) -> None:
        """`facts`: as `layout.facts_of`. `ValueError` where the arrays do not hold together."""
        columns, answers, several = (facts[name] for name in ("columns", "answers", "several"))
        if not layout.inside(columns, answers, several):
            raise ValueError("a place in the trees points outside of them")
        found = kernel()
        if found is None:
            raise ValueError("the kernel is not built for this machine")
        self._layout: Final = layout  # its arrays are what the kernel reads
        name = "walk_sets" if (layout.nodes["marks"] & IN_SET).any() else "walk_numbers"
        self._walk_few: Final = _function(found.keeps_hold, name)
        self._walk_many: Final = _function(found.lets_go, name)
        self._columns: Final = columns
        # Of two classes the first is what the second leaves.
        self._wide: Final = answers + (facts["link"] == "rest")
        self._start: Final = np.array(np.broadcast_to(facts["start"], answers), dtype=np.float64)
        self._trees: Final = Trees(
            *(getattr(layout, name).ctypes.data for name in
              ("nodes", "roots", "targets", "values", "words")),
            len(layout.roots), columns, answers, several,
            max(1, min(BLOCKS, _ROOM // (BLOCK * columns))), self._wide,
            facts["divisor"], self._start.ctypes.data if self._start.any() else None,
            facts["slope"],
        )  # fmt: skip
        self._given: Final = ctypes.byref(self._trees)
        self._link: Final = _LINKS[facts["link"]]

    def answers(self, matrix: Matrix) -> Matrix:
        """Rows × classes, or rows × 1 of a regression."""
        if matrix.shape[1] != self._columns:
            raise ValueError(f"{matrix.shape[1]} columns instead of {self._columns}")
        return self._link(self._walked(np.ascontiguousarray(matrix, dtype=np.float64)))

    def _walked(self, matrix: Matrix) -> Matrix:
        found = np.zeros((len(matrix), self._wide))
        count = len(matrix)
        walk = self._walk_few if count <= FEW else self._walk_many
        if count > ALONE:
            blocks = min(-(-count // BLOCK), self._trees.blocks)
            room = np.empty(blocks * BLOCK * self._columns)
            walk(self._given, _address(matrix), count, _address(found), _address(room))
        elif count:
            walk(self._given, _address(matrix), count, _address(found), None)
        return found


def _function(library: ctypes.CDLL, name: str) -> Any:
    found = getattr(library, name)
    found.restype = None
    place = ctypes.c_void_p
    found.argtypes = (place, place, ctypes.c_uint64, place, place)
    return found


def _address(array: Matrix) -> int:
    """Where its numbers lie. An array's own way of telling costs as much as a hundred splits."""
    if not array.flags.writeable:
        return array.ctypes.data
    return ctypes.addressof(_BYTE.from_buffer(array))  # type: ignore[arg-type]


def walking(path: Path, facts: Mapping[str, Any]) -> Walking | None:
    """The ensemble in a file; None where this machine has no kernel."""
    return None if kernel() is None else Walking(Layout.read(path), facts)
