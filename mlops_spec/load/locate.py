"""From pydantic's path of an error to the place in the text."""

from __future__ import annotations

from typing import Any, Final

from mlops_spec.diagnostics import Span
from mlops_spec.model.project import Loc, Places

KEY_MARK: Final = "[key]"  # pydantic's last part when a key, not its value, is at fault


def in_tree(value: Any, loc: Loc) -> Loc:
    """The part of `loc` that exists in the document: pydantic adds names of union branches."""
    for depth, part in enumerate(loc):
        match value:
            case dict() if part in value:
                value = value[part]
            case tuple() if isinstance(part, int) and part < len(value):
                value = value[part]
            case _:
                return loc[:depth]
    return loc


def at(value: Any, loc: Loc) -> Any:
    """The value at a path that exists."""
    for part in loc:
        value = value[part]
    return value


def place_of(places: Places, loc: Loc) -> Span:
    """Where to look for what is missing in the mapping at `loc`: its key, or the kind."""
    if not loc:
        return places.keys.get(("kind",)) or first_line(places.document)
    return places.keys.get(loc) or first_line(places.value(*loc))


def first_line(span: Span) -> Span:
    """A place at the beginning of a span that may be many lines long."""
    if span.start.line == span.end.line:
        return span
    return Span.at(span.path, span.start.line, span.start.column)
