"""How files on disk differ from what the specs render to, short enough for a screen."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from itertools import islice, zip_longest
from pathlib import Path
from typing import Final

MOST_FILES: Final = 5
MOST_LINES: Final = 20  # of the diff of one file


def diff_lines(root: Path, wanted: Mapping[str, str]) -> Iterator[str]:
    """Unified diffs from the files on disk to the wanted texts, by path; cut, and said so."""
    for path, text in islice(wanted.items(), MOST_FILES):
        diff = difflib.unified_diff(
            _lines(root / path), text.splitlines(), path, f"{path} (rendered)", n=2, lineterm=""
        )
        shown = list(islice(diff, MOST_LINES + 1))
        yield ""
        yield from shown[:MOST_LINES]
        if len(shown) > MOST_LINES:
            yield "…"
    if len(wanted) > MOST_FILES:
        yield f"… and {len(wanted) - MOST_FILES} more files"


def first_difference(place: Path, text: str) -> int:
    """The number of the first line on disk that is not the wanted one, from 1."""
    pairs = zip_longest(_lines(place), text.splitlines())
    return next((n for n, (found, wanted) in enumerate(pairs, start=1) if found != wanted), 1)


def _lines(place: Path) -> list[str]:
    """The lines of a file; none when it cannot be read as text."""
    try:
        return place.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
