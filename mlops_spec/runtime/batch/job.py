"""Predicting every row of a Dataset with what production serves: each row once, in little memory.

Parts are written one after another into a folder whose name starts with a dot, which readers of
Parquet pass over; when all are there, and the manifest, it gets its real name. Killed and started
again, a job goes on with the first part that is missing. docs/adr/0023 says why it can.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.batch.place import LATEST, MANIFEST, discard, publish, sweep
from mlops_spec.runtime.context import Context, Output, Progress
from mlops_spec.runtime.declare import Dataset, Folder, Sql, Table, Trust
from mlops_spec.runtime.machine.places import exclusive, replace_text
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import digest

if TYPE_CHECKING:
    from mlops_spec.runtime.batch.parts import Part
    from mlops_spec.runtime.batch.rows import Source
    from mlops_spec.runtime.portable import Scorer

CHUNK_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Job:
    """One prediction of one Dataset by one release. `id` is of the flow's run, not of the job."""

    id: str
    output: str  # the folder of the parts, relative to the project root
    name: str  # of the folder in it: the same rows by the same release have the same name
    release: str
    run: str
    version: str
    source: str  # fingerprint of what is read


def begin(context: Context, dataset: Dataset, output: Folder | Table) -> Job:
    """What is to be predicted, by which release. `Refusal` when nothing is in production."""
    run = uuid.uuid4().hex
    found = context.step("batch-begin", run, "", lambda _: _begin(context, dataset, output, run))
    return Job(**found)


def predict(
    context: Context, dataset: Dataset, job: Job, trust: Trust | None = None
) -> tuple[Part, ...]:
    """Write the parts that are missing; all parts, in order.

    `Refusal` MLS612 when the release's evidence is not to be believed, MLS702 when more than
    `bad_rows` of the rows do not fit the Dataset's columns, MLS701 when the source cannot be read
    or changed while it was.
    """
    from mlops_spec.runtime.batch.parts import Part

    def work(progress: Progress) -> Output:
        with exclusive(context.workspace, f"batch-{context.model}"):
            scorer = _scorer(context, job, trust)
            known = (context.root / job.output / job.name / MANIFEST).is_file()
            parts = _predict(context, dataset, job, scorer, progress)
            return {"parts": [asdict(part) for part in parts], "known": known}

    found = context.step("batch-predict", job.id, job.run, work)
    return tuple(Part(**part) for part in found["parts"])


def finish(
    context: Context, dataset: Dataset, output: Folder | Table, job: Job, parts: tuple[Part, ...]
) -> dict[str, Any]:
    """Give the folder its name and point `latest.json` at it; or put the parts into the table.

    `Refusal` MLS719 when the table cannot take them, MLS702 when it would need a key twice.
    """

    def work(_: Progress) -> Output:
        with exclusive(context.workspace, f"batch-{context.model}"):
            return _finish(context, dataset, output, job, parts)

    return context.step("batch-finish", job.id, job.run, work)


def _begin(context: Context, dataset: Dataset, output: Folder | Table, run: str) -> Output:
    from mlops_spec.runtime.data.fingerprint import fingerprint

    folder = _folder(context, output)
    job = job_of(context, folder, run, dataset, lambda: fingerprint(context.root, dataset.source))
    unwatched = isinstance(dataset.source, Sql) and dataset.source.watermark is None
    if unwatched or _replaced(context, output, job):
        return asdict(job) | {"name": _unfinished(context.root / folder, job.name)}
    return asdict(job)


def job_of(
    context: Context, folder: str, run: str, dataset: Dataset, fingerprint: Callable[[], str]
) -> Job:
    """The job of the release that serves. `Refusal` MLS709 when none does."""
    production = context.deployments.production(context.model)
    if production is None:
        raise Refusal(
            "MLS709", f"{context.model} has no production release", "run `spec apply` first"
        )
    source = fingerprint()
    name = f"{production.release}-{digest('batch', source, _read_as(dataset))}"
    return Job(run, folder, name, production.release, production.run, production.version, source)


def _read_as(dataset: Dataset) -> dict[str, Any]:
    """What says which rows there are, and which of them are predicted, beside the rows."""
    told = {name: getattr(dataset, name) for name in ("key", "time")}
    columns = [asdict(column) for column in dataset.columns if column.name != dataset.label]
    return {**told, "source": asdict(dataset.source), "columns": columns}


def _folder(context: Context, output: Folder | Table) -> str:
    """Where the parts are written. Those of a table wait in the workspace until it takes them."""
    from mlops_spec.runtime.data.fingerprint import require_inside

    match output:
        case Folder(path=path):
            require_inside(context.root, context.root / path)
            return path
        case Table():
            waiting = f"{output.name}-{digest('table', output.url_env)}"
            return str(context.workspace.root / "batch" / context.model / waiting)


