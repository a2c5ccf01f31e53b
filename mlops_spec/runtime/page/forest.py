"""Estimates with their intervals against a limit, one a row: a forest plot whose text is text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.page.markup import number, text
from mlops_spec.runtime.page.plot import Axis

_WIDTH: Final = 300.0
# From 0 to 1: where one estimate alone is looked at.
SHARES: Final = Axis(0.0, 1.0, 6.0, _WIDTH - 6)
_LIMIT: Final = re.compile(r"(?P<side>[<>≤≥])\s*(?P<limit>[+\-−]?\d[\d,]*\.?\d*(?:e[+\-]?\d+)?)")


@dataclass(frozen=True, slots=True)
class Mark:
    """One estimate. `kind` is its class; None is unknown, and an unknown end runs to the edge."""

    value: float | None
    low: float | None
    high: float | None
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit and its good side: above it (1), below it (-1), or a plain reference (0)."""

    at: float
    sign: int


def limit_of(shown: str) -> Limit | None:
    """The limit that a verdict shows, such as `≥ 0.7`, `Δ > -0.01`, `≤ 20 ms`; None without one."""
    found = _LIMIT.search(shown)
    if found is None:
        return None
    value = float(found["limit"].replace(",", "").replace("−", "-"))
    return Limit(value, 1 if found["side"] in "≥>" else -1)


def axis_for(marks: Iterable[Mark], limits: Iterable[Limit | None]) -> Axis:
    """An axis on which all of them lie, with some room."""
    found = [end for mark in marks for end in (mark.value, mark.low, mark.high)]
    found += [limit.at for limit in limits if limit is not None]
    known = [value for value in found if value is not None and math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    return Axis(low - room, high + room, 6.0, _WIDTH - 6)


def strip(marks: Sequence[Mark], axis: Axis, limit: Limit | None) -> str:
    """One row: the good side shaded, the limit as a line, every mark with its whiskers."""
    height = 12 + 14 * len(marks)
    drawn = [_ground(axis, limit, height)]
    drawn += [_mark(mark, axis, 13 + 14 * place) for place, mark in enumerate(marks)]
    return (
        f'<svg class="strip" viewBox="0 0 {_WIDTH:.0f} {height}" role="img" '
        f'aria-label="{text("; ".join(mark.title for mark in marks))}">{"".join(drawn)}</svg>'
    )


def scale(axis: Axis) -> str:
    """The numbers below the rows that share an axis."""
    drawn = "".join(
        f'<text class="tick" x="{axis.at(tick):.1f}" y="12" text-anchor="middle">'
        f"{number(tick)}</text>"
        for tick in axis.ticks(4)
        if 12 < axis.at(tick) < _WIDTH - 12
    )
    return f'<svg class="strip" viewBox="0 0 {_WIDTH:.0f} 16" aria-hidden="true">{drawn}</svg>'


def _ground(axis: Axis, limit: Limit | None, height: int) -> str:
    middle = '<line class="track" x1="0" x2="300" y1="{0}" y2="{0}"/>'.format(height - 1)
    if limit is None:
        return middle
    x = axis.at(limit.at)
    side = ""
    if limit.sign:
        left, width = (x, _WIDTH - x) if limit.sign > 0 else (0.0, x)
        side = f'<rect class="good" x="{left:.1f}" y="0" width="{width:.1f}" height="{height}"/>'
    kind = "limit" if limit.sign else "reference"
    return f'{side}{middle}<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>'


def _mark(mark: Mark, axis: Axis, y: float) -> str:
    if mark.value is None:
        return ""
    low = 0.0 if mark.low is None else axis.at(mark.low)
    high = _WIDTH if mark.high is None else axis.at(mark.high)
    whisker = ""
    if mark.low is not None or mark.high is not None:
        ends = "".join(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 4:.1f}" y2="{y + 4:.1f}"/>'
            for x, end in ((low, mark.low), (high, mark.high))
            if end is not None
        )
        whisker = f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>{ends}'
    return (
        f'<g class="mark {mark.kind}"><title>{text(mark.title)}</title>{whisker}'
        f'<circle cx="{axis.at(mark.value):.1f}" cy="{y:.1f}" r="4.5"/></g>'
    )
