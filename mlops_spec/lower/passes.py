"""From a linked project to everything that is to be produced: one pass a family of artifacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mlops_spec.lower.alerts import lower_alerts
from mlops_spec.lower.flows import (
    lower_batch,
    lower_flow_server,
    lower_monitor,
    lower_rollout,
    lower_train,
)
from mlops_spec.lower.kubernetes import lower_environment, lower_kubernetes
from mlops_spec.lower.origin import Placed, place
from mlops_spec.lower.service import lower_image, lower_service
from mlops_spec.lower.spark import lower_spark
from mlops_spec.model.plan import Artifact, Plan
from mlops_spec.model.project import Project

Pass = Callable[[Placed], Iterator[Artifact]]

PASSES: Final[tuple[Pass, ...]] = (
    lower_train,
    lower_rollout,
    lower_monitor,
    lower_batch,
    lower_spark,
    lower_flow_server,
    lower_service,
    lower_image,
    lower_kubernetes,
    lower_alerts,
)


def lower(project: Project, environment: str) -> Plan:
    """Everything the project asks for in one environment; `KeyError` when there is no such."""
    of_models = (
        artifact
        for placed in [place(project, environment, model) for model in project.models]
        for lower_family in PASSES
        for artifact in lower_family(placed)
    )
    return Plan(environment, (*lower_environment(project, environment), *of_models))
