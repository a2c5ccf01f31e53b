"""Splits on what scaling makes of a value, as splits on the value itself.

A tree asks whether `f(value) <= threshold`, where f centres, scales or rounds. All of these keep
the order of doubles, so there is a last double for which it is true: the threshold without f. It is
found by halving the doubles, and exact: no row goes another way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.forms.trees import Numbers, Places
from mlops_spec.runtime.portable.graph import INPUT, Graph, Tensor

# What is done to each column: an operator by its name in ONNX, and a number for each column.
Operand = NDArray[np.float64]
_ORDERED: Final[Mapping[str, Callable[[Numbers, Numbers], Numbers]]] = {
    "Add": np.add, "Div": np.divide, "Max": np.maximum, "Min": np.minimum, "Mul": np.multiply,
    "Sub": np.subtract,
}  # fmt: skip
_SCALES: Final = ("Div", "Mul")
_SIGN: Final = np.int64(-(2**63))
_HALVINGS: Final = 64


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns made of the input's, each of one: from `source` on by `steps`, in their order."""

    width: int  # of the input
    source: Places
    steps: tuple[tuple[str, Numbers], ...] = ()

    @property
    def as_they_are(self) -> bool:
        return not self.steps

    def rounded(self) -> Columns:
        """To single precision."""
        return Columns(self.width, self.source, (*self.steps, ("Cast", np.zeros(len(self.source)))))

    def made(self, values: Numbers, column: Places) -> Numbers:
        """What becomes of values, each of one of these columns."""
        for op, numbers in self.steps:
            if op == "Cast":
                values = values.astype(np.float32).astype(np.float64)
            else:
                values = _ORDERED[op](values, numbers[column])
        return values

    def chosen(self, places: Places) -> Columns:
        steps = tuple((op, numbers[places]) for op, numbers in self.steps)
        return Columns(self.width, self.source[places], steps)

    def then(self, op: str, numbers: Any) -> Columns | None:
        """After one more step; None where it may turn the order around."""
        every = np.broadcast_to(np.ravel(numbers), self.source.shape).astype(np.float64)
        if op in _SCALES and not (every > 0).all():
            return None
        return Columns(self.width, self.source, (*self.steps, (op, every)))


def columns_of(graph: Graph, x: Tensor) -> Columns | None:
    """How a matrix in a graph is made of the input, column by column; None where it is not so."""
    known: dict[str, Columns | None] = {INPUT: Columns(graph.width, np.arange(graph.width))}
    for node in graph.nodes:
        known[node.output[0]] = _after(node, known, graph)
    return known[x.name]


def _after(node: Any, known: Mapping[str, Columns | None], graph: Graph) -> Columns | None:
    found = known.get(node.input[0])
    if node.op_type == "Concat":
        return _beside([known.get(name) for name in node.input])
    if found is None:
        return None
    if node.op_type == "Gather":
        places = graph.constant(node.input[1])
        return None if places is None else found.chosen(places)
    if node.op_type in _ORDERED and len(node.input) == 2:
        numbers = graph.constant(node.input[1])
        return None if numbers is None else found.then(node.op_type, numbers)
    return None


def _beside(parts: Sequence[Columns | None]) -> Columns | None:
    """Several as one, where the same is done to all or nothing to some."""
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return None
    source = np.concatenate([part.source for part in found])
    steps: list[tuple[str, Numbers]] = []
    starts = np.cumsum([0, *(len(part.source) for part in found)])
    for part, start in zip(found, starts, strict=False):
        for op, numbers in part.steps:
            steps.append((op, _alone(op, numbers, int(start), len(source))))
    return Columns(found[0].width, source, tuple(steps))


def _alone(op: str, numbers: Numbers, start: int, width: int) -> Numbers:
    """A step of some columns as one of all: what does nothing to the others."""
    nothing = {"Mul": 1.0, "Div": 1.0, "Max": -np.inf, "Min": np.inf}.get(op, 0.0)
    every = np.full(width, nothing)
    every[start : start + len(numbers)] = numbers
    return every


def hoisted(columns: Columns, threshold: Numbers, column: Places) -> Numbers:
    """For each split, the last double that goes to the left; -inf where none does.

    `column`: which of the columns each split asks about.
    """
    low = np.full(len(threshold), _ordinal(np.float64(-np.inf)))
    high = np.full(len(threshold), _ordinal(np.finfo(np.float64).max))
    # The last is between the two: `low` goes to the left by definition.
    for _ in range(_HALVINGS):
        apart = high.view(np.uint64) - low.view(np.uint64)
        middle = high - (apart >> np.uint64(1)).view(np.int64)
        with np.errstate(over="ignore", under="ignore"):
            left = columns.made(_double(middle), column) <= threshold
        low, high = np.where(left, middle, low), np.where(left, high, middle - 1)
        high = np.maximum(high, low)
    return _double(low)


def _ordinal(numbers: Any) -> Any:
    """Doubles as whole numbers in the same order."""
    bits = np.asarray(numbers, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, _SIGN - bits, bits)


def _double(ordinals: NDArray[np.int64]) -> Numbers:
    bits = np.where(ordinals < 0, _SIGN - ordinals, ordinals)
    return np.ascontiguousarray(bits).view(np.float64)
