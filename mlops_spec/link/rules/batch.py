"""Batch predictions: one place for them, and rows that Spark can read."""

from __future__ import annotations

from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import OUTPUT_CHOICE, SPARK_READS_FILES
from mlops_spec.link.scope import Scope
from mlops_spec.model.spec.model import ModelSpec


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


RULES: Final = (batch_outputs_are_exactly_one, spark_reads_files)
