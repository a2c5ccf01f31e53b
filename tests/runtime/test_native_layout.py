"""Whatever arrays are taken for trees, the kernel walks within them, as they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlops_spec.runtime.portable.forms.ensembles import Ensemble
from mlops_spec.runtime.portable.forms.trees import Tree
from mlops_spec.runtime.portable.native.hoisted import Columns
from mlops_spec.runtime.portable.native.laying import facts_of, laid_out
from mlops_spec.runtime.portable.native.layout import (
    HALVES,
    IN_SET,
    MISSING_LEFT,
    MOST_COLUMNS,
    SPLIT,
    WORD,
    Layout,
)
from mlops_spec.runtime.portable.native.walking import ALONE, BLOCK, BLOCKS, Walking

WIDTH = 5
ODD = (np.nan, np.inf, -np.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 31.0, 32.0, 63.0, 64.0, 2.0**31, 1e300)
COUNTS = (1, ALONE, ALONE + 1, BLOCK, BLOCK + 1, BLOCK * BLOCKS + BLOCK + ALONE + 1)


def grown(random: np.random.Generator, splits: int, several: int, sets: bool) -> Tree:
    """A tree of any shape, with every kind of split."""
    left, right = [-1], [-1]
    for _ in range(splits):
        at = random.choice([n for n, below in enumerate(left) if below < 0])
        left[at], right[at] = len(left), len(left) + 1
        left += [-1, -1]
        right += [-1, -1]
    size, inner = len(left), [n for n, below in enumerate(left) if below >= 0]
    chosen = [n for n in inner if sets and random.random() < 0.5]
    return Tree(
        random.integers(0, WIDTH, size), random.normal(size=size), np.array(left), np.array(right),
        random.random(size) < 0.5, random.normal(size=(size, 3) if several else size),
        np.full(size, 0 if several else random.integers(3)),
        {n: tuple(random.choice(70, random.integers(1, 40), replace=False)) for n in chosen},
    )  # fmt: skip


def ensemble(random: np.random.Generator, several: int, sets: bool) -> Ensemble:
    trees = [grown(random, int(random.integers(0, 40)), several, sets) for _ in range(43)]
    return Ensemble(tuple(trees), WIDTH, targets=3, single=False)


def layout_of(made: Ensemble) -> Layout:
    found = laid_out(made, Columns(WIDTH, np.arange(WIDTH)))
    assert found is not None
    return found


def asked(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    rows = random.normal(size=(count, WIDTH))
    codes = random.random(rows.shape) < 0.4
    rows[codes] = random.integers(0, 75, codes.sum())
    odd = random.random(rows.shape) < 0.1
    odd[::2] &= np.arange(count)[::2, None] > count // 2  # half of the first rows are whole
    rows[odd] = random.choice(ODD, odd.sum())
    return rows


def goes_right(layout: Layout, node: Any, value: float) -> bool:
    if math.isnan(value):
        return not node["marks"] & MISSING_LEFT
    if not node["marks"] & IN_SET:
        return bool(value > node["threshold"])
    begin, codes = node["threshold"].tobytes()[:4], node["threshold"].tobytes()[4:]
    first, most = int.from_bytes(begin, "little"), int.from_bytes(codes, "little")
    if not (0 <= value < most and value == int(value)):
        return True
    return not layout.words[first + int(value) // WORD] >> np.uint32(int(value) % WORD) & 1


def walked(layout: Layout, rows: NDArray[np.float64], several: int) -> NDArray[np.float64]:
    """What the kernel is to give, by the book: an index beyond an array is an error here."""
    answers = np.zeros((len(rows), 3))
    for row, answer in zip(rows, answers, strict=True):
        for root, target in zip(layout.roots.tolist(), layout.targets.tolist(), strict=True):
            at, steps = root // HALVES, 0
            while (node := layout.nodes[at])["marks"] & SPLIT:
                at = int(node["left"]) // HALVES + goes_right(layout, node, row[node["feature"]])
                steps += 1
                assert steps < len(layout.nodes)
            if several:
                number = int.from_bytes(node["threshold"].tobytes()[:4], "little")
                answer[:] += layout.values[number * several : (number + 1) * several]
            else:
                answer[target] += node["threshold"]
    return answers


def facts(several: int, width: int = WIDTH) -> dict[str, Any]:
    return {
        "columns": width, "answers": 3, "several": several, "divisor": 1.0, "start": [0.0],
        "slope": 1.0, "link": "sum",
    }  # fmt: skip


@pytest.mark.parametrize("several", [0, 3])
@pytest.mark.parametrize("sets", [False, True], ids=["numbers", "sets"])
def test_every_kind_of_split_is_walked_as_it_says_for_any_number_of_rows(
    several: int, sets: bool
) -> None:
    random = np.random.default_rng(several + sets)
    made = ensemble(random, several, sets)
    layout = layout_of(made)
    rows = asked(random, max(COUNTS))
    assert facts(several) == {**facts_of(made, WIDTH), "start": [0.0]}
    walk = Walking(layout, facts(several)).answers

    expected = walked(layout, rows, several)

    for count in COUNTS:
        assert np.array_equal(walk(rows[:count]), expected[:count])


BYTES = (0, 1, 2, 3, 4, 7, 8, 127, 128, 255)


def spoilt(random: np.random.Generator, layout: Layout) -> Layout:
    """A few bytes of one of the arrays are others."""
    name = random.choice(["nodes", "nodes", "nodes", "roots", "targets", "words"])
    array = getattr(layout, name).copy()
    octets = array.view(np.uint8)
    for at in random.integers(0, max(len(octets), 1), random.integers(1, 4)):
        octets[at : at + 1] = random.choice(BYTES) if random.random() < 0.5 else octets[at] ^ 1
    return replace(layout, **{name: array})


@pytest.mark.parametrize("several", [0, 3])
def test_spoilt_trees_are_refused_or_lead_nowhere_outside(several: int) -> None:
    random = np.random.default_rng(several)
    layout = layout_of(ensemble(random, several, sets=True))
    rows = asked(random, BLOCK + 3)
    taken = 0
    for _ in range(300):
        other = spoilt(random, layout)
        if not other.inside(WIDTH, 3, several):
            continue
        taken += 1
        if taken <= 40:
            answers = Walking(other, facts(several)).answers(rows)
            expected = walked(other, rows, several)
            assert np.array_equal(answers, expected, equal_nan=True)

    assert 40 < taken < 260


CHANGES: list[tuple[str, Callable[[Layout], Layout]]] = [
    ("nodes of another form", lambda layout: replace(layout, nodes=layout.nodes.view("V16"))),
    ("roots of another size", lambda layout: replace(layout, roots=layout.roots.astype("<u8"))),
    ("nodes with gaps", lambda layout: replace(layout, nodes=np.repeat(layout.nodes, 2)[::2])),
    ("nodes in two rows", lambda layout: replace(layout, nodes=np.stack([layout.nodes] * 2))),
    ("fewer targets", lambda layout: replace(layout, targets=layout.targets[:-1])),
    ("trees to spare", lambda layout: replace(layout, roots=layout.roots[:-1])),
    ("half a node", lambda layout: replace(layout, roots=layout.roots + np.uint32(1))),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[n for n, _ in CHANGES])
def test_arrays_that_the_kernel_would_misread_are_refused(
    change: Callable[[Layout], Layout],
) -> None:
    layout = layout_of(ensemble(np.random.default_rng(0), 0, sets=True))
    assert layout.inside(WIDTH, 3, 0)

    assert not change(layout).inside(WIDTH, 3, 0)
    with pytest.raises(ValueError, match="points outside"):
        Walking(change(layout), facts(0))


@pytest.mark.parametrize(("columns", "several"), [(0, 0), (-1, 0), (MOST_COLUMNS + 1, 0), (5, -1)])
def test_facts_that_no_trees_can_have_are_refused(columns: int, several: int) -> None:
    layout = layout_of(ensemble(np.random.default_rng(0), 0, sets=False))

    assert not layout.inside(columns, 3, several)


def test_as_many_columns_as_can_be_named_are_walked_and_no_more() -> None:
    random = np.random.default_rng(0)
    made = ensemble(random, 0, sets=False)
    last = np.arange(MOST_COLUMNS - WIDTH, MOST_COLUMNS)

    layout = laid_out(made, Columns(MOST_COLUMNS, last))

    assert layout is not None
    rows = asked(random, BLOCK + ALONE + 1)
    wide = np.zeros((len(rows), MOST_COLUMNS))
    wide[:, last] = rows
    answers = Walking(layout, facts(0, MOST_COLUMNS)).answers(wide)
    assert np.array_equal(answers, walked(layout_of(made), rows, 0))
    assert laid_out(made, Columns(MOST_COLUMNS + 1, last + 1)) is None


def test_a_file_of_another_layout_is_not_walked(tmp_path: Path) -> None:
    layout = layout_of(ensemble(np.random.default_rng(0), 0, sets=False))
    path = tmp_path / "trees.npy"
    layout.write(path)
    assert Layout.read(path).inside(WIDTH, 3, 0)

    before = np.dtype([("threshold", "<f8"), ("feature", "<u4"), ("left", "<u4")])
    replace(layout, nodes=np.zeros(len(layout.nodes), before)).write(path)

    assert not Layout.read(path).inside(WIDTH, 3, 0)
