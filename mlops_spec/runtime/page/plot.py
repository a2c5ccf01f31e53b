"""The plane of a chart: from values to pixels, with rules, ticks and names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.page.markup import number, text

Points = Sequence[tuple[float, float]]
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high` along pixels `start` to `end`; what is beyond stays inside."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return self.start + (self.end - self.start) * min(max(share, 0.0), 1.0)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values within the axis."""
        span = self.high - self.low
        if not 0 < span < math.inf:
            return [self.low]
        size = 10 ** math.floor(math.log10(span / about))
        step = next((s * size for s in _STEPS if s * size >= span / about), 10 * size)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [0.0 if place == 0 else place * step for place in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart of 400 by 300 with both axes. `names`: of the horizontal and the vertical one."""

    x: Axis
    y: Axis
    names: tuple[str, str]

    def path(self, points: Points, kind: str) -> str:
        """A line through values."""
        return f'<polyline class="{kind}" points="{self._pixels(points)}"/>'

    def area(self, upper: Points, lower: Points, kind: str) -> str:
        """What lies between two lines."""
        return f'<polygon class="{kind}" points="{self._pixels([*upper, *reversed(lower)])}"/>'

    def dot(self, point: tuple[float, float], kind: str, title: str) -> str:
        x, y = self.x.at(point[0]), self.y.at(point[1])
        return (
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.6">'
            f"<title>{text(title)}</title></circle>"
        )

    def box(self, across: tuple[float, float], up: tuple[float, float], kind: str) -> str:
        """A filled box between two values of each axis."""
        left, right = sorted(map(self.x.at, across))
        top, bottom = sorted(map(self.y.at, up))
        return (
            f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 0):.1f}" '
            f'height="{max(bottom - top, 0):.1f}"/>'
        )

    def upright(self, value: float, kind: str, name: str = "") -> str:
        """A line from bottom to top at a value."""
        x = self.x.at(value)
        said = ""
        if name:
            anchor = "end" if x > (self.x.start + self.x.end) / 2 else "start"
            shift = -4 if anchor == "end" else 4
            said = (
                f'<text class="tick" x="{x + shift:.1f}" y="{self.y.end + 10:.1f}" '
                f'text-anchor="{anchor}">{text(name)}</text>'
            )
        return (
            f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{self.y.start:.1f}" '
            f'y2="{self.y.end:.1f}"/>{said}'
        )

    def rules(self, across: Iterable[tuple[float, str]] = (), up: Iterable[float] = ()) -> str:
        """Rules and numbers; `across` are values with their words, round ones by default."""
        named = list(across) or [(value, number(value)) for value in self.x.ticks()]
        drawn = [self._rule_up(value) for value in up or self.y.ticks()]
        drawn += [
            f'<text class="tick" x="{self.x.at(value):.1f}" y="{self.y.start + 16:.1f}" '
            f'text-anchor="middle">{text(word)}</text>'
            for value, word in named
        ]
        middle = (self.y.start + self.y.end) / 2
        drawn.append(
            f'<text class="axis-name" x="{(self.x.start + self.x.end) / 2:.1f}" '
            f'y="{self.y.start + 33:.1f}" text-anchor="middle">{text(self.names[0])}</text>'
            f'<text class="axis-name" transform="translate(11 {middle:.1f}) rotate(-90)" '
            f'text-anchor="middle">{text(self.names[1])}</text>'
        )
        return "".join(drawn)

    def _rule_up(self, value: float) -> str:
        y = self.y.at(value)
        return (
            f'<line class="grid" x1="{self.x.start:.1f}" x2="{self.x.end:.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}"/><text class="tick" x="{self.x.start - 6:.1f}" y="{y + 4:.1f}" '
            f'text-anchor="end">{number(value)}</text>'
        )

    def _pixels(self, points: Points) -> str:
        return " ".join(f"{self.x.at(x):.1f},{self.y.at(y):.1f}" for x, y in points)


def plot(across: tuple[float, float], up: tuple[float, float], names: tuple[str, str]) -> Plot:
    """A plane for these values, the vertical axis upwards."""
    return Plot(Axis(*across, 52, 388), Axis(*up, 258, 10), names)


def svg(drawn: str, label: str) -> str:
    """A chart of the size of `plot`; `label` is what a reader is told who does not see it."""
    return (
        f'<svg class="plot" viewBox="0 0 400 296" role="img" aria-label="{text(label)}">'
        f"<title>{text(label)}</title>{drawn}</svg>"
    )


def figure(drawn: str, title: str, note: str = "", legend: str = "") -> str:
    """A chart with its title above and a finished note below."""
    below = f'<p class="note">{note}</p>' if note else ""
    return f"<figure><figcaption>{text(title)}{legend}</figcaption>{drawn}{below}</figure>"


def legend(*named: tuple[str, str]) -> str:
    """What the colours stand for: a class and a word each."""
    entries = "".join(f'<li><i class="{kind}"></i>{text(word)}</li>' for kind, word in named)
    return f'<ul class="legend">{entries}</ul>'
