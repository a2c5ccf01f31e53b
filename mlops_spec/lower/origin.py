"""What the passes are given: one model in one environment, and where its files come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mlops_spec.lower import conventions
from mlops_spec.model.facets import facets
from mlops_spec.model.plan import Origin
from mlops_spec.model.project import LinkedModel, Project
from mlops_spec.model.spec.base import Change
from mlops_spec.model.spec.project import EnvironmentSpec, SparkCluster

# What no step of a flow depends on.
_NO_STEP: Final = frozenset({Change.DOCS, Change.BATCH, Change.SCALE})


@dataclass(frozen=True, slots=True)
class Placed:
    """A model in an environment."""

    model: LinkedModel
    environment: EnvironmentSpec
    origin: Origin

    @property
    def spark(self) -> SparkCluster | None:
        """The cluster of the batch predictions; None where they run beside the other flows."""
        batch = self.model.spec.batch
        return self.environment.spark if batch and batch.on == "spark" else None


def place(project: Project, environment: str, model: LinkedModel) -> Placed:
    """A model in the environment of that name; `KeyError` when there is none."""
    spec = project.environments[environment]
    origin = Origin(
        spec=model.document.path.as_posix(),
        project=project.name,
        environment=environment,
        model=model.name,
        facets={
            change.value: value
            for change, value in sorted(facets(model, spec).items())
            if change not in _NO_STEP
        },
        workspace=conventions.workspace(environment),
        registry=spec.registry,
        state_env=spec.state_env,
    )
    return Placed(model, spec, origin)


def own_series(placed: Placed) -> str:
    """What picks this model's series: names are DNS labels, so that nothing in them needs quoting.

    The operator's series name their namespace: there one Prometheus watches several environments.
    """
    watched = placed.environment.monitoring
    own = f'model="{placed.origin.model}"'
    if watched is None or watched.operator != "prometheus-operator":
        return own
    return f'{own}, namespace="{placed.environment.serve.namespace}"'
