"""What validation says of an estimator and its parameters, without files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_spec.diagnostics import Diagnostics, Span
from mlops_spec.link.estimators import known_version
from mlops_spec.link.rules import estimators, parameters
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document, Places
from mlops_spec.model.spec.model import ModelSpec
from mlops_spec.model.spec.project import ProjectSpec


def told(
    path: str, task: str = "binary", params: Mapping[str, Any] = {}, there: str | None = ""
) -> list[str]:
    """Every diagnostic with its help; `there` is the installed scikit-learn, by default ours."""
    train = {"estimator": path, "params": dict(params)}
    spec = ModelSpec.model_validate(
        {"kind": "Model", "name": "m", "dataset": "d", "task": task, "features": ("x",),
         "train": train}
    )  # fmt: skip
    places = Places(Span.at("specs/m.yaml"))
    project = Document(ProjectSpec.model_construct(), places)
    version = known_version() if there == "" else there
    models = (Document(spec, places),)
    scope = Scope(project, models, models, (), frozenset(), installed=lambda _: version)
    found = Diagnostics()
    for rule in (*estimators.RULES, *parameters.RULES):
        rule(scope, found)
    return [f"{one.severity} {one.code.id}: {one.message} | {one.help}" for one in found]
