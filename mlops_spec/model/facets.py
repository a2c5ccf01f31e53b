"""What a change means: the fields of a linked model by change class, and their digests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlops_spec.model.project import LinkedModel, Loc
from mlops_spec.model.spec.base import Change, SpecModel, change_of
from mlops_spec.model.spec.project import EnvironmentSpec
from mlops_spec.terms.digest import digest

Leaf = tuple[Loc, Change, Any]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs, with the class of what follows from it."""

    path: str
    change: Change
    before: Any
    after: Any


def leaves(spec: SpecModel, at: Loc = ()) -> Iterator[Leaf]:
    """Every field of a spec with its change class and its value as JSON; descends into models."""
    for name in type(spec).model_fields:
        yield from _leaves_of(getattr(spec, name), (*at, name), change_of(type(spec), name))


def _leaves_of(value: Any, at: Loc, change: Change) -> Iterator[Leaf]:
    match value:
        case SpecModel():
            yield from leaves(value, at)
        case dict() if value and all(isinstance(item, SpecModel) for item in value.values()):
            for key, item in value.items():
                yield from leaves(item, (*at, key))
        case _:
            yield at, change, _plain(value)


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return str(value)


def flatten(
    model: LinkedModel, environment: EnvironmentSpec | None = None
) -> dict[str, tuple[Change, Any]]:
    """Every field that says something, by its dotted path: `gates.metrics.roc_auc.min`.

    Of an environment, only what a release carries: whose signature its service believes. What is
    unset is left out, so that a new field of the language changes no digest of old specs.
    """
    parts: dict[str, SpecModel] = {
        "model": model.spec, "dataset": model.dataset.spec, "gates": model.gates,
        "rollout": model.rollout, "monitor": model.monitor,
    }  # fmt: skip
    if environment is not None and environment.signing is not None:
        parts["signing"] = environment.signing
    return {
        ".".join(map(str, at)): (change, value)
        for part, spec in parts.items()
        for at, change, value in leaves(spec, (part,))
        if value not in (None, {}, [])
    }


def facets(model: LinkedModel, environment: EnvironmentSpec | None = None) -> dict[Change, str]:
    """A digest per change class: equal digests mean that nothing of that class changed."""
    flat = flatten(model, environment)
    return {
        change: digest({path: value for path, (of, value) in flat.items() if of is change})
        for change in Change
    }


def changed_fields(
    before: dict[str, tuple[Change, Any]], after: dict[str, tuple[Change, Any]]
) -> tuple[FieldChange, ...]:
    """The fields that differ between two flattened models, in order of their paths."""
    return tuple(
        FieldChange(
            path,
            (after.get(path) or before[path])[0],
            before.get(path, (None, None))[1],
            after.get(path, (None, None))[1],
        )
        for path in sorted({*before, *after})
        if before.get(path, (None, None))[1] != after.get(path, (None, None))[1]
    )
