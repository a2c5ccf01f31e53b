"""One environment of one project, with its state open: what plan and apply look at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from mlops_spec.diagnostics import did_you_mean
from mlops_spec.model.files import FileSet
from mlops_spec.model.project import LinkedModel, Project
from mlops_spec.model.spec.dataset import Source
from mlops_spec.model.spec.project import EnvironmentSpec
from mlops_spec.runtime.declare import Csv, Parquet, Sql
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployments, Journal, Store
from mlops_spec.terms.workspace import Workspace

Objects = Mapping[str, tuple[dict[str, Any], ...]]
NONE: Final[Objects] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Site:
    """The place that is planned for and applied to. `files` is what the specs render to there.

    `objects`: those of the files that are Kubernetes objects, by model; "": what all models share.
    """

    root: Path
    project: Project
    environment: str
    files: FileSet
    store: Store
    objects: Objects = field(default_factory=dict)

    @classmethod
    def open(
        cls, root: Path, project: Project, environment: str, files: FileSet,
        objects: Objects = NONE,
    ) -> Site:  # fmt: skip
        """Open the state: the database that the environment names, or a file of the workspace."""
        spec = project.environments[environment]
        url = os.environ.get(spec.state_env) if spec.state_env else None
        store = Store(url) if url else Store.at(Workspace.of(root, environment).state)
        return cls(root, project, environment, files, store, objects)

    @property
    def spec(self) -> EnvironmentSpec:
        return self.project.environments[self.environment]

    @property
    def is_default(self) -> bool:
        """Whether commands that name no environment mean this one."""
        return self.environment == next(iter(self.project.environments))

    @property
    def workspace(self) -> Workspace:
        return Workspace.of(self.root, self.environment)

    @property
    def journal(self) -> Journal:
        return Journal(self.store, self.environment)

    @property
    def deployments(self) -> Deployments:
        return Deployments(self.store, self.environment)

    def flows_of(self, model: str) -> FileSet:
        """The rendered flows of one model: what its flow server loads."""
        start = f"generated/{self.environment}/{model}/flows/"
        return FileSet({path: text for path, text in self.files if path.startswith(start)})

    def model(self, name: str) -> LinkedModel:
        """The model of this name; `Refusal` MLS302 where there is none."""
        models = {model.name: model for model in self.project.models}
        if name not in models:
            raise Refusal("MLS302", f"no Model named {name!r}", did_you_mean(name, models))
        return models[name]


def source_of(model: LinkedModel) -> Parquet | Csv | Sql:
    """The Dataset's source in the runtime's words; link has seen that there is exactly one."""
    match model.dataset.spec.source:
        case Source(parquet=str(path)):
            return Parquet(path)
        case Source(csv=str(path)):
            return Csv(path)
        case Source(sql=sql) if sql is not None:
            return Sql(sql.url_env, sql.query, sql.watermark)
        case _:
            raise ValueError(f"Dataset {model.dataset.spec.name} has no source")
