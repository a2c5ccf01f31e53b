# Generated from specs/flight-delay.yaml. Do not edit: change the spec, then run `spec render`.
"""Trains flight-delay: snapshot → check → split → fit → evaluate → gate → register."""

import os
from typing import Any

# Before Prefect is imported, which reads its settings then.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import (
    Against,
    AtLeast,
    AtMost,
    Calibrated,
    Column,
    Dataset,
    Fair,
    Gates,
    Latency,
    Parquet,
    Recipe,
    Segments,
    Split,
)
from mlops_spec.runtime.train import steps
from mlops_spec.terms.keys import release_id
from mlops_spec.terms.verdict import Verdict
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.deployments import run_deployment

MODEL = "flight-delay"
ENVIRONMENT = "production"
WORKSPACE = ".spec/production"
REGISTRY = "https://mlflow.acme.example"
# A digest per class of change: what a step depends on, and so when it is done again.
FACETS = {
    "data": "0bf0ef730652a429",
    "gate": "4de17914db56d6bb",
    "monitor": "8c1bd2f7437eb5eb",
    "rollout": "2acff4deeee8d39d",
    "serve": "7d9759a38dfbd19c",
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
GATES = Gates(
    gates=(
        AtMost(metric="brier_score", limit=0.2),
        AtLeast(metric="roc_auc", limit=0.7),
        AtLeast(metric="skill", limit=0.0),
        Against(metric="roc_auc", hypothesis="non_inferiority", margin=0.01, unit="pp"),
        Segments(
            name="airports",
            by=("origin",),
            rule=Against(metric="roc_auc", hypothesis="non_inferiority", margin=0.03, unit="pp"),
            require="not_refuted",
            min_rows=200,
        ),
        Fair(
            name="airports",
            by=("origin",),
            measure="demographic_parity_difference",
            min_rows=30,
            no_worse_by=0.1,
        ),
        Calibrated(measure="ece", most=0.15),
        Latency(quantile=0.99, most=0.02),
    ),
    confidence=0.95,
)


@task(retries=2, retry_delay_seconds=10, retry_condition_fn=steps.may_pass, cache_policy=NO_CACHE)
def snapshot(context: Context) -> str:
    """Keep the rows of the source as they are now; the digest of their content."""
    return steps.snapshot(context, DATASET, RECIPE)["data"]


@task(cache_policy=NO_CACHE)
def check(context: Context, data: str) -> dict[str, Any]:
    """Every row against the columns; stops here when too many do not fit."""
    return steps.check(context, DATASET, RECIPE, data)


@task(cache_policy=NO_CACHE)
def split(context: Context, data: str) -> dict[str, Any]:
    """Which rows teach, which choose, which judge."""
    return steps.split(context, DATASET, RECIPE, data)


@task(cache_policy=NO_CACHE)
def fit(context: Context, data: str) -> str:
    """Fit the pipeline on the training rows; the id of the run."""
    return steps.fit(context, DATASET, RECIPE, data)["run"]


@task(cache_policy=NO_CACHE)
def evaluate(context: Context, data: str) -> dict[str, Any]:
    """Every metric on the held-out rows, each with its interval."""
    return steps.evaluate(context, DATASET, RECIPE, data)


@task(cache_policy=NO_CACHE)
def gate(context: Context, run: str) -> str:
    """Decide each gate on its interval; the outcome of all together."""
    decided = steps.gate(context, GATES, RECIPE, run)
    for verdict in decided["verdicts"]:
        get_run_logger().info(Verdict.from_json(verdict).line())
    return decided["outcome"]


@task(retries=2, retry_delay_seconds=10, retry_condition_fn=steps.may_pass, cache_policy=NO_CACHE)
def register(context: Context, run: str) -> str:
    """Track the candidate with its evidence; its version, or "" when the gate did not pass."""
    return steps.register(context, DATASET, RECIPE, run, REGISTRY)["version"]


@task(retries=2, retry_delay_seconds=5, cache_policy=NO_CACHE)
def start_rollout(run: str) -> None:
    """Start the rollout's own flow and do not wait; the same release starts it once."""
    run_deployment(
        f"{MODEL}-rollout/{ENVIRONMENT}",
        parameters={"run": run},
        timeout=0,
        as_subflow=False,
        idempotency_key=release_id(run, FACETS),
    )


@flow(name=f"{MODEL}-train")
def train(then_rollout: bool = False) -> dict[str, str]:
    """Train a candidate, judge it, register it; then, if asked and passed, roll it out."""
    context = Context.open(model=MODEL, workspace=WORKSPACE, facets=FACETS)
    with context.lease("train"):
        data = snapshot(context)
        check(context, data)
        split(context, data)
        run = fit(context, data)
        evaluate(context, data)
        outcome = gate(context, run)
        version = register(context, run)
    # After the lease is free, because the rollout takes it.
    if then_rollout and outcome == "pass":
        start_rollout(run)
    return {"run": run, "outcome": outcome, "version": version}


if __name__ == "__main__":
    train()
