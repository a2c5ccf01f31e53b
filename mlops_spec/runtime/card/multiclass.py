"""Which class is taken for which, and how well each is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.page.forest import Mark, axis_for, scale, strip
from mlops_spec.runtime.page.markup import interval, number, text
from mlops_spec.runtime.page.plot import figure, legend
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.proportions import wilson

_MOST: Final = 12  # classes that are drawn; the rarer ones are one more, together
_NAME: Final = 14  # characters of a class beside the matrix

Counts = npt.NDArray[np.int64]


def multiclass(found: Recorded, judged: Judged) -> str:
    """The figures."""
    names, counts = confusion(judged)
    return _matrix(names, counts) + _classes(names, counts, found.level)


def confusion(judged: Judged) -> tuple[list[str], Counts]:
    """Rows by truth (down) and decision (across); the most frequent classes, then all others."""
    places = len(judged.classes)
    known = (judged.truth >= 0) & (judged.decided >= 0)
    pairs = judged.truth[known] * places + judged.decided[known]
    counts = np.bincount(pairs, minlength=places * places).reshape(places, places)
    names = [str(value) for value in judged.classes]
    if places <= _MOST:
        return names, counts
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    kept = np.sort(order[:_MOST])
    of_class = np.full(places, len(kept))
    of_class[kept] = np.arange(len(kept))
    folded = np.zeros((len(kept) + 1, len(kept) + 1), dtype=np.int64)
    np.add.at(folded, (of_class[:, np.newaxis], of_class[np.newaxis, :]), counts)
    return [*(names[place] for place in kept), f"{places - _MOST} others"], folded


def _matrix(names: Sequence[str], counts: Counts) -> str:
    side = 260 / len(names)
    totals = np.maximum(counts.sum(axis=1), 1)
    cells = "".join(
        _cell(row, column, int(counts[row, column]), counts[row, column] / totals[row], names, side)
        for row in range(len(names))
        for column in range(len(names))
    )
    labels = "".join(
        f'<text class="tick" x="114" y="{12 + (place + 0.5) * side:.1f}" text-anchor="end" '
        f'dominant-baseline="middle">{text(_cut(name))}</text>'
        f'<text class="tick" text-anchor="end" transform="translate('
        f'{124 + (place + 0.5) * side:.1f} 280) rotate(-40)">{text(_cut(name))}</text>'
        for place, name in enumerate(names)
    )
    drawn = (
        '<svg class="plot" viewBox="0 0 400 350" role="img" aria-label="confusion matrix">'
        f"<title>confusion matrix</title>{cells}{labels}</svg>"
    )
    note = "Down: what was true; across: what was said. Shares of each true class."
    return figure(drawn, "Confusion", note)


def _cell(
    row: int, column: int, count: int, share: float, names: Sequence[str], side: float
) -> str:
    x, y = 120 + column * side, 12 + row * side
    kind = "right" if row == column else "wrong"
    words = f"{names[row]} taken for {names[column]}: {count:,} rows, {share:.1%}"
    said = ""
    if share >= 0.005 and side > 22:
        tone = "over" if share > 0.55 else "under"
        said = (
            f'<text class="{tone}" x="{x + side / 2:.1f}" y="{y + side / 2 + 4:.1f}" '
            f'text-anchor="middle">{share:.0%}</text>'
        )
    return (
        f'<g><title>{text(words)}</title><rect class="ground" x="{x:.1f}" y="{y:.1f}" '
        f'width="{side - 1:.1f}" height="{side - 1:.1f}"/><rect class="{kind}" x="{x:.1f}" '
        f'y="{y:.1f}" width="{side - 1:.1f}" height="{side - 1:.1f}" '
        f'fill-opacity="{share:.2f}"/>{said}</g>'
    )


def _classes(names: Sequence[str], counts: Counts, level: float) -> str:
    hits = np.diag(counts)
    found = [
        (name, wilson(int(hits[i]), int(counts[i].sum()), level),
         wilson(int(hits[i]), int(counts[:, i].sum()), level))
        for i, name in enumerate(names)
    ]  # fmt: skip
    marks = [
        [
            Mark(e.value, e.low, e.high, kind, f"{word} {number(e.value, 3)} "
                 f"({interval(e.low, e.high, 3)})")
            if e.known else Mark(None, None, None, kind, f"{word} not known")
            for e, kind, word in ((recall, "now", "recall"), (precision, "then", "precision"))
        ]
        for _, recall, precision in found
    ]  # fmt: skip
    axis = axis_for([mark for pair in marks for mark in pair], [])
    rows = "".join(
        f'<li><div class="what"><b>{text(name)}</b><span class="soft">n {recall.n:,}</span></div>'
        f'<div class="drawn">{strip(pair, axis, None)}</div><div class="value soft">'
        f"{number(recall.value, 2)} / {number(precision.value, 2)}</div></li>"
        for (name, recall, precision), pair in zip(found, marks, strict=True)
    )
    named = legend(("now", "recall"), ("then", "precision"))
    below = f'<li class="scale"><div></div><div class="drawn">{scale(axis)}</div></li>'
    note = f"{level:.0%} Wilson intervals. n: rows of the class."
    return figure(f'<ol class="rows groups">{rows}{below}</ol>', "Each class", note, named)


def _cut(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
