"""What groups of several columns are called, where counts of them are kept and looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def crossed(by: Sequence[str], cuts: Mapping[str, Sequence[float]]) -> tuple[str, ...]:
    """The columns; one that is cut into ranges with where: `distance[5, 20]`."""
    return tuple(
        f"{name}[{', '.join(f'{cut:g}' for cut in cuts[name])}]" if name in cuts else name
        for name in by
    )
