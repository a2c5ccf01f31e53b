# Generated from specs/flight-delay.yaml. Do not edit: change the spec, then run `spec render`.
"""Watches flight-delay: look, compare, perform, record; then retrain if need be, and report."""

import os

# Before Prefect is imported, which reads its settings then.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Column, Dataset, Drift, Parquet, Recipe, Retrain, Split
from mlops_spec.runtime.monitor import report, retrain, steps
from mlops_spec.runtime.monitor.performance import Performance
from mlops_spec.runtime.monitor.report import Findings
from mlops_spec.runtime.monitor.retrain import Decision
from mlops_spec.runtime.monitor.steps import Compared, Look
from mlops_spec.state import Window
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

MODEL = "flight-delay"
WORKSPACE = ".spec/production"
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
# What is too much, in which window.
DRIFT = Drift(
    window=604800.0,
    min_rows=500,
    ks=0.1,
    psi=0.2,
    confidence=0.95,
    baseline=1209600.0,
    performance_window=604800.0,
    drop=0.03,
    performance_min_rows=500,
)
RETRAIN = Retrain(
    when=("drift", "performance"),
    cooldown=259200.0,
    budget=4,
    budget_seconds=2592000,
)


@task(cache_policy=NO_CACHE)
def look(context: Context, until: str | None) -> Look:
    """Read what production answered, and place the window."""
    return steps.look(context, DATASET, DRIFT, until)


@task(cache_policy=NO_CACHE)
def missed(context: Context, seen: Look) -> tuple[Look, ...]:
    """The windows that passed since the last look, while no monitor ran."""
    return steps.missed(context, DRIFT, seen)


@task(cache_policy=NO_CACHE)
def compare(context: Context, seen: Look) -> Compared:
    """Compare every column of the window with the rows the model was trained on."""
    return steps.compare(context, RECIPE, DRIFT, seen)


@task(cache_policy=NO_CACHE)
def perform(context: Context, seen: Look) -> Performance:
    """Compare the primary metric with its baseline, on predictions whose labels have arrived."""
    return steps.perform(context, DATASET, RECIPE, DRIFT, seen)


@task(cache_policy=NO_CACHE)
def record(context: Context, seen: Look, compared: Compared, judged: Performance) -> Window:
    """Write the window with its verdicts to the state."""
    return steps.record(context, seen, compared, judged)


@task(cache_policy=NO_CACHE)
def retrain_if_needed(context: Context, window: Window) -> Decision:
    """Start the training flow after a breach, once, within cooldown and budget."""
    return retrain.retrain(context, RETRAIN, window)


@task(cache_policy=NO_CACHE)
def publish(context: Context, found: Findings) -> dict[str, str]:
    """Write the metrics for Prometheus and the page."""
    return report.publish(context, found)


@flow(name=f"{MODEL}-monitor")
def monitor(until: str | None = None) -> dict[str, str]:
    """Look at the newest window, or at the one that ended at `until` (ISO 8601)."""
    context = Context.open(model=MODEL, workspace=WORKSPACE, facets=FACETS)
    with context.present("monitor"):
        seen = look(context, until)
        if until is None:
            for earlier in missed(context, seen):
                record(context, earlier, compare(context, earlier), perform(context, earlier))
        compared = compare(context, seen)
        judged = perform(context, seen)
        window = record(context, seen, compared, judged)
        decision = retrain_if_needed(context, window)
        log = get_run_logger()
        for verdict in (seen.traffic, *compared.verdicts, judged.verdict):
            log.info(verdict.line())
        log.info(decision.line())
        written = publish(context, Findings(seen, window, compared, judged, decision))
        return {"outcome": window.outcome, "retraining": decision.kind, **written}


if __name__ == "__main__":
    monitor()
