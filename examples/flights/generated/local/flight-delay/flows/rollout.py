# Generated from specs/flight-delay.yaml. Do not edit: change the spec, then run `spec render`.
"""Rolls flight-delay out: package, deploy, shadow, canary; then promote or roll back."""

import os
from typing import Any

# Before Prefect is imported, which reads its settings then.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from mlops_spec.runtime import rollout as steps
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import (
    CanaryStep,
    Column,
    Dataset,
    Limits,
    Parquet,
    Recipe,
    Service,
    Shadow,
    Split,
)
from mlops_spec.runtime.rollout import Judged, LocalWorld, Place, Policy, Rollout
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

MODEL = "flight-delay"
WORKSPACE = ".spec/local"
REGISTRY = "sqlite"
FACETS = {
    "data": "0bf0ef730652a429",
    "gate": "4de17914db56d6bb",
    "monitor": "8c1bd2f7437eb5eb",
    "rollout": "2acff4deeee8d39d",
    "serve": "95f762e4fe06b833",
    "train": "7db9d0ca52366965",
}
DATASET = Dataset(
    name="flights",
    source=Parquet(path="data/flights/*.parquet"),
    key="flight_id",
    time="departs_at",
    label="late",
    columns=(
        Column(name="flight_id", type="category"),
        Column(name="departs_at", type="timestamp"),
        Column(name="late", type="boolean"),
        Column(name="carrier", type="category"),
        Column(name="origin", type="category", values=("EWR", "JFK", "LGA")),
        Column(name="dest", type="category"),
        Column(name="distance", type="float", min=0, max=6000),
        Column(name="departs_hour", type="integer", min=0, max=23),
        Column(name="weekday", type="integer", min=0, max=6),
        Column(name="temp", type="float", nullable=True),
        Column(name="dewp", type="float", nullable=True),
        Column(name="humid", type="float", nullable=True, min=0, max=100),
        Column(name="wind_speed", type="float", nullable=True, min=0),
        Column(name="precip", type="float", nullable=True, min=0),
        Column(name="pressure", type="float", nullable=True),
        Column(name="visib", type="float", nullable=True, min=0),
    ),
    split=Split(by="time", test=0.2, validation=0.1),
    label_arrives_after=86400.0,
)
RECIPE = Recipe(
    task="binary",
    features=(
        "carrier",
        "origin",
        "dest",
        "distance",
        "departs_hour",
        "weekday",
        "temp",
        "dewp",
        "humid",
        "wind_speed",
        "precip",
        "pressure",
        "visib",
    ),
    estimator="sklearn.ensemble.HistGradientBoostingClassifier",
    params={"learning_rate": 0.1, "max_iter": 150},
    seed=0,
    positive=None,
)
SERVICE = Service(name="flight-delay", workers=1, max_rows=1000, timeout=2)
SHADOW = Shadow(min_requests=1000, min_agreement=0.6, at_most=300.0)
CANARY = (
    CanaryStep(share=0.05, min_requests=400, at_least=0, at_most=300.0),
    CanaryStep(share=0.25, min_requests=400, at_least=0, at_most=300.0),
    CanaryStep(share=1.0, min_requests=400, at_least=0, at_most=300.0),
)
# Evidence of more than any one of these rolls back at once.
LIMITS = Limits(errors=0.01, p99=0.25, score_shift=0.5, confidence=0.95)
# Whose key signs the verdicts that a release carries; None: the workspace's own.
SIGNING = None
# No users here: while a step waits, held-out rows are sent as requests.
REPLAY = True


@task(cache_policy=NO_CACHE)
def package(release: Rollout) -> str:
    """Package the trained model in its service."""
    return steps.package(release)


@task(cache_policy=NO_CACHE)
def deploy(release: Rollout, bento: str) -> Judged:
    """Start the release beside production and see that it answers as it was evaluated."""
    return steps.deploy(release, bento)


@task(cache_policy=NO_CACHE)
def shadow(release: Rollout, plan: Shadow) -> Judged:
    """Send the release copies of production's requests; its answers go nowhere."""
    return steps.shadow(release, plan)


@task(cache_policy=NO_CACHE, task_run_name="canary {step.share:.0%}")
def canary(release: Rollout, step: CanaryStep) -> Judged:
    """Let the release answer a share of the requests, and judge it beside production."""
    return steps.canary(release, step)


@task(cache_policy=NO_CACHE)
def promote(release: Rollout) -> dict[str, Any]:
    """Make the release production; the one it replaces stays ready to return."""
    return steps.promote(release).to_json()


@task(cache_policy=NO_CACHE)
def rollback(release: Rollout, judged: Judged) -> dict[str, Any]:
    """Take the release out of the router and quarantine it with the verdict that decided."""
    return steps.rollback(release, judged).to_json()


@flow(name=f"{MODEL}-rollout")
def rollout(run: str | None = None, retry: bool = False) -> dict[str, Any]:
    """Roll out a registered run, the newest when none is named; a step that fails ends it."""
    context = Context.open(model=MODEL, workspace=WORKSPACE, facets=FACETS)
    with context.lease("rollout"):
        world = LocalWorld(context, DATASET, RECIPE, SERVICE, Place(REGISTRY, REPLAY, SIGNING))
        release = steps.begin(context, world, Policy(SHADOW, CANARY, LIMITS), run=run, retry=retry)
        judged = deploy(release, package(release))
        if judged.passed:
            judged = shadow(release, SHADOW)
        for step in CANARY:
            if judged.passed:
                judged = canary(release, step)
        return promote(release) if judged.passed else rollback(release, judged)


if __name__ == "__main__":
    rollout()
