"""Batch predictions: one place for them, and rows that Spark can read."""

from __future__ import annotations

import posixpath
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import (
    ANSWER_HIDES_COLUMN,
    NO_SHARED_ROOT,
    OUTPUT_CHOICE,
    SHARED_OUTPUT,
    SPARK_READS_FILES,
)
from mlops_spec.link.scope import Scope
from mlops_spec.model.spec.model import ModelSpec

_ANSWERS: Final = ("score", "decision", "probabilities", "problem")


def batch_outputs_are_exactly_one(scope: Scope, found: Diagnostics) -> None:
    """MLS350."""
    for document in scope.of(ModelSpec):
        if document.spec.batch is None:
            continue
        output = document.spec.batch.output
        if (output.parquet is None) == (output.table is None):
            has = "neither" if output.parquet is None else "both"
            message = f"an output is one of parquet and table; this one has {has}"
            found.add(OUTPUT_CHOICE, message, at=document.places.key("batch", "output"))


def outputs_are_of_one_model(scope: Scope, found: Diagnostics) -> None:
    """MLS355: `latest.json` names one folder, and a table has one row a key."""
    first: dict[tuple[str, ...], str] = {}
    for document in scope.of(ModelSpec):
        place = _place(document.spec)
        other = first.setdefault(place, document.spec.name)
        if not place or other == document.spec.name:
            continue
        kind, name = place[0], place[-1]
        found.add(
            SHARED_OUTPUT,
            f"the predictions of {other!r} go to {name!r} already",
            at=document.places.value("batch", "output", kind),
            help="name another one: readers would take the predictions of one for the other's",
        )


def _place(model: ModelSpec) -> tuple[str, ...]:
    """Where the predictions of a batch go, by the output's key; nothing without one."""
    output = None if model.batch is None else model.batch.output
    if output is None:
        return ()
    if output.table is not None:
        return ("table", output.table.url_env, output.table.name)
    return () if output.parquet is None else ("parquet", posixpath.normpath(output.parquet))


def spark_reads_files(scope: Scope, found: Diagnostics) -> None:
    """MLS352: a query would be asked by one machine, and answered to one."""
    for one in scope.resolved:
        batch, rows = one.model.spec.batch, one.batch_input
        if batch is None or rows is None or batch.on != "spark" or rows.spec.source.sql is None:
            continue
        found.add(
            SPARK_READS_FILES,
            f"the Dataset {rows.spec.name!r} is a query; Spark reads Parquet and CSV",
            at=one.model.places.value("batch", "input"),
            help="write `on: here`, which reads a query in chunks; or export it to Parquet",
        )


def answers_do_not_hide_the_key(scope: Scope, found: Diagnostics) -> None:
    """MLS353: predictions stand beside key and time, under names of their own."""
    for one in scope.resolved:
        batch, rows = one.model.spec.batch, one.batch_input
        if batch is None or rows is None:
            continue
        taken = (*_ANSWERS, "release") if batch.output.table else _ANSWERS
        for part in ("key", "time"):
            name = getattr(rows.spec, part)
            if name in taken:
                found.add(
                    ANSWER_HIDES_COLUMN,
                    f"the {part} of {rows.spec.name!r} is named {name!r}, as a column of the "
                    "predictions is",
                    at=one.model.places.value("batch", "input"),
                    help="rename the column, or read it under another name",
                )


def executors_share_a_place(scope: Scope, found: Diagnostics) -> None:
    """MLS354: what one pod writes on its own disk, no other pod reads."""
    for name, environment in scope.project.spec.environments.items():
        spark = environment.spark
        if spark is not None and environment.serve.on == "kubernetes" and not spark.root:
            found.add(
                NO_SHARED_ROOT,
                f"executors of {name!r} have no place in common where rows could lie",
                at=scope.project.places.key("environments", name, "spark"),
                help="add root: the URI of a bucket or a file system, such as s3a://lake/trips",
            )


RULES: Final = (
    batch_outputs_are_exactly_one,
    outputs_are_of_one_model,
    spark_reads_files,
    answers_do_not_hide_the_key,
    executors_share_a_place,
)
