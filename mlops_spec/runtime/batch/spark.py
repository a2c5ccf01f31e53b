"""Batch predictions in the processes of a Spark cluster: what a rendered spark/batch.py stands on.

The answer to a row is `answers.predictions`, as on one machine, and folders look the same. They are
written through Hadoop, because a cluster's folder may be one of HDFS or of an object store.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from mlops_spec.runtime.batch.answers import PROBLEM, predictions, schema, wanted
from mlops_spec.runtime.batch.filesystem import Files
from mlops_spec.runtime.batch.job import Job, job_of, require_good
from mlops_spec.runtime.batch.place import LATEST, MANIFEST
from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.declare import Dataset, Folder, Table, Trust
from mlops_spec.runtime.portable import Scorer, load
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import digest

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

_KINDS: Final = {
    pa.string(): "string", pa.float64(): "double", pa.int64(): "bigint", pa.bool_(): "boolean",
    pa.timestamp("us", tz="UTC"): "timestamp", pa.list_(pa.float64()): "array<double>",
}  # fmt: skip
_ARROW: Final = {name: kind for kind, name in _KINDS.items()}
_NANOSECONDS: Final = "spark.sql.legacy.parquet.nanosAsLong"
_ROWS_AT_ONCE: Final = 50_000  # from the cluster into a table


@dataclass(frozen=True, slots=True)
class Staged:
    """What a run has written, before anybody can read it."""

    key: str
    rows: int
    bad_rows: int


@dataclass(frozen=True, slots=True)
class Scoring:
    """A Dataset and the release that Spark has copied to every executor: for `mapInPandas`."""

    dataset: Dataset
    folder: str  # of the portable model, among the files that Spark ships
    digest: str

    def __call__(self, frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The predictions of each frame, in the columns of `schema`."""
        from mlops_spec.runtime.data.read import widened

        scorer = self._scorer()
        for frame in frames:
            rows = widened(pa.Table.from_pandas(frame, preserve_index=False))
            # A whole number with gaps would be rounded as a float.
            answers = predictions(rows, self.dataset, scorer)
            yield answers.to_pandas(integer_object_nulls=True)

    @property
    def schema(self) -> str:
        """Key, time, score, decision, `problem`, in the words of Spark SQL."""
        fields = schema(self.dataset, self._scorer())
        return ", ".join(f"{_quoted(field.name)} {_KINDS[field.type]}" for field in fields)

    def inputs(self, rows: DataFrame) -> DataFrame:
        """The columns that a prediction needs, as they are but for a whole number that is the key.

        That is text until it is read again: pandas would round it beside a missing one.
        """
        from pyspark.sql.functions import col, expr, timestamp_micros

        kinds = dict(rows.dtypes)
        columns = []
        for name in wanted(self.dataset, self._scorer()):
            found, declared = col(_quoted(name)), self.dataset.column(name).type
            if name == self.dataset.key and declared == "integer":
                found = found.cast("string")
            if declared == "timestamp" and kinds[name] == "bigint" and _as_numbers(rows):
                found = timestamp_micros(expr(f"{_quoted(name)} div 1000"))
            columns.append(found.alias(name))
        return rows.select(*columns)

    def _scorer(self) -> Scorer:
        from pyspark import SparkFiles

        return _loaded(SparkFiles.get(self.folder), self.digest)


@cache
def _loaded(place: str, expected: str) -> Scorer:
    """Once in each Python process of an executor."""
    return load(Path(place), expected)


def parquet(spark: SparkSession, path: str) -> DataFrame:
    """The rows of Parquet files, those with nanoseconds too, as pandas writes them."""
    from pyspark.errors import AnalysisException

    try:
        return spark.read.parquet(path)
    except AnalysisException as error:
        if "NANOS" not in str(error):
            raise
        # Spark has no nanoseconds; as numbers it reads them, and `inputs` makes times of them.
        spark.conf.set(_NANOSECONDS, "true")
        return spark.read.parquet(path)


def _quoted(name: str) -> str:
    """A column's name, whatever it holds, in Spark SQL."""
    return f"`{name.replace('`', '``')}`"


def _as_numbers(rows: DataFrame) -> bool:
    return rows.sparkSession.conf.get(_NANOSECONDS, "false") == "true"


def below(root: str, context: Context, path: str) -> str:
    """The URI of a path: below the root, or in the project's folder on this machine."""
    return f"{root.rstrip('/') or context.root.resolve().as_uri()}/{path}"


def listing(rows: DataFrame) -> frozenset[str]:
    """The files that have these rows, each by name, size and time."""
    told = ("file_path", "file_size", "file_modification_time")
    files = rows.select(*(f"_metadata.{name}" for name in told)).distinct().collect()
    return frozenset(" ".join(map(str, file)) for file in files)


def begin(
    context: Context, root: str, dataset: Dataset, output: Folder | Table, listed: frozenset[str]
) -> Job:
    """What is to be predicted, by which release. `Refusal` MLS709 when nothing is in production.

    `root`: the URI below which all paths lie; empty for the project root on this machine.
    """
    run = uuid.uuid4().hex
    folder = output.path if isinstance(output, Folder) else f".batch/{context.model}/{output.name}"

    def work(_: Any) -> Output:
        place = below(root, context, folder)
        return asdict(job_of(context, place, run, dataset, lambda: digest("spark", sorted(listed))))

    return Job(**context.step("batch-begin", run, "", work))


