"""Text and numbers as they stand in a page. All text from data or specs goes through `text`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from mlops_spec.terms.verdict import Outcome

WORDS: Final = {
    Outcome.PASS: "✓ pass", Outcome.FAIL: "✕ fail", Outcome.ERROR: "✕ error",
    Outcome.INCONCLUSIVE: "? inconclusive", Outcome.NO_DATA: "– no data",
}  # fmt: skip
ORDER: Final = (
    Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.NO_DATA, Outcome.PASS,
)  # fmt: skip
UNKNOWN: Final = "–"
_LONGEST: Final = 300  # characters of one value


def text(value: object) -> str:
    """Any value as inert text: escaped, cut, without characters that steer how others are shown."""
    said = str(value)
    cut = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
    return escape("".join(_visible(character) for character in cut))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    # Controls, halves of characters, and marks that turn the direction of what follows.
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"


def identifier(value: object) -> str:
    """A name that may be broken where its parts meet: after `_`, `.` and `=`."""
    said = text(value)
    for mark in "_.=":
        said = said.replace(mark, f"{mark}<wbr>")
    return said


def badge(outcome: Outcome) -> str:
    """An outcome as a coloured word; the sign says it without the colour."""
    return f'<span class="badge {outcome.value}">{WORDS[outcome]}</span>'


def number(value: float | None, places: int | None = None) -> str:
    """A number of four figures, or with so many decimal places; a dash for what is not known."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        shown = "0"
    elif places is not None:
        shown = f"{value:,.{places}f}"
    elif abs(value) >= 10_000:
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:.4g}"
    return shown.replace("-", "−")


def interval(low: float | None, high: float | None, places: int | None = None) -> str:
    """`0.729 – 0.744`; unbounded ends are infinite, nothing at all is empty."""
    if low is None and high is None:
        return ""
    ends = (-math.inf if low is None else low, math.inf if high is None else high)
    return " to ".join(number(end, places) for end in ends)


def places_for(low: float | None, high: float | None) -> int | None:
    """The decimal places that an interval leaves meaningful: two figures of its width."""
    if low is None or high is None or not 0 < high - low < math.inf:
        return None
    return min(max(1 - math.floor(math.log10(high - low)), 0), 6)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and finished values, one below the other."""
    rows = "".join(f"<div><dt>{text(name)}</dt><dd>{value}</dd></div>" for name, value in pairs)
    return f'<dl class="facts">{rows}</dl>'


def soft(sentence: str) -> str:
    """A finished sentence in small print."""
    return f'<p class="soft">{sentence}</p>' if sentence else ""


def day(at: float) -> str:
    """Seconds since 1970 as a time of day in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def count(value: Any) -> str:
    """A count with separators, or a dash."""
    return f"{value:,}" if isinstance(value, int) else UNKNOWN
