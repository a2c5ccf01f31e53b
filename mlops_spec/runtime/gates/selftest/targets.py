"""Which rows a mutant may touch: all of them, or one group that a rule looks at, or could."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from mlops_spec.runtime.declare import Fair, Gates, Segments
from mlops_spec.runtime.gates.groups import Groups, Places, grouped, lacking
from mlops_spec.stats.judged import Judged

_MOST_VALUES: Final = 50  # of a column that is looked at where no rule names one
_RARE: Final = 0.1  # of the answers are yes
_SMALLEST, _LARGEST = 0.05, 0.80  # share of the rows that make a group one of several


@dataclass(frozen=True, slots=True)
class Target:
    """Some rows under a name. `by`: the columns that make them a group; none for all rows.

    `pushed` is which way a bias moves their answers: 1 or -1.
    """

    name: str
    places: Places
    by: tuple[str, ...] = ()
    rule: Segments | Fair | None = None
    pushed: int = -1


def everything(n: int) -> Target:
    """All held-out rows."""
    return Target("all rows", np.arange(n, dtype=np.int64))


def segments(gates: Gates, rows: pd.DataFrame, features: Mapping[str, str]) -> tuple[Target, ...]:
    """The largest group of every rule on segments; of the likeliest column where there is none."""
    rules = [rule for rule in gates.gates if isinstance(rule, Segments)]
    first = {rule.name: rule for rule in reversed(rules)}.values()
    found = tuple(_largest(rule, rows) for rule in first if not lacking(rows, rule.by))
    return tuple(filter(None, found)) or tuple(_undeclared(rows, features))


def treated(gates: Gates, rows: pd.DataFrame, judged: Judged) -> tuple[Target, ...]:
    """Of every rule on fairness, a group at one end of how often yes is said."""
    rules = [rule for rule in gates.gates if isinstance(rule, Fair)]
    first = {rule.name: rule for rule in reversed(rules)}.values()
    found = (_furthest(rule, rows, judged) for rule in first if not lacking(rows, rule.by))
    return tuple(filter(None, found))


def _largest(rule: Segments, rows: pd.DataFrame) -> Target | None:
    groups = grouped(rows, rule.by, rule.cuts)
    chosen = _one_of_several(groups, rule.min_rows)
    if chosen is None:
        return None
    return Target(groups.name(chosen), groups.places()[chosen], rule.by, rule)


def _one_of_several(groups: Groups, least: int) -> int | None:
    """The largest group that leaves something beside it, or the largest; None without one."""
    big = [int(g) for g in np.flatnonzero(groups.rows >= least)]
    several = [g for g in big if groups.rows[g] <= _LARGEST * len(groups.of_row)]
    return max(several or big, key=lambda g: int(groups.rows[g]), default=None)


def _undeclared(rows: pd.DataFrame, features: Mapping[str, str]) -> Iterator[Target]:
    """The largest value of the category that divides the rows best, where no rule names any."""
    best: tuple[int, str, Groups, int] | None = None
    for name in candidates(features, list(rows.columns)):
        groups = grouped(rows, (name,), {})
        if 2 <= len(groups.rows) <= _MOST_VALUES:
            chosen = _one_of_several(groups, int(_SMALLEST * len(rows)))
            size = 0 if chosen is None else int(groups.rows[chosen])
            if chosen is not None and size <= _LARGEST * len(rows) and (not best or size > best[0]):
                best = (size, name, groups, chosen)
    if best:
        _, name, groups, chosen = best
        yield Target(groups.name(chosen), groups.places()[chosen], (name,))


def candidates(features: Mapping[str, str], there: Sequence[str]) -> tuple[str, ...]:
    """The features that make groups by themselves."""
    kinds = ("category", "boolean")
    return tuple(name for name, kind in features.items() if kind in kinds and name in there)


def _furthest(rule: Fair, rows: pd.DataFrame, judged: Judged) -> Target | None:
    """The group told yes least often, to be told so less; where that is rare already, the other
    end: the group told so most often, to be told so more. Both ways the groups drift apart.
    """
    groups = grouped(rows, rule.by, rule.cuts)
    enough = np.flatnonzero(groups.rows >= rule.min_rows)
    if not len(enough):
        return None
    yes = np.bincount(groups.of_row, weights=judged.said_positive, minlength=len(groups.rows))
    shares = (yes / groups.rows)[enough]
    down = bool(shares.min() >= _RARE)
    chosen = int(enough[shares.argmin() if down else shares.argmax()])
    return Target(
        groups.name(chosen), groups.places()[chosen], rule.by, rule, pushed=-1 if down else 1
    )
