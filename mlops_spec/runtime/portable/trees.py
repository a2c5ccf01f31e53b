"""HistGradientBoosting as ONNX: `TreeEnsemble` of ai.onnx.ml 5 in double precision.

skl2onnx 1.20 prints these models with numpy arrays as attributes, which onnx refuses, and in single
precision, where a value beside a split may go the other way. Thresholds, inputs and sums stay
doubles here, so the answers equal scikit-learn's to rounding (docs/adr/0025).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

_LEQ: Final = 0  # BRANCH_LEQ
_MEMBER: Final = 6  # BRANCH_MEMBER
_SUM: Final = 1
_IR: Final = 9
_OPSET: Final = 18
_ML_OPSET: Final = 5
# The link from raw score to answer, by the loss that was minimised.
_LINKS: Final = {
    "log_loss": "Softmax", "squared_error": None, "absolute_error": None, "quantile": None,
    "poisson": "Exp", "gamma": "Exp",
}  # fmt: skip


@dataclass(slots=True)
class _Forest:
    """The attribute lists of one TreeEnsemble node, filled tree by tree."""

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    left: list[tuple[int, int]] = field(default_factory=list)  # (index, is a leaf)
    right: list[tuple[int, int]] = field(default_factory=list)
    missing_left: list[int] = field(default_factory=list)
    members: list[float] = field(default_factory=list)  # NaN ends the members of one node
    targets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, tree: Any, target: int) -> None:
        """One fitted tree. A tree that is one leaf becomes a split with that leaf on both sides."""
        nodes = tree.nodes
        inner = np.flatnonzero(nodes["is_leaf"] == 0)
        leaves = np.flatnonzero(nodes["is_leaf"])
        place = {int(n): (len(self.features) + i, 0) for i, n in enumerate(inner)}
        place |= {int(n): (len(self.weights) + i, 1) for i, n in enumerate(leaves)}
        self.roots.append(len(self.features))
        self.weights.extend(nodes["value"][leaves].tolist())
        self.targets.extend([target] * len(leaves))
        if not len(inner):
            self._split(0, 0.0, (place[0], place[0]), missing_left=1)
        for index in inner:
            self._node(tree, nodes[index], place)

    def _node(self, tree: Any, node: Any, place: dict[int, tuple[int, int]]) -> None:
        sides = place[int(node["left"])], place[int(node["right"])]
        missing_left = int(node["missing_go_to_left"])
        if not node["is_categorical"]:
            self._split(int(node["feature_idx"]), float(node["num_threshold"]), sides, missing_left)
            return
        words = tree.raw_left_cat_bitsets[node["bitset_idx"]]
        chosen = [bit for bit in range(256) if int(words[bit // 32]) >> (bit % 32) & 1]
        self.members.extend([*map(float, chosen), np.nan])
        self._split(int(node["feature_idx"]), 0.0, sides, missing_left, _MEMBER)

    def _split(
        self, feature: int, threshold: float, sides: tuple[tuple[int, int], tuple[int, int]],
        missing_left: int, mode: int = _LEQ,
    ) -> None:  # fmt: skip
        self.features.append(feature)
        self.splits.append(threshold)
        self.modes.append(mode)
        self.left.append(sides[0])
        self.right.append(sides[1])
        self.missing_left.append(missing_left)

    def attributes(self, targets: int) -> dict[str, Any]:
        """The attributes by the names of the ONNX specification."""
        from onnx import numpy_helper

        def tensor(name: str, values: list[Any], dtype: Any) -> Any:
            return numpy_helper.from_array(np.array(values, dtype=dtype), name)

        given = {
            "n_targets": targets, "aggregate_function": _SUM, "post_transform": 0,
            "tree_roots": self.roots,
            "nodes_featureids": self.features,
            "nodes_splits": tensor("splits", self.splits, np.float64),
            "nodes_modes": tensor("modes", self.modes, np.uint8),
            "nodes_truenodeids": [index for index, _ in self.left],
            "nodes_trueleafs": [leaf for _, leaf in self.left],
            "nodes_falsenodeids": [index for index, _ in self.right],
            "nodes_falseleafs": [leaf for _, leaf in self.right],
            "nodes_missing_value_tracks_true": self.missing_left,
            "leaf_targetids": self.targets,
            "leaf_weights": tensor("weights", self.weights, np.float64),
        }  # fmt: skip
        members = tensor("members", self.members, np.float64)
        return {**given, "membership_values": members} if self.members else given


def is_hist_gradient_boosting(estimator: Any) -> bool:
    """Whether `boosted` can print this estimator."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor)


def boosted(estimator: Any, width: int) -> bytes:
    """An ONNX model from `x` (double, rows × width) to `y`: probabilities by class, or predictions.

    `KeyError` for a loss whose link is not known.
    """
    from onnx import TensorProto, helper

    targets = estimator.n_trees_per_iteration_
    forest = _Forest()
    for iteration in estimator._predictors:
        for target, tree in enumerate(iteration):
            forest.add(tree, target)
    trees = helper.make_node(
        "TreeEnsemble", ["x"], ["trees"], domain="ai.onnx.ml", **forest.attributes(targets)
    )
    answers = max(targets, 2) if hasattr(estimator, "classes_") else 1
    nodes, constants = _link(estimator)
    graph = helper.make_graph(
        [trees, *nodes], "hist_gradient_boosting",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, width])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, answers])],
        constants,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR, producer_name="")
    return bytes(model.SerializeToString())


def _link(estimator: Any) -> tuple[list[Any], list[Any]]:
    """From the sum of the leaves to the answer: the baseline, then the loss's inverse link."""
    from onnx import helper, numpy_helper

    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(1, -1)
    constants = [numpy_helper.from_array(baseline, "baseline")]
    add = helper.make_node("Add", ["trees", "baseline"], ["raw"])
    link = _LINKS[estimator.loss]
    if link is None:
        return [add, helper.make_node("Identity", ["raw"], ["y"])], constants
    if link == "Exp":
        return [add, helper.make_node("Exp", ["raw"], ["y"])], constants
    if baseline.shape[1] > 1:
        return [add, helper.make_node("Softmax", ["raw"], ["y"], axis=1)], constants
    constants.append(numpy_helper.from_array(np.array(1.0), "one"))
    positive = helper.make_node("Sigmoid", ["raw"], ["positive"])
    negative = helper.make_node("Sub", ["one", "positive"], ["negative"])
    both = helper.make_node("Concat", ["negative", "positive"], ["y"], axis=1)
    return [add, positive, negative, both], constants
