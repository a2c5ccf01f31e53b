"""mlops.yaml: the project and its environments."""

from __future__ import annotations

from typing import Literal

from mlops_spec.model.names import Name
from mlops_spec.model.spec.base import Change, SpecModel, field


class ServeOn(SpecModel):
    """Where services run, and what routes to them."""

    on: Literal["processes", "kubernetes"] = field(
        Change.SERVE, "processes on this machine, or a cluster"
    )
    router: Literal["envoy", "gateway-api"] = field(Change.SERVE, "what splits and mirrors traffic")
    namespace: Name = field(Change.SERVE, "Kubernetes namespace", "default")
    images: str = field(
        Change.SERVE, "registry path that images are pushed under", "", pattern=r"^[a-z0-9./:_-]*$"
    )


class EnvironmentSpec(SpecModel):
    """One place where models live."""

    serve: ServeOn = field(Change.SERVE, "where services run")
    registry: str = field(
        Change.DOCS,
        "sqlite: MLflow on a file here; otherwise the URL of an MLflow server",
        "sqlite",
        pattern=r"^(sqlite|https?://\S+)$",
    )
    orchestrator: str = field(
        Change.DOCS,
        "prefect: a server here, started when needed; otherwise the URL of a Prefect API",
        "prefect",
        pattern=r"^(prefect|https?://\S+)$",
    )
    state_env: str | None = field(
        Change.DOCS,
        "environment variable with the SQLAlchemy URL of the state; by default a file here",
        None,
        pattern=r"^[A-Z_][A-Z0-9_]*$",
    )
    traffic: Literal["users", "replay"] = field(
        Change.ROLLOUT, "replay: held-out rows are sent as requests while a rollout waits", "users"
    )


class ProjectSpec(SpecModel):
    """The root of a repository of specs."""

    project: Name = field(Change.DOCS, "the name of the project; owns what apply creates")
    language: Literal[1] = field(Change.DOCS, "version of the language", 1)
    environments: dict[Name, EnvironmentSpec] = field(
        Change.DOCS, "by name, such as local: {serve: {on: processes, router: envoy}}", min_length=1
    )
