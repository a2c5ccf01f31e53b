"""What changed in the specs, in words: a line for each field, and one for a whole column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from mlops_spec.model.facets import FieldChange

_LONGEST: Final = 60  # characters of a value
_COLUMNS: Final = "dataset.columns."


def in_words(
    changes: Sequence[FieldChange], ways: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    """One line for every change; a column that came or went is one change, not one a field.

    `ways` adds to a path in which way it changed: `looser`.
    """
    whole = {
        change.path.removesuffix(".type"): "added" if change.before is None else "removed"
        for change in changes
        if change.path.startswith(_COLUMNS)
        and change.path.endswith(".type")
        and None in (change.before, change.after)
    }
    told: set[str] = set()
    for change in changes:
        column = change.path.rpartition(".")[0]
        if column not in whole:
            way = f": {ways[change.path]}" if change.path in ways else ""
            yield f"{change.path}: {_difference(change.before, change.after)}{way}"
        elif column not in told:
            told.add(column)
            yield f"{column}: {whole[column]}"


def _difference(before: Any, after: Any) -> str:
    if isinstance(before, list) and isinstance(after, list):
        parts = (
            ("added", [item for item in after if item not in before]),
            ("removed", [item for item in before if item not in after]),
        )
        words = (
            f"{word} {_cut(', '.join(map(_written, items)))}" for word, items in parts if items
        )
        return "; ".join(words) or "in another order"
    return f"{_cut(_written(before))} → {_cut(_written(after))}"


def _written(value: Any) -> str:
    """A value as it stands in a spec."""
    match value:
        case None:
            return "not set"
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {_written(item)}' for key, item in value.items())}}}"
        case _:
            return str(value) or '""'


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
