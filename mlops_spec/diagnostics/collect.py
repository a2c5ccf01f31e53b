"""Collect within a stage, stop between stages."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_spec.diagnostics.catalogue import Code, Severity
from mlops_spec.diagnostics.diagnostic import Diagnostic
from mlops_spec.diagnostics.span import Span


class SpecRejected(Exception):
    """The specs hold errors; `diagnostics` is all of them, in order of place, warnings included."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.diagnostics = diagnostics


class Diagnostics:
    """What a run has found so far."""

    def __init__(self) -> None:
        self._found: set[Diagnostic] = set()

    def add(
        self,
        code: Code,
        message: str,
        *,
        at: Span | None = None,
        help: str = "",
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        """Report one mistake; the same mistake reported twice is kept once."""
        self._found.add(Diagnostic(code, message, at, help, related))

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(sorted(self._found, key=Diagnostic.sort_key))

    def __len__(self) -> int:
        return len(self._found)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self if d.severity is Severity.ERROR)

    def stop_if_errors(self) -> None:
        """Raise `SpecRejected` with everything found, if any of it is an error."""
        if self.errors:
            raise SpecRejected(tuple(self))
