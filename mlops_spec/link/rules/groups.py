"""Groups of held-out rows: columns that make groups, for tasks that have what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from mlops_spec.diagnostics import Code, Diagnostics, did_you_mean
from mlops_spec.diagnostics.catalogue import (
    DUPLICATE_ENTRY,
    GROUPS_MISFIT,
    NO_PROBABILITIES,
    UNKNOWN_COLUMN,
)
from mlops_spec.link.resolve import Resolved
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Loc
from mlops_spec.model.spec.dataset import Column, DatasetSpec
from mlops_spec.model.spec.gates import Fairness, GatesSpec, Segments

_NUMBERS: Final = frozenset({"float", "integer"})
_KEYS: Final = frozenset({"category", "integer"})
_PARTS: Final = ("segments", "fairness")
_PROBABILITIES: Final = frozenset({"binary", "multiclass"})


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong, at which value, and what to write instead."""

    code: Code
    at: Loc
    message: str
    help: str = ""


def groups_are_of_declared_columns(scope: Scope, found: Diagnostics) -> None:
    """MLS303, MLS327: a column of the Dataset with few values, or with cuts."""
    for one in scope.resolved:
        for document in one.gates:
            for fault in _columns(document.spec, one):
                at = document.places.value(*fault.at)
                found.add(fault.code, fault.message, at=at, help=fault.help)


def _columns(spec: GatesSpec, one: Resolved) -> Iterator[_Fault]:
    for part, entry, groups in _groups(spec):
        for position, name in enumerate(groups.by):
            at: Loc = (part, entry, "by", position)
            yield from _declared(name, at, one.dataset.spec)
            yield from _column(name, at, groups, one.dataset.spec)


def _groups(spec: GatesSpec) -> Iterator[tuple[str, str, Segments | Fairness]]:
    for part in _PARTS:
        for name, groups in getattr(spec, part).items():
            yield part, name, groups


def _declared(name: str, at: Loc, dataset: DatasetSpec) -> Iterator[_Fault]:
    if name not in dataset.columns:
        message = f"the Dataset {dataset.name!r} has no column {name!r}"
        yield _Fault(UNKNOWN_COLUMN, at, message, did_you_mean(name, dataset.columns))


def _column(
    name: str, at: Loc, groups: Segments | Fairness, dataset: DatasetSpec
) -> Iterator[_Fault]:
    column = dataset.columns.get(name)
    if column is None:
        return
    role = _role(name, column, dataset)
    if role is not None:
        message = f"{name!r} is the {role}, by which no groups are made"
        yield _Fault(GROUPS_MISFIT, at, message, _WHY_NOT[role])
    elif column.type == "timestamp":
        message, help = f"{name!r} is a timestamp", "derive a column from it, such as the hour"
        yield _Fault(GROUPS_MISFIT, at, f"{message}; every moment would be a group", help)
    else:
        yield from _cut(name, at, column, name in groups.cuts)


def _role(name: str, column: Column, dataset: DatasetSpec) -> str | None:
    # A key of another type is no key: MLS305 says so.
    if name == dataset.key and column.type in _KEYS:
        return "key"
    return "label" if name == dataset.label.column else None


_WHY_NOT: Final = {
    "label": "a group is known before the outcome; by the label, recall would be accuracy",
    "key": "every row would be a group; name a column that many rows share",
}


def _cut(name: str, at: Loc, column: Column, is_cut: bool) -> Iterator[_Fault]:
    if column.type == "float" and not is_cut:
        message = f"{name!r} is a float without cuts; every value would be a group"
        help = f"say where it is cut into ranges: cuts: {{{name}: [5, 20]}}"
        yield _Fault(GROUPS_MISFIT, at, message, help)
    elif column.type not in _NUMBERS and is_cut:
        message = f"{name!r} is {column.type}, and cuts are for numbers"
        yield _Fault(GROUPS_MISFIT, (*at[:2], "cuts", name), message, "remove its cuts")


def cuts_make_ranges(scope: Scope, found: Diagnostics) -> None:
    """MLS327: cuts stand in ascending order, of columns that are named in `by`."""
    for document in scope.of(GatesSpec):
        for part, entry, groups in _groups(document.spec):
            for fault in _cuts(part, entry, groups):
                at = document.places.value(*fault.at)
                found.add(fault.code, fault.message, at=at, help=fault.help)


def _cuts(part: str, entry: str, groups: Segments | Fairness) -> Iterator[_Fault]:
    for name, cuts in groups.cuts.items():
        at: Loc = (part, entry, "cuts", name)
        if name not in groups.by:
            message, help = f"{name!r} has cuts but does not stand in `by`", "add it to `by`"
            yield _Fault(GROUPS_MISFIT, at, message, help)
        elif not cuts:
            message = f"{name!r} has no cuts"
            yield _Fault(GROUPS_MISFIT, at, message, f"write {name}: [5, 20]")
        elif any(low >= high for low, high in pairwise(cuts)):
            message = f"the cuts of {name!r} do not grow: {', '.join(map(str, cuts))}"
            help = f"write {name}: [{', '.join(map(str, sorted(set(cuts))))}]"
            yield _Fault(GROUPS_MISFIT, at, message, help)
    for position, name in enumerate(groups.by):
        if name in groups.by[:position]:
            at = (part, entry, "by", position)
            yield _Fault(DUPLICATE_ENTRY, at, f"`by` names {name!r} twice", "remove it")


def judged_by_what_the_task_has(scope: Scope, found: Diagnostics) -> None:
    """MLS328: fairness is of two classes, calibration of probabilities."""
    for one in scope.resolved:
        name, task = one.model.spec.name, one.model.spec.task
        for document in one.gates:
            for part, why in _lacking(document.spec, task):
                found.add(
                    NO_PROBABILITIES,
                    f"{why}; the model {name!r} is {task}",
                    at=document.places.key(part),
                    help=f"remove `{part}`, or put it into a policy that {name!r} does not name",
                )


def _lacking(spec: GatesSpec, task: str) -> Iterator[tuple[str, str]]:
    if spec.fairness and task != "binary":
        yield "fairness", "fairness compares the decisions of a binary model"
    if spec.calibration and task not in _PROBABILITIES:
        yield "calibration", "calibration is of probabilities"


RULES: Final = (
    groups_are_of_declared_columns,
    cuts_make_ranges,
    judged_by_what_the_task_has,
)
