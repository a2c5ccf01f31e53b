"""Selection, true positive and false positive rates of groups, each with its denominator.

Definitions as in fairlearn (Hardt, Price and Srebro 2016 for the odds), except that a group without
a denominator has no rate: fairlearn says 0, and so calls a perfect model unfair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.influence import Bools

RateName = Literal["selection_rate", "true_positive_rate", "false_positive_rate"]

# A rate of fewer rows than this says little; of a group that small none is compared.
LEAST_DENOMINATOR: Final = 30


@dataclass(frozen=True, slots=True)
class GroupRate:
    """`hits` of `n` rows of a group; `n` is the denominator of the rate, not the group's size.

    `effect` is how many of its rows say as much as one independent row does (the design effect).
    """

    group: str
    hits: int
    n: int
    effect: float = 1.0

    @property
    def rate(self) -> float | None:
        return self.hits / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was true, what was decided, and the group of each row."""

    positive: Bools
    said_positive: Bools
    group: npt.NDArray[Any]


def rates(name: RateName, decisions: Decisions) -> tuple[GroupRate, ...]:
    """The rate of every group that occurs, in the order of their names."""
    counted = counted_rows(name, decisions.positive)
    groups, number = np.unique(decisions.group, return_inverse=True)
    rows = np.bincount(number, weights=counted, minlength=len(groups))
    hits = np.bincount(number, weights=counted & decisions.said_positive, minlength=len(groups))
    return tuple(
        GroupRate(str(group), int(found), int(n))
        for group, found, n in zip(groups, hits, rows, strict=True)
    )


def counted_rows(name: RateName, positive: Bools) -> Bools:
    """The rows of a rate's denominator: all, the positive, or the negative ones."""
    match name:
        case "selection_rate":
            return np.ones(len(positive), dtype=bool)
        case "true_positive_rate":
            return positive
        case "false_positive_rate":
            return ~positive


def compared(
    found: tuple[GroupRate, ...], least: int = LEAST_DENOMINATOR
) -> tuple[tuple[GroupRate, ...], tuple[GroupRate, ...]]:
    """Groups with a denominator of at least `least` (and never 0), and those left out.

    Rows that go together count as what they say.
    """
    enough = max(least, 1)
    kept = tuple(one for one in found if one.n >= enough * one.effect)
    return kept, tuple(one for one in found if one.n < enough * one.effect)


def weighed(found: tuple[GroupRate, ...]) -> tuple[Floats, Floats]:
    """Hits and denominators in independent rows (Rao and Scott, Biometrics 48 (1992) 577-585)."""
    effects = np.array([one.effect for one in found])
    hits, n = ([getattr(one, name) for one in found] for name in ("hits", "n"))
    return np.array(hits) / effects, np.array(n) / effects
