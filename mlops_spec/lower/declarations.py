"""Specs as calls of the dataclasses that rendered flows import (mlops_spec.runtime.declare).

Durations become seconds, shares 0 to 1. An argument that equals its default is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_spec.model.plan import Call
from mlops_spec.model.project import LinkedModel
from mlops_spec.model.spec.dataset import Column, DatasetSpec, Source, SqlSource
from mlops_spec.model.spec.drift import DriftSpec
from mlops_spec.model.spec.model import BatchOutput, BatchTable, ModelSpec, Retrain
from mlops_spec.model.spec.rollout import AbortWhen, Canary, RolloutSpec, Shadow
from mlops_spec.model.units import Share


def call(name: str, /, **arguments: Any) -> Call:
    """A call with keyword arguments."""
    return Call(name, tuple(arguments.items()))


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments that say something: not None, not False, not empty."""
    return {
        name: value
        for name, value in arguments.items()
        if value is not None and value is not False and value != ()
    }


def dataset(spec: DatasetSpec, features: tuple[str, ...] = ()) -> Call:
    """`Dataset(…)`: key, time, label and features first, then the other columns by name."""
    leading = (spec.key, *filter(None, [spec.time]), spec.label.column, *features)
    names = dict.fromkeys((*leading, *sorted(spec.columns)))
    return call(
        "Dataset",
        name=spec.name,
        source=_source(spec.source),
        key=spec.key,
        time=spec.time,
        label=spec.label.column,
        columns=tuple(_column(name, spec.columns[name]) for name in names if name in spec.columns),
        split=call(
            "Split",
            by=spec.split.by,
            test=spec.split.test.value,
            validation=spec.split.validation.value,
        ),
        **given(bad_rows=spec.bad_rows.value or None),
        **given(label_arrives_after=spec.label.arrives_after.seconds or None),
    )


def _source(source: Source) -> Call:
    match source:
        case Source(parquet=str(path)):
            return call("Parquet", path=path)
        case Source(csv=str(path)):
            return call("Csv", path=path)
        case Source(sql=SqlSource() as sql):
            return call(
                "Sql", url_env=sql.url_env, query=sql.query, **given(watermark=sql.watermark)
            )
        case _:
            raise AssertionError("link lets only a Dataset with a source through")


def _column(name: str, column: Column) -> Call:
    return call(
        "Column", name=name, type=column.type,
        **given(
            nullable=column.nullable,
            min=column.min, max=column.max,
            values=column.values,
        ),
    )  # fmt: skip


def recipe(spec: ModelSpec) -> Call:
    """`Recipe(…)`: what is fitted."""
    return call(
        "Recipe",
        task=spec.task,
        features=spec.features,
        estimator=spec.train.estimator,
        params=_sorted(spec.train.params),
        seed=spec.train.seed,
        positive=spec.positive,
        **given(group=spec.group, weight=spec.train.weight),
    )


def _sorted(value: Any) -> Any:
    """Mappings in order of their keys, so that the order in a spec means nothing."""
    match value:
        case Mapping():
            return {key: _sorted(value[key]) for key in sorted(value)}
        case tuple() | list():
            return type(value)(map(_sorted, value))
        case _:
            return value


def service(model: LinkedModel) -> Call:
    """`Service(…)`: how one copy of the service runs."""
    serve = model.spec.serve
    return call(
        "Service",
        name=model.name,
        workers=serve.workers,
        max_rows=serve.max_rows,
        timeout=serve.timeout.seconds,
        **given(grpc=serve.grpc),
    )


def shadow(spec: Shadow) -> Call:
    """`Shadow(…)`."""
    return call(
        "Shadow",
        min_requests=spec.min_requests,
        min_agreement=spec.agreement.min.value,
        at_most=spec.at_most.seconds,
    )


def canary(spec: Canary) -> tuple[Call, ...]:
    """A `CanaryStep(…)` for each share."""
    return tuple(_canary_step(share, spec) for share in spec.steps)


def _canary_step(share: Share, spec: Canary) -> Call:
    return call(
        "CanaryStep",
        share=share.value,
        min_requests=spec.each.min_requests,
        at_least=spec.each.at_least.seconds,
        at_most=spec.each.at_most.seconds,
    )


def limits(spec: RolloutSpec) -> Call:
    """`Limits(…)`: what rolls back."""
    abort: AbortWhen = spec.abort_when
    return call(
        "Limits",
        errors=abort.errors.above.value,
        p99=abort.p99.above.seconds,
        score_shift=float(abort.score_shift.above) if abort.score_shift else None,
        confidence=spec.confidence.value,
    )


def drift(spec: DriftSpec) -> Call:
    """`Drift(…)`: what is watched."""
    performance = spec.performance
    return call(
        "Drift",
        window=spec.window.seconds,
        min_rows=spec.min_rows,
        ks=float(spec.numeric.ks),
        psi=float(spec.category.psi),
        confidence=spec.confidence.value,
        baseline=performance.baseline.seconds,
        performance_window=performance.window.seconds,
        drop=performance.drop.value,
        performance_min_rows=performance.min_rows,
    )


def batch_output(spec: BatchOutput) -> Call:
    """`Folder(…)` or `Table(…)`: where batch predictions go."""
    match spec:
        case BatchOutput(parquet=str(path)):
            return call("Folder", path=path)
        case BatchOutput(table=BatchTable() as table):
            return call("Table", url_env=table.url_env, name=table.name)
        case _:
            raise AssertionError("link lets only an output with a place through")


def retrain(spec: Retrain) -> Call:
    """`Retrain(…)`: what starts a training, and how often at most."""
    return call(
        "Retrain",
        when=tuple(sorted(set(spec.when))),
        cooldown=spec.cooldown.seconds,
        budget=spec.budget.count,
        budget_seconds=spec.budget.seconds,
    )
