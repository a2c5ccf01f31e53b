"""What a rule looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.link.resolve import Resolved
from mlops_spec.model.facts import Facts
from mlops_spec.model.project import Document
from mlops_spec.model.spec.base import SpecModel
from mlops_spec.model.spec.model import ModelSpec
from mlops_spec.model.spec.project import ProjectSpec

# The version of an installed library by its name, None where it is not there.
Installed = Callable[[str], str | None]
S = TypeVar("S", bound=SpecModel)


@dataclass(frozen=True, slots=True)
class Scope:
    """Every document of the user, every model, and the models whose references all resolve."""

    project: Document[ProjectSpec]
    specs: tuple[Document[Any], ...]
    models: tuple[Document[ModelSpec], ...]
    resolved: tuple[Resolved, ...]
    misnamed: frozenset[str]  # kinds to which some model refers by a name that does not exist
    facts: Mapping[str, Facts] = field(default_factory=lambda: MappingProxyType({}))  # by model
    installed: Installed = field(default=lambda _: None, compare=False)

    def of(self, kind: type[S]) -> Iterator[Document[S]]:
        """The user's documents of one kind."""
        return (document for document in self.specs if isinstance(document.spec, kind))


Rule = Callable[[Scope, Diagnostics], None]
