"""For programs: one JSON document on stdout."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from mlops_spec.cli.views.sources import Sources
from mlops_spec.diagnostics import Diagnostic, Span

FORMAT_VERSION: Final = 1


def lines(diagnostics: Sequence[Diagnostic], sources: Sources) -> Iterator[str]:
    """`{"format_version": 1, "diagnostics": […]}`, in the order of the text view."""
    found = [_one(diagnostic, sources) for diagnostic in diagnostics]
    yield json.dumps(
        {"format_version": FORMAT_VERSION, "diagnostics": found}, indent=2, ensure_ascii=False
    )


def _one(diagnostic: Diagnostic, sources: Sources) -> dict[str, Any]:
    return {
        "code": diagnostic.code.id,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "place": _place(diagnostic.span, sources) if diagnostic.span else None,
        "help": diagnostic.help,
        "related": [
            {"place": _place(span, sources), "note": note} for span, note in diagnostic.related
        ],
    }


def _place(span: Span, sources: Sources) -> dict[str, Any]:
    return {
        "path": sources.shown(span.path),
        "start": {"line": span.start.line, "column": span.start.column},
        "end": {"line": span.end.line, "column": span.end.column},
    }
