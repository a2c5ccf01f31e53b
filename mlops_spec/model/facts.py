"""What is known of a model's data before a gate is asked: the ground of power warnings.

Recorded by the runtime as JSON after every evaluation (`runtime.gates.facts`); the compiler is
given it as data, as it is given the specs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

FORMAT: Final = 1
_UNIT: Final = ("accuracy", "recall", "precision", "roc_auc", "brier_score")


@dataclass(frozen=True, slots=True)
class Group:
    """Held-out rows of one value of a column, or of one combination of several columns' values.

    `positives` is None where the model is not binary.
    """

    value: str
    rows: int
    positives: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Counts of the held-out rows of the last run of one model in one environment.

    `groups` by columns, crossed as they are named; `estimates` of metrics by name; `deviations`:
    the standard error of a metric's paired difference from production, times √held_out.
    `slowness`: that of the ratio of two models' latency, by quantile (p99). `disagreement` is None
    without a production to compare with. `test` is the share held out.
    """

    source: str
    dataset: str
    label: str
    task: str
    rows: int
    held_out: int
    test: float
    positives: int | None = None
    groups: Mapping[tuple[str, ...], tuple[Group, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    estimates: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    deviations: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    slowness: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    disagreement: float | None = None

    @classmethod
    def from_json(cls, source: str, found: Any) -> Facts | None:
        """The facts of a file; None for one of another format, or that makes no sense."""
        try:
            facts = _parsed(source, found)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return None
        return facts if facts is not None and facts.are_sound else None

    @property
    def are_sound(self) -> bool:
        """Whether there can be such rows: a file may have been cut off, or edited."""
        counts = (0 < self.held_out <= self.rows, 0 < self.test < 1)
        return (
            all(counts)
            and _within(self.positives, 0, self.held_out)
            and _within(self.disagreement, 0, 1)
            and all(_within(self.estimates.get(name), 0, 1) for name in _UNIT)
            and all(map(self._can_be, self.groups.values()))
        )

    def _can_be(self, groups: tuple[Group, ...]) -> bool:
        each = all(g.rows >= 0 and _within(g.positives, 0, g.rows) for g in groups)
        return each and sum(group.rows for group in groups) <= self.held_out


def _parsed(source: str, found: Any) -> Facts | None:
    if found["format_version"] != FORMAT:
        return None
    disagreement = found["disagreement"]
    positives = found["positives"]
    return Facts(
        source=source,
        dataset=str(found["dataset"]),
        label=str(found["label"]),
        task=str(found["task"]),
        rows=int(found["rows"]),
        held_out=int(found["held_out"]),
        test=float(found["test"]),
        positives=None if positives is None else int(positives),
        groups={tuple(map(str, one["by"])): _groups(one["values"]) for one in found["groups"]},
        estimates=_numbers(found["estimates"]),
        deviations=_numbers(found["deviations"]),
        slowness=_numbers(found.get("slowness", {})),
        disagreement=None if disagreement is None else float(disagreement),
    )


def _within(value: float | None, low: float, high: float) -> bool:
    return value is None or low <= value <= high


def _groups(found: Any) -> tuple[Group, ...]:
    return tuple(
        Group(str(value), int(rows), None if positives is None else int(positives))
        for value, rows, positives in found
    )


def _numbers(found: Any) -> dict[str, float]:
    """Of numbers by name those that are; what could not be told is None in the file."""
    numbers = {str(name): float(value) for name, value in found.items() if value is not None}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
