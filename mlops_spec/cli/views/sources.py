"""The texts that diagnostics point into, and how their paths are shown."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from mlops_spec.diagnostics import Diagnostics, SourceText
from mlops_spec.load.discover import SHIPPED, find_root, read_text


@dataclass(frozen=True, slots=True)
class Sources:
    """Reads a file once, when one of its lines is to be shown."""

    root: Path
    texts: dict[str, SourceText] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path | None) -> Sources:
        """The sources of the project that the command is about."""
        start = root or Path.cwd()
        return cls(find_root(start, Diagnostics()) or start)

    def line(self, path: str, number: int) -> str:
        """The text of a line; empty when the file cannot be read."""
        if path not in self.texts:
            source = read_text(self.root, path, Diagnostics())
            self.texts[path] = source or SourceText(path, "")
        return self.texts[path].line(number)

    def shown(self, path: str) -> str:
        """The path as an editor that was started here would open it."""
        return path if path.startswith(SHIPPED) else os.path.relpath(self.root / path)
