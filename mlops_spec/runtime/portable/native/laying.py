"""An ensemble of trees laid out for the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.forms.ensembles import Ensemble
from mlops_spec.runtime.portable.forms.trees import Numbers, Places, Tree, joined
from mlops_spec.runtime.portable.native.hoisted import Columns, hoisted
from mlops_spec.runtime.portable.native.layout import (
    HALVES,
    IN_SET,
    MISSING_LEFT,
    MOST_COLUMNS,
    NODE,
    SPLIT,
    WALKS,
    WORD,
    Layout,
)

MOST: Final = 2**29  # nodes and values


def laid_out(ensemble: Ensemble, columns: Columns) -> Layout | None:
    """The layout for the input that the columns are made of. None for what has none."""
    if ensemble.single:
        columns = columns.rounded()
    trees = [*ensemble.trees, *_filling(ensemble)]
    whole, roots = joined(trees)
    kept = (whole.left < 0).sum() if ensemble.several else 0
    if max(len(whole.left), kept * ensemble.targets) >= MOST or columns.width > MOST_COLUMNS:
        return None
    if whole.members and not columns.as_they_are:
        return None
    place = np.concatenate([_places(tree) + root for tree, root in zip(trees, roots, strict=True)])
    nodes, words = _nodes(whole, place, columns, ensemble.several)
    if not ensemble.several:
        return Layout(nodes, _u4(roots * HALVES), _u4(whole.target[roots]), np.empty(0), words)
    values = whole.weight[whole.left < 0].astype("<f8").ravel()
    return Layout(nodes, _u4(roots * HALVES), _u4(np.zeros(len(trees))), values, words)


def _filling(ensemble: Ensemble) -> list[Tree]:
    """Trees of one leaf that adds nothing, up to a number that can be walked together."""
    first = ensemble.trees[0]
    nothing = Tree(
        np.zeros(1, np.int64), np.zeros(1), np.array([-1]), np.array([-1]), np.zeros(1, bool),
        np.zeros((1, *first.weight.shape[1:])), np.zeros(1, np.int64), {},
    )  # fmt: skip
    return [nothing] * (-len(ensemble.trees) % WALKS)


def _places(tree: Tree) -> Places:
    """Where each node comes to lie in its tree.

    The two below a split lie beside each other, and behind them the two below the larger of them:
    a line of the cache then holds two steps of most walks.
    """
    levels, below = _levels(tree), _splits_below(tree)
    place = np.zeros(len(tree.left), np.int64)
    pair = np.zeros(len(tree.left), np.int64)  # of a split: which pair is below it
    for level in levels:
        left, right = tree.left[level], tree.right[level]
        place[left], place[right] = 1 + 2 * pair[level], 2 + 2 * pair[level]
        larger = below[left] >= below[right]
        first, second = np.where(larger, left, right), np.where(larger, right, left)
        pair[first] = pair[level] + 1
        pair[second] = pair[level] + 1 + below[first]
    return place


def _levels(tree: Tree) -> list[Places]:
    """The splits of each level, from the root down."""
    found = []
    level = np.zeros(1, np.int64)
    while len(level := level[tree.left[level] >= 0]):
        found.append(level)
        level = np.concatenate([tree.left[level], tree.right[level]])
    return found


def _splits_below(tree: Tree) -> Places:
    """How many splits there are from each node on, itself included."""
    count = (tree.left >= 0).astype(np.int64)
    for level in reversed(_levels(tree)):
        count[level] += count[tree.left[level]] + count[tree.right[level]]
    return count


def _nodes(
    whole: Tree, place: Places, columns: Columns, several: bool
) -> tuple[NDArray[Any], NDArray[np.uint32]]:
    """The nodes in their places, and the words of the sets they ask about."""
    leaf = whole.left < 0
    held = np.zeros(len(leaf))
    held[~leaf] = whole.threshold[~leaf]
    if not columns.as_they_are:
        held[~leaf] = hoisted(columns, held[~leaf], whole.feature[~leaf])
    held[leaf] = _numbered(leaf.sum()) if several else whole.weight[leaf]
    marks = np.where(leaf, 0, SPLIT).astype(np.uint16)
    marks[whole.missing_left & ~leaf] |= MISSING_LEFT
    words: list[int] = []
    for at, members in whole.members.items():
        marks[at] |= IN_SET
        bits = sum(1 << int(code) for code in members)
        count = -(-bits.bit_length() // WORD)
        held[at] = np.array([len(words), count * WORD], "<u4").view("<f8")[0]
        words += [bits >> (WORD * k) & 0xFFFFFFFF for k in range(count)]
    nodes = np.empty(len(place), NODE)
    nodes["threshold"][place] = held
    nodes["left"][place] = np.where(leaf, place, place[whole.left]) * HALVES
    nodes["feature"][place] = np.where(leaf, 0, columns.source[whole.feature.clip(0)])
    nodes["marks"][place] = marks
    return nodes, _u4(words)


def _numbered(count: int) -> Numbers:
    """The numbers of leaves, in the first half of where a double stands."""
    parts = np.zeros((count, 2), "<u4")
    parts[:, 0] = np.arange(count)
    return parts.view("<f8").ravel()


def facts_of(ensemble: Ensemble, width: int) -> Mapping[str, Any]:
    """What a manifest says of the trees beside their file."""
    return {
        "columns": width, "answers": ensemble.targets,
        "several": ensemble.targets if ensemble.several else 0, "divisor": ensemble.divisor,
        "start": ensemble.start.tolist(), "slope": ensemble.slope, "link": ensemble.link,
    }  # fmt: skip


def _u4(numbers: Any) -> NDArray[np.uint32]:
    return np.asarray(numbers).astype("<u4")
