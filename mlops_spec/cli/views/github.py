"""For GitHub Actions: workflow commands that become annotations in a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlops_spec.cli.views.sources import Sources
from mlops_spec.diagnostics import Diagnostic


def lines(diagnostics: Sequence[Diagnostic], sources: Sources) -> Iterator[str]:
    """One `::error file=…,line=…,col=…::message` each."""
    for diagnostic in diagnostics:
        message = "\n".join(filter(None, (diagnostic.message, diagnostic.help)))
        place = _place(diagnostic, sources)
        yield f"::{diagnostic.severity} {place}title={diagnostic.code.id}::{_data(message)}"


def _place(diagnostic: Diagnostic, sources: Sources) -> str:
    if diagnostic.span is None:
        return ""
    start = diagnostic.span.start
    path = _property(sources.shown(diagnostic.span.path))
    return f"file={path},line={start.line},col={start.column},"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
