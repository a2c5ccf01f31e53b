"""The colours and basic forms that all pages share."""

from __future__ import annotations

from pathlib import Path
from string import Template


def page_of(template: Path, **parts: str) -> str:
    """A page from its template; `$style` is the shared style sheet."""
    shared = Path(__file__).with_name("base.css").read_text(encoding="utf-8")
    return Template(template.read_text(encoding="utf-8")).substitute(style=shared, **parts)