def _replaced(context: Context, output: Folder | Table, job: Job) -> bool:
    """Whether this job had come to its end, and the table has lost its rows since."""
    from mlops_spec.runtime.batch.table import holds

    done = context.root / job.output / job.name / MANIFEST
    if not isinstance(output, Table) or not done.is_file():
        return False
    if not _newest(context.root / job.output, job.name):
        return True  # another source has been put into it since, and this one is back
    rows = json.loads(done.read_text(encoding="utf-8"))["keyed_rows"]
    return not holds(output, job.release, rows)


def _newest(output: Path, name: str) -> bool:
    """Whether the last job that ended was this one, or this one done again."""
    try:
        found = str(json.loads((output / LATEST).read_text(encoding="utf-8"))["folder"])
    except FileNotFoundError:
        return True
    return found == name or found.startswith(f"{name}-")


def _unfinished(output: Path, name: str) -> str:
    """Nobody can tell whether such a source has other rows by now: after an end, read it anew."""
    times = 1
    while (output / f"{name}-{times}").exists():
        times += 1
    return f"{name}-{times}"


def _predict(
    context: Context, dataset: Dataset, job: Job, scorer: Scorer, progress: Progress
) -> tuple[Part, ...]:
    from mlops_spec.runtime.batch.chunked import Chunked
    from mlops_spec.runtime.batch.parts import Part
    from mlops_spec.runtime.batch.rows import Source

    output = context.root / job.output
    if (output / job.name / MANIFEST).is_file():
        manifest = json.loads((output / job.name / MANIFEST).read_text(encoding="utf-8"))
        return tuple(Part(**part) for part in manifest["parts"])
    sweep(output, keep=job.name)
    source = Source.of(context.root, dataset)
    folder = output / f".{job.name}"
    _require_unchanged(source, job, folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[Part] = []
    problems: Counter[str] = Counter()
    try:
        for part, found in Chunked(source, dataset, scorer, folder).parts(CHUNK_ROWS):
            parts.append(part)
            problems.update(found)
            progress({"parts_done": len(parts), "rows": sum(part.rows for part in parts)})
    except Refusal:
        # Half of a file that is being written anew looks broken: what helps is another run.
        _require_unchanged(source, job, folder)
        raise
    require_good(sum(part.rows for part in parts), problems, dataset)
    _require_unchanged(source, job, folder)
    return tuple(parts)


def _scorer(context: Context, job: Job, trust: Trust | None) -> Scorer:
    """The model that production serves, once its evidence has been checked."""
    from mlops_spec.runtime.portable import load
    from mlops_spec.runtime.service.packaging import released

    place, expected = released(context.workspace, f"{context.model}:{job.release}", trust)
    return load(place, expected)


def require_good(rows: int, problems: Counter[str], dataset: Dataset) -> None:
    """`Refusal` MLS702 when more than `bad_rows` of the rows have a problem."""
    bad = problems.total()
    if bad > dataset.bad_rows * rows:
        raise Refusal(
            "MLS702",
            f"{bad:,} of {rows:,} rows ({bad / rows:.2%}) do not fit the Dataset's columns; "
            f"{dataset.bad_rows:.2%} may be bad",
            "correct the data, or the Dataset's columns, or allow more: bad_rows",
            tuple(f"{problem}: {count:,} rows" for problem, count in problems.most_common(10)),
        )


def _require_unchanged(source: Source, job: Job, folder: Path) -> None:
    """A file that was replaced half way would be in the parts twice, or not at all.

    New ones may come: they are for the next job.
    """
    if not source.is_as(job.source):
        discard(folder)
        raise Refusal("MLS701", "the source changed while it was predicted", "run it again")


def _finish(
    context: Context, dataset: Dataset, output: Folder | Table, job: Job, parts: tuple[Part, ...]
) -> dict[str, Any]:
    place = context.root / job.output
    manifest: dict[str, Any] = {
        **asdict(job), "rows": sum(part.rows for part in parts),
        "bad_rows": sum(part.bad for part in parts), "parts": [asdict(part) for part in parts],
    }  # fmt: skip
    if not (place / job.name / MANIFEST).is_file():
        kept = tuple(part.file for part in parts)
        if isinstance(output, Table):
            manifest |= _loaded(place / f".{job.name}", dataset, output, job, kept)
            kept = ()
        publish(place, job.name, manifest, kept)
    told = {name: manifest[name] for name in ("release", "rows", "bad_rows")}
    latest = {"folder": job.name, "rows": manifest["rows"]}
    replace_text(place / LATEST, json.dumps(latest) + "\n")
    if isinstance(output, Table):
        return {"table": output.name, **told}
    return {"folder": f"{job.output}/{job.name}", **told}


def _loaded(
    folder: Path, dataset: Dataset, target: Table, job: Job, files: tuple[str, ...]
) -> dict[str, int]:
    """The parts, put into the table; how many rows have a place there."""
    import pyarrow.parquet as pq

    from mlops_spec.runtime.batch.table import load

    schema = pq.read_schema(folder / files[0])
    parts = (pq.ParquetFile(folder / file).read() for file in files)
    found = load(target, parts, schema, dataset.key, job.release)
    return {"keyed_rows": found.rows, "keyless_rows": found.keyless}
