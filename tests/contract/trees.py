"""The trees that contracts are held against: every example, the whole language, each way to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from fuzzed import SEEDS, fuzzed_project
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
  on-spark:
    serve: {on: kubernetes, router: gateway-api, namespace: lake, volume: workspace}
    signing: {public_key: hR7cJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc=}
    state_env: MLOPS_STATE_URL
    flows: {image: flows, secret: lake}
    spark: {image: "registry.acme.example/ml/spark:4.1.1", root: "s3a://lake/trips", secret: lake}
"""

ARGO = b"""# mlops.yaml
project: trips
environments:
  inside:
    serve: {on: kubernetes, router: argo-rollouts, namespace: ml}
    signing: {public_key: hR7cJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc=}
    monitoring: {prometheus: "http://prometheus:9090", operator: prometheus-operator}
  behind-a-gateway:
    serve: {on: kubernetes, router: argo-rollouts, namespace: other, gateway: infra/public}
    signing: {public_key: hR7cJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc=}
    monitoring: {prometheus: "http://prometheus:9090", operator: prometheus-operator}
    flows: {image: flows}
"""
# What Argo can honour: no copies of requests, no scores, shares that two replicas can split.
ROLLOUTS = """kind: Rollout
name: careful
canary: {steps: [50%, 100%], each: {min_requests: 2000, at_least: 10m, at_most: 2h}}
abort_when: {score_shift: null}
---
kind: Rollout
name: standard
canary: {steps: [50%, 100%]}
abort_when: {score_shift: null}
"""


def projects(root: Path) -> Iterator[tuple[str, Path]]:
    """Every example, the sample of the whole language, and the sample in all environments."""
    for example in sorted((REPOSITORY / "examples").iterdir()):
        yield example.name, example
    yield "sample", write_project(root / "sample")
    yield "variants", write_project(root / "variants", VARIANTS)
    argo = write_project(root / "argo", ARGO)
    (argo / "specs" / "rollout.yaml").write_text(ROLLOUTS, encoding="utf-8")
    yield "argo", argo
    yield from ((f"fuzzed-{seed}", fuzzed_project(seed, root / str(seed))) for seed in SEEDS)


def rendered(folder: Path) -> Iterator[tuple[str, FileSet]]:
    """The files of each environment of a project."""
    project, _ = compile_project(folder)
    for environment in project.environments:
        yield environment, render_project(project, environment)


def objects(files: FileSet) -> Iterator[tuple[str, Object]]:
    """Every Kubernetes object of a tree, with its path."""
    for path, text in files:
        if path.endswith(".yaml") and "/prometheus/" not in path:
            yield from ((path, found) for found in _parsed(text))


@cache
def _parsed(text: str) -> tuple[Object, ...]:
    """Once for all tests, which therefore copy what they change."""
    return tuple(yaml.load_all(text, yaml.CSafeLoader))


def without_most_chance(trees: Mapping[str, FileSet]) -> Mapping[str, FileSet]:
    """All that is written by hand and two projects by chance, for readers that take their time."""
    skipped = {f"fuzzed-{seed}" for seed in SEEDS[2:]}
    return {name: files for name, files in trees.items() if name.split("/")[0] not in skipped}


def of_kind(trees: Mapping[str, FileSet], kind: str) -> list[Object]:
    """All objects of one kind."""
    return [
        found for files in trees.values() for _, found in objects(files) if found["kind"] == kind
    ]
