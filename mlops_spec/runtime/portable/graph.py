"""Writing arithmetic as an ONNX graph: a `Tensor` is used like an array, and nodes come of it.

Every number is a double: in single precision a value beside a split goes the other way, and a
difference of large numbers is lost (docs/adr/0025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

INPUT: Final = "x"
OUTPUT: Final = "y"
_IR: Final = 9
_OPSET: Final = 18
_ML: Final = "ai.onnx.ml"
_ML_OPSET: Final = 5


class NoForm(Exception):
    """Why something cannot be written as a graph."""


class Graph:
    """Nodes and constants, in the order in which they were asked for."""

    def __init__(self, width: int) -> None:
        """`width`: columns of the matrix that is given."""
        self.width = width
        self.nodes: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], tuple[str, Any]] = {}
        # The most numbers that a single row becomes on its way: a batch is cut by it.
        self.widest = width
        self.input = Tensor(self, INPUT)

    def add(self, op: str, *inputs: Operand, **attributes: Any) -> Tensor:
        """One node of ONNX's own operators, and what it gives."""
        return self._node(op, inputs, "", attributes)

    def add_trees(self, x: Tensor, **attributes: Any) -> Tensor:
        """One `TreeEnsemble`, the operator of ai.onnx.ml 5 that takes doubles."""
        return self._node("TreeEnsemble", (x,), _ML, attributes)

    def add_pair(self, op: str, *inputs: Operand, **attributes: Any) -> tuple[Tensor, Tensor]:
        """A node that gives two tensors."""
        first = self._node(op, inputs, "", attributes, pair=("", "b"))
        return first, Tensor(self, first.name + "b")

    def _node(
        self, op: str, inputs: Sequence[Operand], domain: str, attributes: dict[str, Any],
        pair: tuple[str, ...] = ("",),
    ) -> Tensor:  # fmt: skip
        from onnx import helper

        names = [self.tensor(each).name for each in inputs]
        result = Tensor(self, f"n{len(self.nodes)}")
        given = [result.name + ending for ending in pair]
        self.nodes.append(helper.make_node(op, names, given, domain=domain, **attributes))
        return result

    def tensor(self, value: Operand) -> Tensor:
        """A constant where it is not a tensor yet; equal constants are written once."""
        if isinstance(value, Tensor):
            return value
        from onnx import numpy_helper

        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
        if array.dtype.kind == "f" or isinstance(value, int):
            array = array.astype(np.float64)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"c{len(self._constants)}"
            self._constants[key] = (name, numpy_helper.from_array(array, name))
        return Tensor(self, self._constants[key][0])

    def constant(self, name: str) -> NDArray[Any] | None:
        """The constant of this name; None where it is a tensor that is computed."""
        from onnx import numpy_helper

        found = (value for known, value in self._constants.values() if known == name)
        return next(map(numpy_helper.to_array, found), None)

    def model(self, result: Tensor, answers: int) -> bytes:
        """The model from `x` (rows × width) to `y` (rows × answers)."""
        from onnx import TensorProto, helper

        last = helper.make_node("Identity", [result.name], [OUTPUT])
        graph = helper.make_graph(
            [*self.nodes, last], "portable",
            [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, self.width])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, answers])],
            [constant for _, constant in self._constants.values()],
        )  # fmt: skip
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_ML, _ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR, producer_name="")
        return bytes(model.SerializeToString())


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A matrix, a line for each row that is asked about. Operators are numpy's."""

    graph: Graph
    name: str

    # An array to the left of an operator leaves it to the tensor.
    __array_ufunc__: ClassVar[None] = None

    def __add__(self, other: Operand) -> Tensor:
        return self.graph.add("Add", self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return self.graph.add("Add", other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return self.graph.add("Sub", self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return self.graph.add("Sub", other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return self.graph.add("Mul", self, other)

    def __truediv__(self, other: Operand) -> Tensor:
        return self.graph.add("Div", self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return self.graph.add("Div", other, self)

    def __matmul__(self, other: Operand) -> Tensor:
        return self.graph.add("MatMul", self, other)

    def __pow__(self, other: Operand) -> Tensor:
        return self.graph.add("Pow", self, other)

    def __neg__(self) -> Tensor:
        return self.graph.add("Neg", self)

    # Comparisons give truth values, which `where` and `number` take.
    def below(self, other: Operand) -> Tensor:
        return self.graph.add("Less", self, other)

    def at_most(self, other: Operand) -> Tensor:
        return self.graph.add("LessOrEqual", self, other)

    def above(self, other: Operand) -> Tensor:
        return self.graph.add("Greater", self, other)

    def at_least(self, other: Operand) -> Tensor:
        return self.graph.add("GreaterOrEqual", self, other)

    def equals(self, other: Operand) -> Tensor:
        return self.graph.add("Equal", self, other)

    def of(self, op: str) -> Tensor:
        """An operator of one tensor: Exp, Log, Sqrt, Abs, Sigmoid, Tanh, IsNaN, Not and so on."""
        return self.graph.add(op, self)

    def where(self, yes: Operand, no: Operand) -> Tensor:
        """`yes` where this is true, `no` elsewhere."""
        return self.graph.add("Where", self, yes, no)

    def raised_to(self, bound: Operand) -> Tensor:
        """No value below `bound`."""
        return self.graph.add("Max", self, bound)

    def lowered_to(self, bound: Operand) -> Tensor:
        """No value above `bound`."""
        return self.graph.add("Min", self, bound)

    def number(self) -> Tensor:
        """Truth values, whole numbers or single precision as doubles."""
        return self._cast(np.float64)

    def whole(self) -> Tensor:
        """Cut to whole numbers, as an index."""
        return self._cast(np.int64)

    def single(self) -> Tensor:
        """Rounded to single precision, as scikit-learn's trees take their input; doubles still."""
        return self._cast(np.float32).number()

    def _cast(self, dtype: DTypeLike) -> Tensor:
        from onnx import helper

        return self.graph.add("Cast", self, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def softmax(self) -> Tensor:
        return self.graph.add("Softmax", self, axis=1)

    def sum(self, axis: int = 1) -> Tensor:
        """Along an axis, which stays with length 1."""
        return self.graph.add("ReduceSum", self, np.array([axis]), keepdims=1)

    def max(self, axis: int = 1) -> Tensor:
        return self.graph.add("ReduceMax", self, np.array([axis]), keepdims=1)

    def best(self) -> Tensor:
        """The place of the largest value of each row, the first of several; rows × 1."""
        return self.graph.add("ArgMax", self, axis=1, keepdims=1)

    def least_first(self, count: int) -> tuple[Tensor, Tensor]:
        """The `count` least values of each row in order, and where they stand."""
        many = np.array([count])
        return self.graph.add_pair("TopK", self, many, axis=1, largest=0, sorted=1)

    def ones(self) -> Tensor:
        """A column of ones."""
        rows = self.graph.add("Shape", self, start=0, end=1)
        shape = self.graph.add("Concat", rows, np.array([1]), axis=0)
        return self.graph.add("Expand", np.array([[1.0]]), shape)

    def columns(self, places: Sequence[int] | NDArray[np.int64]) -> Tensor:
        return self.graph.add("Gather", self, np.asarray(places, dtype=np.int64), axis=1)

    def wide(self, axis: int) -> Tensor:
        """With one more axis, of length 1."""
        return self.graph.add("Unsqueeze", self, np.array([axis]))

    def narrow(self, axis: int) -> Tensor:
        """Without an axis of length 1."""
        return self.graph.add("Squeeze", self, np.array([axis]))

    def shaped(self, *shape: int) -> Tensor:
        return self.graph.add("Reshape", self, np.array(shape, dtype=np.int64))

    def looked_up(self, table: ArrayLike) -> Tensor:
        """The lines of a table, by number."""
        return self.graph.add("Gather", np.asarray(table, dtype=np.float64), self, axis=0)


Operand = Tensor | float | NDArray[Any]


def beside(parts: Sequence[Tensor]) -> Tensor:
    """Several matrices as one, left to right."""
    return parts[0] if len(parts) == 1 else parts[0].graph.add("Concat", *parts, axis=1)


def total(parts: Sequence[Tensor]) -> Tensor:
    """The sum of matrices of one shape."""
    return parts[0] if len(parts) == 1 else parts[0].graph.add("Sum", *parts)


def both(positive: Tensor) -> Tensor:
    """The probabilities of two classes, from that of the second."""
    return beside([1.0 - positive, positive])


def shares(weights: Tensor) -> Tensor:
    """Weights of classes as probabilities; equal ones where all weights are zero."""
    whole = weights.sum()
    nothing = whole.equals(0.0)
    even = nothing.where(weights * 0.0 + 1.0, weights)
    return even / even.sum()
