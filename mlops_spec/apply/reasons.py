"""What changed in the specs, in words: a line for each field, and one for a whole block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from mlops_spec.model.facets import FieldChange

_LONGEST: Final = 60  # characters of a value
_LONGEST_BLOCK: Final = 100
_COLUMNS: Final = "dataset.columns."


def in_words(
    changes: Sequence[FieldChange], ways: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    """One line for every change; a block that came or went is one change, not one a field.

    `ways` adds to a path in which way it changed: `looser`.
    """
    for block, found in _blocks(changes):
        told = dict.fromkeys(ways[change.path] for change in found if change.path in ways)
        way = f": {', '.join(told)}" if told else ""
        first = found[0]
        match _whole(block, found):
            case None:
                yield f"{first.path}: {_difference(first.before, first.after)}{way}"
            case word if block.startswith(_COLUMNS):
                yield f"{block}: {word}"
            case word:
                values = {
                    change.path.removeprefix(f"{block}."): change.after
                    if word == "added"
                    else change.before
                    for change in found
                }
                yield f"{block}: {word} {_cut(_written(values), _LONGEST_BLOCK)}{way}"


def _blocks(changes: Sequence[FieldChange]) -> Iterator[tuple[str, tuple[FieldChange, ...]]]:
    """Each change by itself, but those together whose block came or went, in order."""
    by_block: dict[str, list[FieldChange]] = {}
    for change in changes:
        block = change.path.rpartition(".")[0]
        by_block.setdefault(block, []).append(change)
    for change in changes:
        block = change.path.rpartition(".")[0]
        found = tuple(by_block[block])
        if _whole(block, found) is None:
            yield block, (change,)
        elif change is found[0]:
            yield block, found


def _whole(block: str, found: Sequence[FieldChange]) -> str | None:
    """`added` or `removed` where all of a block came or went, otherwise None.

    A column says so by its type, which every column has; another block by two fields or more.
    """
    if block.startswith(_COLUMNS):
        whole = any(change.path == f"{block}.type" for change in found)
    else:
        whole = "." in block and len(found) > 1
    if whole:
        if all(change.before is None for change in found):
            return "added"
        if all(change.after is None for change in found):
            return "removed"
    return None


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


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
