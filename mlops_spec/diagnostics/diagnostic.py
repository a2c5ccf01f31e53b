"""One mistake, as data. Views print it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlops_spec.diagnostics.catalogue import Code, Severity
from mlops_spec.diagnostics.span import Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What was found where, what was expected (`message`), and what to do (`help`)."""

    code: Code
    message: str
    span: Span | None = None
    help: str = ""
    related: tuple[tuple[Span, str], ...] = field(default=())

    @property
    def severity(self) -> Severity:
        return self.code.severity

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Order by place, so that output does not depend on the order of discovery."""
        if self.span is None:
            return ("", 0, 0, self.code.id, self.message)
        start = self.span.start
        return (self.span.path, start.line, start.column, self.code.id, self.message)

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        return f"{place}{self.severity} {self.code.id}: {self.message}"
