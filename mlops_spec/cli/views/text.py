"""For people: place, message, the line with a caret, what to do, and a last line that sums up."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from mlops_spec.cli.views.sources import Sources
from mlops_spec.diagnostics import Diagnostic, Severity, Span

_MOST: Final = 50  # a screen or two; the rest is counted
_WIDEST: Final = 160
_RED, _YELLOW, _BLUE, _BOLD, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[34m", "\x1b[1m", "\x1b[0m"


def lines(
    diagnostics: Sequence[Diagnostic], sources: Sources, *, color: bool, models: int | None
) -> Iterator[str]:
    """The printed form, line by line."""
    printer = _Printer(sources, color)
    for diagnostic in diagnostics[:_MOST]:
        yield from printer.one(diagnostic)
        yield ""
    if len(diagnostics) > _MOST:
        yield f"… and {len(diagnostics) - _MOST} more; -o json lists them all"
    yield summary(diagnostics, models)


def summary(diagnostics: Sequence[Diagnostic], models: int | None) -> str:
    """`3 errors, 1 warning in 2 files`, or that all is fine."""
    if not diagnostics:
        return f"{_count(models or 0, 'model')}: fine"
    counts = (
        _count(number, severity.value)
        for severity in Severity
        if (number := sum(d.severity is severity for d in diagnostics))
    )
    files = len({d.span.path for d in diagnostics if d.span})
    return ", ".join(counts) + (f" in {_count(files, 'file')}" if files else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class _Printer:
    def __init__(self, sources: Sources, color: bool) -> None:
        self.sources = sources
        self.color = color

    def one(self, diagnostic: Diagnostic) -> Iterator[str]:
        tone = _RED if diagnostic.severity is Severity.ERROR else _YELLOW
        place = f"{self._place(diagnostic.span)}: " if diagnostic.span else ""
        label = self._painted(f"{diagnostic.severity} {diagnostic.code.id}", tone)
        yield f"{self._painted(place, _BOLD)}{label}: {printable(diagnostic.message)}"
        if diagnostic.span:
            yield from self._excerpt(diagnostic.span, tone)
        for span, note in diagnostic.related:
            yield f"  {self._painted('note', _BLUE)}: {self._place(span)}: {note}"
        if diagnostic.help:
            yield f"  {self._painted('help', _BLUE)}: {printable(diagnostic.help)}"

    def _place(self, span: Span) -> str:
        return f"{self.sources.shown(span.path)}:{span.start.line}:{span.start.column}"

    def _excerpt(self, span: Span, tone: str) -> Iterator[str]:
        text = self.sources.line(span.path, span.start.line)
        if not text.strip():
            return
        start = span.start.column - 1
        end = span.end.column - 1 if span.end.line == span.start.line else len(text)
        # A long line is cut around the place, so that the caret stays on the screen.
        first = max(0, start - _WIDEST // 2)
        shown = printable(text[first : first + _WIDEST])
        pad = "".join(_blank(character) for character in text[first:start])
        marked = text[start : min(end, first + _WIDEST)]
        carets = "^" * max(1, sum(_width(character) for character in marked))
        number = f"{span.start.line:>5}"
        yield f"{number} | {shown}"
        yield f"{' ' * len(number)} | {pad}{self._painted(carets, tone)}"

    def _painted(self, text: str, tone: str) -> str:
        return f"{tone}{text}{_PLAIN}" if self.color and text else text


def printable(text: str) -> str:
    """Without control characters: a spec must not be able to drive the reader's terminal."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _blank(character: str) -> str:
    return "\t" if character == "\t" else " " * _width(character)


def _width(character: str) -> int:
    """Columns on a terminal: two for CJK, none for combining marks."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
