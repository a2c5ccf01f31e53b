"""Places in a text: positions count from 1, as editors show them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# What editors and YAML agree on. `str.splitlines` knows more breaks than they do.
_BREAK: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one file: from `start` up to, not including, `end`."""

    path: str
    start: Position
    end: Position

    def __str__(self) -> str:
        return f"{self.path}:{self.start.line}:{self.start.column}"

    @classmethod
    def at(cls, path: str, line: int = 1, column: int = 1) -> Span:
        """A span one character wide, for mistakes that have a place but no text."""
        return cls(path, Position(line, column), Position(line, column + 1))


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file's text as it was read; `path` is what the user would type."""

    path: str
    text: str

    def line(self, number: int) -> str:
        """The text of a line counted from 1; empty past the end."""
        lines = _BREAK.split(self.text)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def position(self, index: int) -> Position:
        """The place of the character at `index`, counted from 0."""
        last, count = 0, 1
        for found in _BREAK.finditer(self.text, 0, index):
            last, count = found.end(), count + 1
        return Position(count, index - last + 1)
