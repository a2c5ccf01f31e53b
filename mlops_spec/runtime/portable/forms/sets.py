"""Splits by a set of categories as splits by a number, where ONNX Runtime would ask one by one.

It tells in one step whether a code is in a set of small numbers; beyond them it compares with one
member after another. So the answer to each such question is a column of its own, read from a table
by the code: 0 in the set, 1 outside, NaN where the code is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from mlops_spec.runtime.portable.forms.trees import Tree
from mlops_spec.runtime.portable.graph import Tensor, beside

# Codes up to here are a bit each of one number.
BITS: Final = 31


@dataclass(slots=True)
class _Questions:
    """The sets that are asked for, by the column that holds the codes; each has a new column."""

    width: int  # of the matrix before
    sets: dict[int, dict[tuple[float, ...], int]] = field(default_factory=dict)
    count: int = 0

    def column(self, feature: int, members: tuple[float, ...]) -> int:
        known = self.sets.setdefault(feature, {})
        if members not in known:
            known[members] = self.count
            self.count += 1
        return known[members]


def asked_first(x: Tensor, trees: Sequence[Tree], width: int) -> tuple[Tensor, list[Tree]]:
    """The matrix with the answers beside it, and trees that read them there."""
    questions = _Questions(width)
    for tree in trees:
        for at, members in _large(tree):
            questions.column(int(tree.feature[at]), members)
    if not questions.count:
        return x, list(trees)
    places, tables = _tables(x, questions)
    return beside([x, *tables]), [_reading(tree, questions, places) for tree in trees]


def _large(tree: Tree) -> list[tuple[int, tuple[float, ...]]]:
    return [(at, members) for at, members in tree.members.items() if max(members) > BITS]


def _tables(x: Tensor, questions: _Questions) -> tuple[dict[int, int], list[Tensor]]:
    """Where each question's column stands, and the columns."""
    places: dict[int, int] = {}
    answers = []
    for feature, sets in questions.sets.items():
        codes = 1 + int(max(map(max, sets)))
        # The last but one line is of all codes that are in no set, the last of the missing one.
        table = np.ones((codes + 2, len(sets)))
        table[-1] = np.nan
        for at, (members, number) in enumerate(sets.items()):
            table[np.array(members, dtype=np.int64), at] = 0.0
            places[number] = questions.width + len(places)
        code = x.columns([feature])
        # A code below all is counted from the end: it is a missing one too.
        known = code.raised_to(-1.0).lowered_to(float(codes))
        line = code.of("IsNaN").where(codes + 1.0, known)
        answers.append(line.whole().narrow(1).looked_up(table))
    x.graph.widest = max(x.graph.widest, questions.width + questions.count)
    return places, answers


def _reading(tree: Tree, questions: _Questions, places: dict[int, int]) -> Tree:
    feature, threshold = tree.feature.copy(), tree.threshold.copy()
    small = dict(tree.members)
    for at, members in _large(tree):
        feature[at] = places[questions.column(int(tree.feature[at]), members)]
        threshold[at] = 0.5
        del small[at]
    return Tree(
        feature,
        threshold,
        tree.left,
        tree.right,
        tree.missing_left,
        tree.weight,
        tree.target,
        small,
    )
