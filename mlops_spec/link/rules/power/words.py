"""Numbers as a message prints them."""

from __future__ import annotations

import math


def points(share: float) -> str:
    """A difference of shares in percentage points, rounded up to two figures: `1.8pp`."""
    return f"{_up(share * 100):g}pp"


def number(value: float) -> str:
    """A number of the metric's own unit, rounded up to two figures."""
    return f"{_up(value):g}"


def percent(chance: float) -> str:
    """A chance: `18%`, `under 1%`, `over 99%`."""
    if chance < 0.01:
        return "under 1%"
    return "over 99%" if chance > 0.99 else f"{chance:.0%}"


def rows(count: float) -> str:
    """Rows, rounded up to three figures: `24,800`."""
    if count > 1e12:
        return "more rows than there are"
    step = 10 ** max(0, math.floor(math.log10(max(count, 1))) - 2)
    return f"{math.ceil(count / step) * step:,}"


def _up(value: float) -> float:
    if value <= 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.10g}")
