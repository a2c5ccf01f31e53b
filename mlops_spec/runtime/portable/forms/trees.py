"""Trees as `TreeEnsemble` nodes: one form for the trees of every library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.graph import Tensor, total

_LEQ: Final = 0  # BRANCH_LEQ
_MEMBER: Final = 6  # BRANCH_MEMBER
_SUM: Final = 1
# A row goes through all trees of a node before the next row does. So many splits stay in a core's
# cache: at 100,000 rows a forest of 100,000 splits is twice as fast in five nodes as in one.
BLOCK: Final = 20_000

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree. A split sends `x[feature] <= threshold` to the left, NaN where `missing_left` says.

    `left` and `right` are places of nodes, -1 in a leaf. A leaf adds `weight` to the answer
    `target`; the splits in `members` ask whether the value is one of a set instead.
    """

    feature: Places
    threshold: Numbers
    left: Places
    right: Places
    missing_left: NDArray[np.bool_]
    weight: Numbers
    target: Places
    members: dict[int, tuple[float, ...]]

    def adding(self, weight: Numbers, target: int | Places = 0) -> Tree:
        """The same splits with other leaves."""
        return replace(self, weight=weight, target=np.broadcast_to(target, self.left.shape))

    def of(self, features: Sequence[int] | Places) -> Tree:
        """The same tree on a matrix of which it was given these columns."""
        return replace(self, feature=np.asarray(features)[self.feature.clip(0)])


def grown(tree: Any) -> Tree:
    """A fitted tree of scikit-learn's `sklearn.tree`; its leaves weigh nothing yet."""
    leaf = tree.children_left < 0
    return Tree(
        feature=np.where(leaf, 0, tree.feature).astype(np.int64),
        threshold=tree.threshold,
        left=tree.children_left.astype(np.int64),
        right=tree.children_right.astype(np.int64),
        missing_left=tree.missing_go_to_left.astype(bool),
        weight=np.zeros(len(leaf)),
        target=np.zeros(len(leaf), np.int64),
        members={},
    )


def binned(tree: Any, target: int) -> Tree:
    """A fitted tree of HistGradientBoosting."""
    nodes = tree.nodes
    leaf = nodes["is_leaf"].astype(bool)
    sets = np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
    bits = {int(at): _bits(tree.raw_left_cat_bitsets[nodes[at]["bitset_idx"]]) for at in sets}
    # No value is in an empty set, as none is below all numbers.
    threshold = nodes["num_threshold"].astype(np.float64)
    threshold[[at for at, members in bits.items() if not members]] = -np.inf
    return Tree(
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=threshold,
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        weight=nodes["value"].astype(np.float64),
        target=np.full(len(nodes), target),
        members={at: members for at, members in bits.items() if members},
    )


def _bits(words: Any) -> tuple[float, ...]:
    return tuple(float(bit) for bit in range(256) if int(words[bit // 32]) >> (bit % 32) & 1)


def summed(x: Tensor, trees: Iterable[Tree], targets: int = 1) -> Tensor:
    """Rows × targets: what the leaves that a row comes to add up to."""
    return total([x.graph.add_trees(x, **_attributes(block, targets)) for block in _blocks(trees)])


def _blocks(trees: Iterable[Tree]) -> Iterator[list[Tree]]:
    block: list[Tree] = []
    size = 0
    for tree in trees:
        if block and size + len(tree.left) > 2 * BLOCK:
            yield block
            block, size = [], 0
        block.append(tree)
        size += len(tree.left)
    yield block


def _attributes(trees: Sequence[Tree], targets: int) -> dict[str, Any]:
    """The attributes by the names of the ONNX specification."""
    from onnx import numpy_helper

    whole, roots = joined(list(map(_split_at_least_once, trees)))
    inner, leaves = np.flatnonzero(whole.left >= 0), np.flatnonzero(whole.left < 0)
    # A node is named by its place among the splits, or among the leaves.
    place = np.empty(len(whole.left), np.int64)
    place[inner], place[leaves] = np.arange(len(inner)), np.arange(len(leaves))
    modes = np.full(len(whole.left), _LEQ, np.uint8)
    modes[list(whole.members)] = _MEMBER
    left, right = whole.left[inner], whole.right[inner]

    def tensor(name: str, values: Any, dtype: Any) -> Any:
        return numpy_helper.from_array(np.asarray(values, dtype=dtype), name)

    given = {
        "n_targets": targets, "aggregate_function": _SUM, "post_transform": 0,
        "tree_roots": place[roots].tolist(),
        "nodes_featureids": whole.feature[inner].tolist(),
        "nodes_splits": tensor("splits", whole.threshold[inner], np.float64),
        "nodes_modes": tensor("modes", modes[inner], np.uint8),
        "nodes_truenodeids": place[left].tolist(),
        "nodes_trueleafs": (whole.left[left] < 0).astype(int).tolist(),
        "nodes_falsenodeids": place[right].tolist(),
        "nodes_falseleafs": (whole.left[right] < 0).astype(int).tolist(),
        "nodes_missing_value_tracks_true": whole.missing_left[inner].astype(int).tolist(),
        "leaf_targetids": whole.target[leaves].tolist(),
        "leaf_weights": tensor("weights", whole.weight[leaves], np.float64),
    }  # fmt: skip
    # NaN ends the members of one node.
    members = [bit for at in sorted(whole.members) for bit in (*whole.members[at], np.nan)]
    return (
        {**given, "membership_values": tensor("members", members, np.float64)} if members else given
    )


def _split_at_least_once(tree: Tree) -> Tree:
    """A tree that is one leaf becomes a split with that leaf on both sides: a root is a split."""
    if len(tree.left) > 1:
        return tree
    return Tree(
        feature=np.repeat(tree.feature, 2),
        threshold=np.repeat(tree.threshold, 2),
        left=np.array([1, -1]),
        right=np.array([1, -1]),
        missing_left=np.repeat(tree.missing_left, 2),
        weight=np.repeat(tree.weight, 2),
        target=np.repeat(tree.target, 2),
        members={},
    )


def joined(trees: Sequence[Tree]) -> tuple[Tree, Places]:
    """All trees as one list of nodes, and where each begins."""
    starts = np.cumsum([0, *(len(tree.left) for tree in trees[:-1])])

    def shifted(side: str) -> Places:
        sides = [(getattr(tree, side), start) for tree, start in zip(trees, starts, strict=True)]
        return np.concatenate([np.where(at < 0, -1, at + start) for at, start in sides])

    def chained(part: str) -> NDArray[Any]:
        return np.concatenate([getattr(tree, part) for tree in trees])

    members = {
        int(start) + at: bits
        for tree, start in zip(trees, starts, strict=True)
        for at, bits in tree.members.items()
    }
    parts = {
        name: chained(name) for name in ("feature", "threshold", "missing_left", "weight", "target")
    }
    whole = Tree(left=shifted("left"), right=shifted("right"), members=members, **parts)
    return whole, starts
