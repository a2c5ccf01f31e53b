"""The trees that contracts are held against: every example, the whole language, each way to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from language import REPOSITORY, write_project

from mlops_spec.model.files import FileSet
from mlops_spec.pipeline import compile_project, render_project

Object = Mapping[str, Any]

# Environments beside those of the samples: every way in which objects differ.
VARIANTS = b"""# mlops.yaml
project: trips
environments:
  plain:
    serve: {on: kubernetes, router: gateway-api}
    signing: {public_key: hR7cJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc=}
  scaled-by-requests:
    serve: {on: kubernetes, router: gateway-api, namespace: ml, gateway: public}
    signing: {public_key: hR7cJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc=}
    monitoring: {prometheus: "http://prometheus.monitoring.svc:9090"}
  watched-on-cpu:
    serve: {on: kubernetes, router: gateway-api, namespace: watched, volume: workspace}
    signing: {public_key: hR7cJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc=}
    monitoring: {operator: prometheus-operator, labels: {acme.example/team: ml}}
"""


def projects(root: Path) -> Iterator[tuple[str, Path]]:
    """Every example, the sample of the whole language, and the sample in all environments."""
    for example in sorted((REPOSITORY / "examples").iterdir()):
        yield example.name, example
    yield "sample", write_project(root / "sample")
    yield "variants", write_project(root / "variants", VARIANTS)


def rendered(folder: Path) -> Iterator[tuple[str, FileSet]]:
    """The files of each environment of a project."""
    project, _ = compile_project(folder)
    for environment in project.environments:
        yield environment, render_project(project, environment)


def objects(files: FileSet) -> Iterator[tuple[str, Object]]:
    """Every Kubernetes object of a tree, with its path."""
    for path, text in files:
        if path.endswith(".yaml") and "/prometheus/" not in path:
            for found in yaml.safe_load_all(text):
                yield path, found


def of_kind(trees: Mapping[str, FileSet], kind: str) -> list[Object]:
    """All objects of one kind."""
    return [
        found for files in trees.values() for _, found in objects(files) if found["kind"] == kind
    ]
