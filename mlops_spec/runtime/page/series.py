"""Series in time and small histograms as SVG. Colours are classes, set by a style sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

# The height of a line of text in a chart, and on a narrow screen, which shrinks all but the text.
_LINE: Final = 13.0
_NARROW_LINE: Final = 22.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram: its share of the baseline's rows and of the window's."""

    title: str
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Point:
    """One window: a time in seconds, a value with its interval."""

    at: float
    value: float
    low: float
    high: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """One column over the windows. `place` 0 to 2 is drawn in colour, others are background."""

    title: str
    points: tuple[Point, ...]
    place: int | None


@dataclass(frozen=True, slots=True)
class Frame:
    """The plane of a chart: pixels of the plot, times from left to right, values upwards."""

    start: float
    end: float
    bottom: float
    top: float
    width: float = 860.0
    height: float = 200.0

    def x(self, at: float) -> float:
        span = self.end - self.start
        return 62 + (self.width - 82) * ((at - self.start) / span if span > 0 else 0.5)

    def y(self, value: float) -> float:
        clipped = min(max(value, self.bottom), self.top)
        return 12 + (self.height - 40) * (self.top - clipped) / (self.top - self.bottom)


def histogram(found: Sequence[Bar], label: str) -> str:
    """Grey bars are the baseline, the coloured steps the window."""
    if not found:
        return ""
    most = max(max(bar.before, bar.now) for bar in found) or 1.0
    width = 180 / len(found)
    parts = []
    for place, bar in enumerate(found):
        left, tall, now = place * width, 44 * bar.before / most, 44 * bar.now / most
        title = f"{bar.title}: {bar.before:.1%} in training, {bar.now:.1%} now"
        parts.append(
            f"<g><title>{escape(title)}</title>"
            f'<rect class="hit" x="{left:.1f}" y="0" width="{width:.1f}" height="48"/>'
            f'<rect class="before" x="{left + width * 0.08:.1f}" y="{46 - tall:.1f}" '
            f'width="{width * 0.84:.1f}" height="{tall:.1f}"/>'
            f'<rect class="now" x="{left + width * 0.3:.1f}" y="{46 - now:.1f}" '
            f'width="{width * 0.4:.1f}" height="{now:.1f}"/></g>'
        )
    return (
        f'<svg class="histogram" viewBox="0 0 180 48" role="img" aria-label="{escape(label)}">'
        f'{"".join(parts)}<line class="axis" x1="0" x2="180" y1="46.5" y2="46.5"/></svg>'
    )


def lines(found: Sequence[Line], frame: Frame, ticks: Sequence[tuple[float, str]]) -> str:
    """Columns over the windows; those with a place last, so that they lie on top."""
    ordered = sorted(found, key=lambda line: -1 if line.place is None else line.place)
    drawn = "".join(_line(line, frame) for line in ordered)
    return _chart(drawn, frame, ticks, "Distance of each column from its baseline, by window")


def band(points: Sequence[Point], frame: Frame, ticks: Sequence[tuple[float, str]]) -> str:
    """One value over the windows with its interval."""
    upper = [f"{frame.x(p.at):.1f},{frame.y(p.high):.1f}" for p in points]
    lower = [f"{frame.x(p.at):.1f},{frame.y(p.low):.1f}" for p in reversed(points)]
    whiskers = "".join(
        f'<line class="whisker" x1="{frame.x(p.at):.1f}" x2="{frame.x(p.at):.1f}" '
        f'y1="{frame.y(p.low):.1f}" y2="{frame.y(p.high):.1f}"/>'
        for p in points
    )
    drawn = (
        f'<polygon class="interval" points="{" ".join([*upper, *lower])}"/>{whiskers}'
        f"{_line(Line('performance', tuple(points), 0), frame)}"
    )
    return _chart(drawn, frame, ticks, "Change of performance against its baseline, by window")


def _line(line: Line, frame: Frame) -> str:
    kind = "quiet" if line.place is None else f"series s{line.place}"
    path = " ".join(f"{frame.x(p.at):.1f},{frame.y(p.value):.1f}" for p in line.points)
    dots = "".join(
        f'<circle cx="{frame.x(p.at):.1f}" cy="{frame.y(p.value):.1f}" r="3.5">'
        f"<title>{escape(p.title)}</title></circle>"
        for p in line.points
        if line.place is not None or len(line.points) == 1
    )
    return f'<g class="{kind}"><polyline points="{path}"/>{dots}</g>'


def _chart(drawn: str, frame: Frame, ticks: Sequence[tuple[float, str]], label: str) -> str:
    rules = "".join(_rules(frame, ticks))
    return (
        f'<svg class="chart" viewBox="0 0 {frame.width:.0f} {frame.height:.0f}" role="img" '
        f'aria-label="{escape(label)}">{rules}{drawn}</svg>'
    )


def _rules(frame: Frame, ticks: Sequence[tuple[float, str]]) -> Iterator[str]:
    """Lines across the plot, each with its name beside it; names that would meet give way.

    On a narrow screen they move by `--down`, which the style sheet of the page applies.
    """
    places = [frame.y(value) for value, _ in ticks]
    wide, narrow = (apart(places, line, frame.height - 4) for line in (_LINE, _NARROW_LINE))
    for (_, name), y, at, then in zip(ticks, places, wide, narrow, strict=True):
        limit = name.startswith("limit")
        # Text stands on its place: a third of a line below it, it is in the middle of it.
        stands, down = at + 0.27 * _LINE, then - at + 0.32 * _NARROW_LINE - 0.27 * _LINE
        yield (
            f'<line class="{"limit" if limit else "grid"}" x1="62" x2="{frame.width - 20:.0f}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/><text class="{"limit-name" if limit else "tick"}" x="56" '
            f'y="{stands:.1f}" style="--down:{down:.1f}px" text-anchor="end">'
            f"{escape(name.removeprefix('limit '))}</text>"
        )


def apart(places: Sequence[float], least: float, end: float) -> list[float]:
    """Places from top to bottom moved so little that any two are `least` apart, none below `end`.

    In the order given. What stands below moves down first, and up again where there is no room.
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    found = list(places)
    for above, below in pairwise(order):
        found[below] = max(found[below], found[above] + least)
    limit = end
    for place in reversed(order):
        found[place] = min(found[place], limit)
        limit = found[place] - least
    return found
