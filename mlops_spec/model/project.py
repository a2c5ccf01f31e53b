"""A spec with its place, and the project in which every reference is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from mlops_spec.diagnostics import Span
from mlops_spec.model.spec.base import SpecModel
from mlops_spec.model.spec.dataset import DatasetSpec
from mlops_spec.model.spec.drift import DriftSpec
from mlops_spec.model.spec.gates import GatesSpec
from mlops_spec.model.spec.model import ModelSpec
from mlops_spec.model.spec.project import EnvironmentSpec, ProjectSpec
from mlops_spec.model.spec.rollout import RolloutSpec

Loc = tuple[str | int, ...]
S = TypeVar("S", bound=SpecModel)


@dataclass(frozen=True, slots=True)
class Places:
    """Where each key and value of a document stands, by its path from the document's root."""

    document: Span
    keys: Mapping[Loc, Span] = field(default_factory=dict)
    values: Mapping[Loc, Span] = field(default_factory=dict)

    def key(self, *loc: str | int) -> Span:
        """The key at `loc`, or the nearest thing around it."""
        return self.keys.get(loc) or self.value(*loc)

    def value(self, *loc: str | int) -> Span:
        """The value at `loc`, or the nearest thing around it."""
        for length in range(len(loc), 0, -1):
            if loc[:length] in self.values:
                return self.values[loc[:length]]
        return self.document


@dataclass(frozen=True, slots=True)
class Document(Generic[S]):
    """One document: what it says, and where it says it. `path` is relative to the project root.

    Not `whole`: what was wrong in it is left out, and nobody acts on the rest (load/stand_in.py).
    """

    spec: S
    places: Places
    whole: bool = True

    @property
    def path(self) -> PurePosixPath:
        return PurePosixPath(self.places.document.path)


@dataclass(frozen=True, slots=True)
class Heading:
    """What a document calls itself, and where: readable though the rest of it may be wrong."""

    kind: str
    name: str
    places: Places


@dataclass(frozen=True, slots=True)
class LinkedModel:
    """A model with everything it refers to; `gates` is its policies merged, later ones winning."""

    document: Document[ModelSpec]
    dataset: Document[DatasetSpec]
    gates: GatesSpec
    rollout: RolloutSpec
    monitor: DriftSpec
    batch_input: DatasetSpec | None = None
    rollout_places: Places | None = None  # of the policy that `rollout` is

    @property
    def spec(self) -> ModelSpec:
        return self.document.spec

    @property
    def name(self) -> str:
        return self.document.spec.name


@dataclass(frozen=True, slots=True)
class Project:
    """All that the specs of one repository say, linked. Models are in order of their names."""

    document: Document[ProjectSpec]
    models: tuple[LinkedModel, ...]

    @property
    def name(self) -> str:
        return self.document.spec.project

    @property
    def environments(self) -> Mapping[str, EnvironmentSpec]:
        return self.document.spec.environments
