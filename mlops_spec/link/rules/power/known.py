"""What there is to reckon with for one model: what was recorded, what is expected, or a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from mlops_spec.link.resolve import Resolved
from mlops_spec.model.facts import Facts, Group
from mlops_spec.model.spec.dataset import DatasetSpec
from mlops_spec.model.spec.gates import Cuts
from mlops_spec.model.units import Share
from mlops_spec.terms.facts import crossed

# Rows on which the candidate and production decide differently. A guess: successive versions of a
# model differ on about one row in ten.
GUESSED_DISAGREEMENT: Final = 0.1
# What is listed at most: a spec can cross columns of a thousand values each.
MOST_CELLS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Known:
    """Held-out rows of one model, and what is known of them. `where` says where that comes from.

    `estimates` and `deviations` are empty before there was a run; `ground` tells whose word the
    disagreement is.
    """

    model: str
    task: str
    rows: int
    where: str
    disagreement: float
    ground: str
    positives: int | None
    groups: Mapping[tuple[str, ...], tuple[Group, ...]]
    estimates: Mapping[str, float]
    deviations: Mapping[str, float]
    slowness: Mapping[str, float]

    def groups_of(self, by: tuple[str, ...], cuts: Cuts) -> tuple[Group, ...] | None:
        """The groups of columns, crossed; None where they are not known, or too many to list.

        Columns that were not counted together are taken as independent of each other.
        """
        named = crossed(by, cuts)
        if len(named) > 1 and named in self.groups:
            return self.groups[named]
        if any((column,) not in self.groups for column in named):
            return None
        each = [self.groups[(column,)] for column in named]
        if math.prod(map(len, each)) > MOST_CELLS:
            return None
        return tuple(self._crossed(named, cell) for cell in product(*each))

    def cells_of(self, by: tuple[str, ...], cuts: Cuts) -> int:
        """How many groups columns can make, crossed; 0 where a column's values are not known."""
        return math.prod(len(self.groups.get((column,), ())) for column in crossed(by, cuts))

    def _crossed(self, named: tuple[str, ...], cell: tuple[Group, ...]) -> Group:
        share = math.prod(group.rows / self.rows for group in cell)
        name = " × ".join(f"{column}={g.value}" for column, g in zip(named, cell, strict=True))
        positives = None
        if self.positives:
            rates = [(group.positives or 0) / self.positives for group in cell]
            positives = round(self.positives * math.prod(rates))
        return Group(name, round(self.rows * share), positives)


def known_of(one: Resolved, recorded: Mapping[str, Facts]) -> Known | None:
    """What was recorded of the model wins over what the Dataset expects; None without either."""
    facts = recorded.get(one.model.spec.name)
    if facts is not None and facts.are_sound and _is_about(facts, one):
        return _recorded(facts, one)
    return _expected(one)


def _is_about(facts: Facts, one: Resolved) -> bool:
    """Whether the recorded run had this model's rows and label; an older spec's may not."""
    dataset, model = one.dataset.spec, one.model.spec
    return (facts.dataset, facts.label, facts.task) == (
        dataset.name, dataset.label.column, model.task,
    )  # fmt: skip


def _recorded(facts: Facts, one: Resolved) -> Known:
    test = one.dataset.spec.split.test.value
    # Another share to hold out has not been tried yet: the counts grow with it.
    scale = test / facts.test if facts.test > 0 else 1.0
    same = math.isclose(scale, 1.0)
    rows = round(facts.held_out * scale)
    where = f"the {rows:,} held-out rows of the last run of {one.model.spec.name!r}"
    if not same:
        where = (
            f"about {rows:,} held-out rows ({one.dataset.spec.split.test} of the {facts.rows:,} of "
            f"the last run of {one.model.spec.name!r})"
        )
    disagreement, ground = _disagreement(facts.disagreement, one.dataset.spec)
    return Known(
        one.model.spec.name,
        one.model.spec.task,
        rows,
        where,
        disagreement,
        ground,
        None if facts.positives is None else round(facts.positives * scale),
        {by: tuple(_scaled(g, scale) for g in groups) for by, groups in facts.groups.items()},
        facts.estimates,
        facts.deviations,
        facts.slowness,
    )


def _scaled(group: Group, scale: float) -> Group:
    positives = None if group.positives is None else round(group.positives * scale)
    return Group(group.value, round(group.rows * scale), positives)


def _expected(one: Resolved) -> Known | None:
    dataset = one.dataset.spec
    expected = dataset.expected
    if expected is None or expected.rows is None:
        return None
    rows = round(expected.rows * dataset.split.test.value)
    binary = one.model.spec.task == "binary" and expected.positives is not None
    positives = round(rows * expected.positives.value) if binary and expected.positives else None
    disagreement, ground = _disagreement(None, dataset)
    return Known(
        one.model.spec.name,
        one.model.spec.task,
        rows,
        f"{rows:,} held-out rows ({dataset.split.test} of the {expected.rows:,} expected of "
        f"{dataset.name!r})",
        disagreement,
        ground,
        positives,
        {
            (name,): _even(rows, positives, min(count, MOST_CELLS))
            for name, count in expected.groups.items()
        },
        {},
        {},
        {},
    )


def _even(rows: int, positives: int | None, count: int) -> tuple[Group, ...]:
    each = None if positives is None else positives // max(count, 1)
    return tuple(Group(f"group {i + 1}", rows // count, each) for i in range(count))


def _disagreement(measured: float | None, dataset: DatasetSpec) -> tuple[float, str]:
    """The share of rows, and in words where it comes from. Of identical models nothing follows."""
    if measured:
        return measured, f"candidate and production disagreed on {_percent(measured)} of them"
    if dataset.expected is not None and dataset.expected.disagreement is not None:
        stated = dataset.expected.disagreement
        return stated.value, f"two versions are expected to disagree on {stated} of rows"
    return GUESSED_DISAGREEMENT, (
        "two versions are taken to disagree on 10% of rows; if you know better, write `expected: "
        "{disagreement: 5%}` in the Dataset"
    )


def _percent(share: float) -> str:
    return str(Share(round(share, 3)))
