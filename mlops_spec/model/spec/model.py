"""kind: Model. What is trained, how it is judged, served, rolled out, watched and retrained."""

from __future__ import annotations

from typing import Any, Literal

from mlops_spec.model.names import ColumnName, Cron, DottedPath, Name, Ref
from mlops_spec.model.spec.base import Change, SpecModel, field
from mlops_spec.model.units import Bytes, Duration, Rate, Share

Task = Literal["binary", "multiclass", "regression", "ranking"]
Trigger = Literal["drift", "performance"]
Scalar = str | int | float | bool | None


class Train(SpecModel):
    """The estimator, by its dotted path, and its parameters."""

    estimator: DottedPath = field(
        Change.TRAIN,
        "dotted path of a scikit-learn estimator class, or of a function that returns an estimator",
    )
    params: dict[str, Any] = field(Change.TRAIN, "keyword arguments of the estimator", {})
    weight: ColumnName | None = field(
        Change.TRAIN, "column of how much each training row counts", None
    )
    seed: int = field(Change.TRAIN, "seed of everything random", 0, ge=0, lt=2**32)


class Objective(SpecModel):
    """What the service promises."""

    p99: Duration = field(Change.MONITOR, "99 of 100 answers are faster", Duration(0.05))
    errors: Share = field(Change.MONITOR, "share of answers that may fail", Share(0.01))


class Replicas(SpecModel):
    """How many copies run where a scaler owns the number."""

    min: int = field(Change.SCALE, "at least", 2, ge=1, le=1000)
    max: int = field(Change.SCALE, "at most", 10, ge=1, le=1000)
    at_rps: int = field(Change.SCALE, "requests per second one copy carries", 100, ge=1)


class Resources(SpecModel):
    """What one copy asks of its node."""

    cpu: float | int | None = field(
        Change.SCALE, "CPUs, without an upper limit; by default one a worker", None, gt=0, le=512
    )
    memory: Bytes | None = field(
        Change.SCALE, "memory, and no more than that; by default 1024 MiB a worker", None
    )


class Serve(SpecModel):
    """The online service."""

    slo: Objective = field(Change.MONITOR, "what the service promises", Objective())
    workers: int = field(Change.SERVE, "processes a copy", 1, ge=1, le=64)
    replicas: Replicas = field(Change.SCALE, "copies on a cluster", Replicas())
    resources: Resources = field(Change.SCALE, "what one copy asks of a cluster", Resources())
    max_rows: int = field(Change.SERVE, "rows one request may hold", 1000, ge=1, le=1_000_000)
    timeout: Duration = field(
        Change.SERVE, "an answer that takes longer is a failed one", Duration(2)
    )
    grpc: bool = field(
        Change.SERVE,
        "answer the Open Inference Protocol over gRPC too; behind a router, a call's metadata "
        "`x-mlops-model` names the model",
        False,
    )


class BatchTable(SpecModel):
    """A table with one row a key: what is there is replaced, what is not is added."""

    url_env: str = field(
        Change.BATCH,
        "name of the environment variable with the database URL: no secret is written here",
        pattern=r"^[A-Z_][A-Z0-9_]*$",
    )
    name: str = field(
        Change.BATCH,
        "the table, made if it is not there; a schema may stand before it",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$",
    )


class BatchOutput(SpecModel):
    """Exactly one of parquet and table."""

    parquet: str | None = field(
        Change.BATCH, "a folder, relative to mlops.yaml", None, min_length=1
    )
    table: BatchTable | None = field(Change.BATCH, "a table of a database", None)


class Batch(SpecModel):
    """Predictions for many rows on a schedule."""

    schedule: Cron | None = field(Change.BATCH, "cron, UTC; without it only by hand", None)
    on: Literal["here", "spark"] = field(
        Change.BATCH, "spark: on the environment's Spark, where it has one", "here"
    )
    input: Ref = field(Change.BATCH, "the Dataset to predict")
    output: BatchOutput = field(Change.BATCH, "where the predictions go")


class Retrain(SpecModel):
    """When a new model is trained without anyone asking."""

    schedule: Cron | None = field(Change.MONITOR, "cron, UTC", None)
    when: tuple[Trigger, ...] = field(Change.MONITOR, "verdicts of the monitor that start it", ())
    cooldown: Duration = field(Change.MONITOR, "no second start within", Duration(3 * 86400))
    budget: Rate = field(Change.MONITOR, "no more starts than", Rate(4, "month"))


class ModelSpec(SpecModel):
    """One model, through its whole life."""

    kind: Literal["Model"] = field(Change.DOCS, "Model")
    name: Name = field(Change.TRAIN, "the name of the model, its service and its flows")
    description: str = field(Change.DOCS, "what it is for", "")
    owner: str = field(Change.DOCS, "who is asked", "")
    dataset: Ref = field(Change.TRAIN, "the Dataset it learns from")
    task: Task = field(Change.TRAIN, "binary, multiclass, regression or ranking")
    positive: str | int | bool | None = field(
        Change.TRAIN,
        "the label value that counts as positive (binary); by default true, 1 or the last in order",
        None,
    )
    group: ColumnName | None = field(
        Change.TRAIN, "column of the list that a row belongs to, such as a query (ranking)", None
    )
    features: tuple[ColumnName, ...] = field(Change.TRAIN, "the columns it may see", min_length=1)
    train: Train = field(Change.TRAIN, "how it learns")
    gates: tuple[Ref, ...] = field(
        Change.GATE, "Gates by name; later ones win", ("standard",), min_length=1
    )
    serve: Serve = field(Change.SERVE, "the online service", Serve())
    batch: Batch | None = field(Change.BATCH, "predictions on a schedule", None)
    rollout: Ref = field(Change.ROLLOUT, "a Rollout by name", "standard")
    monitor: Ref = field(Change.MONITOR, "a Drift by name", "standard")
    retrain: Retrain = field(Change.MONITOR, "when it is trained again", Retrain())
