"""The bars of a histogram from two profiles that were counted alike."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlops_spec.runtime.monitor.profile import NEW, OTHER, Categories, Column, Numbers
from mlops_spec.runtime.page.series import Bar

BARS: Final = 24
_TITLES: Final = {OTHER: "other", NEW: "never seen in training"}


def bars(before: Column, now: Column) -> tuple[Bar, ...]:
    """Two columns, counted alike, as at most 25 bars of shares."""
    match before, now:
        case Numbers(), Numbers():
            return _number_bars(before, now)
        case Categories(), Categories():
            return _category_bars(before, now)
        case _:
            return ()


def _number_bars(before: Numbers, now: Numbers) -> tuple[Bar, ...]:
    if not before.rows:
        return ()
    edges = np.asarray(before.edges)
    cumulated = [np.cumsum(c.counts)[:-1] / max(1, c.rows) for c in (before, now)]
    if len(edges) <= BARS:
        grid, titles = edges, [f"{edge:g}" for edge in edges]
    else:
        low, high = np.interp([0.005, 0.995], cumulated[0], edges)
        grid = np.linspace(low, high, BARS)
        titles = [f"up to {edge:.4g}" for edge in grid]
    # The first bar holds all below it, the last one all above.
    shares = [np.diff([0.0, *np.interp(grid, edges, c), 1.0 if c[-1] > 0 or n else 0.0])
              for c, n in zip(cumulated, (before.rows, now.rows), strict=True)]  # fmt: skip
    named = [*titles, "above"]
    found = tuple(Bar(name, float(b), float(n)) for name, b, n in zip(named, *shares, strict=True))
    return found if found[-1].before or found[-1].now else found[:-1]


def _category_bars(before: Categories, now: Categories) -> tuple[Bar, ...]:
    named = list(zip(before.values, before.counts, now.counts, strict=True))
    shown, rest = named[:-2][:BARS], [*named[:-2][BARS:], named[-2]]
    other = (OTHER, sum(b for _, b, _ in rest), sum(n for _, _, n in rest))
    return tuple(
        Bar(_TITLES.get(name, name), b / max(1, before.rows), n / max(1, now.rows))
        for name, b, n in (*shown, other, named[-1])
        if b or n
    )
