# Generated from specs/flight-delay.yaml. Do not edit: change the spec, then run `spec render`.
"""Predicts every row of a Dataset with the production release of flight-delay."""

import os
from typing import Any

# Before Prefect is imported, which reads its settings then.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from mlops_spec.runtime.batch import job as steps
from mlops_spec.runtime.batch.job import Job
from mlops_spec.runtime.batch.parts import Part
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Column, Dataset, Folder, Parquet, Split, Trust
from mlops_spec.runtime.train.retries import may_pass
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

MODEL = "flight-delay"
WORKSPACE = ".spec/local"
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
OUTPUT = Folder(path="data/predictions")
# Whose signature on the verdicts of a release is believed.
TRUST = Trust(environment="local", signer="workspace")


@task(retries=2, retry_delay_seconds=10, retry_condition_fn=may_pass, cache_policy=NO_CACHE)
def begin(context: Context) -> Job:
    """Which rows, by which release."""
    return steps.begin(context, DATASET, OUTPUT)


@task(retries=2, retry_delay_seconds=10, retry_condition_fn=may_pass, cache_policy=NO_CACHE)
def predict(context: Context, job: Job) -> tuple[Part, ...]:
    """Write the parts that are not there yet."""
    return steps.predict(context, DATASET, job, TRUST)


@task(cache_policy=NO_CACHE)
def finish(context: Context, job: Job, parts: tuple[Part, ...]) -> dict[str, Any]:
    """Publish all parts at once."""
    return steps.finish(context, DATASET, OUTPUT, job, parts)


@flow(name=f"{MODEL}-batch")
def batch() -> dict[str, Any]:
    """Predict what is new; what was predicted before is not done again."""
    context = Context.open(model=MODEL, workspace=WORKSPACE, facets={})
    with context.present("batch"):
        job = begin(context)
        return finish(context, job, predict(context, job))


if __name__ == "__main__":
    batch()
