"""The nearest known name, for "did you mean"."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`, or None when nothing is close.

    Ties go to the first in order, so that the answer does not depend on the order of discovery.
    """
    folded = {candidate.casefold(): candidate for candidate in sorted(known, reverse=True)}
    matches = difflib.get_close_matches(name.casefold(), sorted(folded), n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Help with an unknown name: a suggestion, or else the first dozen of the known names."""
    names = sorted(set(known))
    best = nearest(name, names)
    if best is not None:
        return f"did you mean {best!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"known here: {shown}"


def slip_of(name: str, known: Iterable[str]) -> str | None:
    """The known name from which one differs by a letter: missing, added, other, or swapped."""
    return next((other for other in sorted(known) if _is_slip(name, other)), None)


def _is_slip(name: str, other: str) -> bool:
    alike = 0
    while alike < min(len(name), len(other)) and name[alike] == other[alike]:
        alike += 1
    rest, whole = name[alike:], other[alike:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return name != other and (
        rest[1:] == whole or rest == whole[1:] or rest[1:] == whole[1:] or swapped == whole
    )
