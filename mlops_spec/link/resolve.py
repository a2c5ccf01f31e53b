"""References by name to the documents they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mlops_spec.diagnostics import Diagnostics, did_you_mean
from mlops_spec.diagnostics.catalogue import UNKNOWN_REFERENCE
from mlops_spec.link.index import Index
from mlops_spec.model.project import Document, Loc
from mlops_spec.model.spec.dataset import DatasetSpec
from mlops_spec.model.spec.drift import DriftSpec
from mlops_spec.model.spec.gates import GatesSpec
from mlops_spec.model.spec.model import ModelSpec
from mlops_spec.model.spec.rollout import RolloutSpec


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model beside the documents that it names."""

    model: Document[ModelSpec]
    dataset: Document[DatasetSpec]
    gates: tuple[Document[GatesSpec], ...]
    rollout: Document[RolloutSpec]
    monitor: Document[DriftSpec]
    batch_input: Document[DatasetSpec] | None


@dataclass(frozen=True, slots=True)
class Reference:
    """One name in a model that stands for a document."""

    kind: str
    name: str
    loc: Loc


def references(model: ModelSpec) -> Iterator[Reference]:
    """Every reference of a model, in order of the language."""
    yield Reference("Dataset", model.dataset, ("dataset",))
    for position, name in enumerate(model.gates):
        yield Reference("Gates", name, ("gates", position))
    yield Reference("Rollout", model.rollout, ("rollout",))
    yield Reference("Drift", model.monitor, ("monitor",))
    if model.batch:
        yield Reference("Dataset", model.batch.input, ("batch", "input"))


def misnamed(models: Iterable[Document[ModelSpec]], documents: Index) -> frozenset[str]:
    """The kinds to which some model refers by a name that does not exist."""
    return frozenset(
        reference.kind
        for model in models
        for reference in references(model.spec)
        if reference.name not in documents.get(reference.kind, {})
    )


def resolve(model: Document[ModelSpec], documents: Index, found: Diagnostics) -> Resolved | None:
    """The documents a model names, or diagnostics for the names that stand for nothing."""
    named: dict[Loc, Document[Any]] = {}
    complete = True
    for reference in references(model.spec):
        known = documents.get(reference.kind, {})
        if reference.name in known:
            named[reference.loc] = known[reference.name]
            continue
        complete = False
        found.add(
            UNKNOWN_REFERENCE,
            f"no {reference.kind} is named {reference.name!r}",
            at=model.places.value(*reference.loc),
            help=did_you_mean(reference.name, known)
            or f"write a document `kind: {reference.kind}`",
        )
    if not complete:
        return None
    return Resolved(
        model,
        named[("dataset",)],
        tuple(named[("gates", position)] for position in range(len(model.spec.gates))),
        named[("rollout",)],
        named[("monitor",)],
        named.get(("batch", "input")),
    )