def is_done(spark: SparkSession, output: Folder | Table, job: Job) -> bool:
    """Whether these rows have been predicted by this release before, and are still there."""
    from mlops_spec.runtime.batch.table import holds

    files = Files(spark)
    if not files.exists(_manifest(job)):
        return False
    if isinstance(output, Folder):
        return True
    return holds(output, job.release, json.loads(files.read_text(_manifest(job)))["keyed_rows"])


def ship(
    spark: SparkSession, context: Context, dataset: Dataset, job: Job, trust: Trust
) -> Scoring:
    """Copy the release to every executor, once its evidence is believed. `Refusal` MLS612."""
    from mlops_spec.runtime.service.packaging import released

    place, expected = released(context.workspace, f"{context.model}:{job.release}", trust)
    # Spark ships a folder by its name, and refuses a second one of the same name.
    named = place.resolve()
    spark.sparkContext.addFile(str(named), recursive=True)
    return Scoring(dataset, named.name, expected)


def stage(context: Context, dataset: Dataset, job: Job, predicted: DataFrame) -> Staged:
    """Write all predictions into a folder of this run, which readers pass over.

    `Refusal` MLS702 when more than `bad_rows` of the rows do not fit the Dataset's columns.
    """
    spark = predicted.sparkSession

    def work(_: Any) -> Output:
        predicted.write.mode("overwrite").option("compression", "zstd").parquet(_staged(job))
        counted = spark.read.parquet(_staged(job)).groupBy(PROBLEM).count().collect()
        rows = sum(row["count"] for row in counted)
        problems = Counter({row[0]: row["count"] for row in counted if row[0] is not None})
        try:
            require_good(rows, problems, dataset)
        except Refusal:
            Files(spark).remove(_staged(job))
            raise
        return asdict(Staged(dataset.key, rows, problems.total()))

    return Staged(**context.step("batch-predict", job.id, job.run, work))


def require_unchanged(
    spark: SparkSession, job: Job, before: frozenset[str], now: frozenset[str]
) -> None:
    """`Refusal` MLS701 when a file was replaced or removed; new ones are for the next job."""
    if not before <= now:
        Files(spark).remove(_staged(job))
        raise Refusal("MLS701", "the source changed while it was predicted", "run it again")


def publish(
    spark: SparkSession, context: Context, output: Folder | Table, job: Job, staged: Staged
) -> dict[str, Any]:
    """Give the folder its name and point `latest.json` at it; or put its rows into the table.

    `Refusal` MLS719 when the table cannot take them, MLS702 when it would need a key twice.
    """

    def work(_: Any) -> Output:
        files = Files(spark)
        match output:
            case Folder():
                _publish_folder(files, job, staged)
                latest = {"folder": job.name, "rows": staged.rows}
                files.write_text(f"{job.output}/{LATEST}", json.dumps(latest) + "\n")
                told = {"folder": f"{job.output}/{job.name}"}
            case Table():
                _publish_table(spark, output, job, staged)
                told = {"table": output.name}
        return {**told, "release": job.release, "rows": staged.rows, "bad_rows": staged.bad_rows}

    return context.step("batch-finish", job.id, job.run, work)


def _publish_folder(files: Files, job: Job, staged: Staged) -> None:
    if files.exists(_manifest(job)):
        files.remove(_staged(job))  # another run was faster
        return
    told = json.dumps({**asdict(job), **asdict(staged)}, indent=2)
    files.write_text(f"{_staged(job)}/{MANIFEST}", told + "\n")
    if not files.rename(_staged(job), f"{job.output}/{job.name}"):
        raise Refusal("MLS602", f"{job.output}/{job.name} is in the way", "remove it, run it again")


def _publish_table(spark: SparkSession, output: Table, job: Job, staged: Staged) -> None:
    """The rows, partition after partition through this process, in one transaction."""
    from mlops_spec.runtime.batch.table import load as load_into

    found = spark.read.parquet(_staged(job))
    kinds = pa.schema([(name, _ARROW[kind]) for name, kind in found.dtypes])
    loaded = load_into(output, _tables(found, kinds), kinds, staged.key, job.release)
    files = Files(spark)
    files.remove(_staged(job))
    told = {**asdict(job), **asdict(staged), "keyed_rows": loaded.rows}
    files.write_text(_manifest(job), json.dumps(told, indent=2) + "\n")


def _tables(found: DataFrame, kinds: pa.Schema) -> Iterator[pa.Table]:
    from pyspark.sql.functions import col, unix_micros

    # A time comes as this machine's local one, of which an hour a year is there twice.
    columns = [
        unix_micros(col(_quoted(name))).alias(name) if kind == "timestamp" else col(_quoted(name))
        for name, kind in found.dtypes
    ]
    rows = found.select(columns).toLocalIterator(prefetchPartitions=True)
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        yield pa.Table.from_pylist([row.asDict() for row in some], schema=kinds)


def _staged(job: Job) -> str:
    """A name that readers pass over, of this run alone: two of them cannot meet in it."""
    return f"{job.output}/.{job.name}-{job.id}"


def _manifest(job: Job) -> str:
    return f"{job.output}/{job.name}/{MANIFEST}"
