"""Predicting every row of a Dataset with what production serves: each row once, in little memory.

Parts are written one after another into a folder whose name starts with a dot, which readers of
Parquet pass over; when all are there, and the manifest, it gets its real name. Killed and started
again, a job goes on with the first part that is missing. docs/adr/0023 says why it can.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.context import Context, Output, Progress
from mlops_spec.runtime.declare import Dataset, Sql, Trust
from mlops_spec.runtime.machine.places import exclusive, replace_text
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import digest, file_digest

if TYPE_CHECKING:
    from mlops_spec.runtime.data.stream import Chunk
    from mlops_spec.runtime.portable import Scorer

CHUNK_ROWS: Final = 50_000
MANIFEST: Final = "_manifest.json"  # readers of Parquet pass over such names too
LATEST: Final = "latest.json"
SPOOL: Final = ".rows"
_SPOOLED: Final = "all.json"
# What a job left that never came to its end; nobody comes back to one as old as this.
ABANDONED: Final = 7 * 86400.0  # seconds


@dataclass(frozen=True, slots=True)
class Job:
    """One prediction of one Dataset by one release. `id` is of the flow's run, not of the job."""

    id: str
    output: str  # a folder, relative to the project root
    name: str  # of the folder in it: the same rows by the same release have the same name
    release: str
    run: str
    version: str
    source: str  # fingerprint of what is read


@dataclass(frozen=True, slots=True)
class Part:
    """One file of predictions, and where its rows stand in the source."""

    file: str
    rows: int
    bad: int  # rows without a score, because the service would refuse them
    place: str
    first: int
    sha256: str


def begin(context: Context, dataset: Dataset, output: str) -> Job:
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

    def work(progress: Progress) -> Output:
        with exclusive(context.workspace, f"batch-{context.model}"):
            scorer = _scorer(context, job, trust)
            parts = _predict(context, dataset, job, scorer, progress)
            return {"parts": [asdict(part) for part in parts]}

    found = context.step("batch-predict", job.id, job.run, work)
    return tuple(Part(**part) for part in found["parts"])


def finish(context: Context, job: Job, parts: tuple[Part, ...]) -> dict[str, Any]:
    """Write the manifest, give the folder its name, and point `latest.json` at it."""

    def work(_: Progress) -> Output:
        with exclusive(context.workspace, f"batch-{context.model}"):
            return _finish(context, job, parts)

    return context.step("batch-finish", job.id, job.run, work)


def _begin(context: Context, dataset: Dataset, output: str, run: str) -> Output:
    from mlops_spec.runtime.data.fingerprint import fingerprint, require_inside

    require_inside(context.root, context.root / output)
    production = context.deployments.production(context.model)
    if production is None:
        raise Refusal(
            "MLS709", f"{context.model} has no production release", "run `spec apply` first"
        )
    source = fingerprint(context.root, dataset.source)
    name = f"{production.release}-{digest('batch', source)}"
    if isinstance(dataset.source, Sql) and dataset.source.watermark is None:
        name = _unfinished(context.root / output, name)
    return asdict(
        Job(run, output, name, production.release, production.run, production.version, source)
    )


def _unfinished(output: Path, name: str) -> str:
    """Nobody can tell whether such a query has other rows by now: after an end, read it anew."""
    times = 1
    while (output / f"{name}-{times}").exists():
        times += 1
    return f"{name}-{times}"


def _predict(
    context: Context, dataset: Dataset, job: Job, scorer: Scorer, progress: Progress
) -> tuple[Part, ...]:
    output = context.root / job.output
    if (output / job.name / MANIFEST).is_file():
        manifest = json.loads((output / job.name / MANIFEST).read_text(encoding="utf-8"))
        return tuple(Part(**part) for part in manifest["parts"])
    _sweep(output, keep=job.name)
    folder = output / f".{job.name}"
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[Part] = []
    problems: Counter[str] = Counter()
    for number, chunk in enumerate(_rows(context, dataset, scorer, folder)):
        parts.append(_part(folder / f"part-{number:05d}.parquet", chunk, dataset, scorer, problems))
        progress({"parts_done": len(parts), "rows": sum(part.rows for part in parts)})
    _require_good(parts, dataset, problems)
    _require_unchanged(context, dataset, job, folder)
    return tuple(parts)


def _sweep(output: Path, keep: str) -> None:
    for folder in output.glob(".*"):
        old = time.time() - folder.stat().st_mtime > ABANDONED
        if folder.is_dir() and folder.name != f".{keep}" and old:
            shutil.rmtree(folder, ignore_errors=True)


def _scorer(context: Context, job: Job, trust: Trust | None) -> Scorer:
    """The model that production serves, once its evidence has been checked."""
    from mlops_spec.runtime.portable import load
    from mlops_spec.runtime.service.packaging import released

    place, expected = released(context.workspace, f"{context.model}:{job.release}", trust)
    return load(place, expected)


def _rows(context: Context, dataset: Dataset, scorer: Scorer, folder: Path) -> Iterator[Chunk]:
    """The chunks, the same ones whenever the job is taken up again."""
    from mlops_spec.runtime.data.stream import chunks

    times = () if dataset.time is None else (dataset.time,)
    wanted = list(dict.fromkeys((dataset.key, *times, *scorer.features)))
    chunked = chunks(context.root, dataset.source, wanted, CHUNK_ROWS)
    return _spooled(folder / SPOOL, chunked) if isinstance(dataset.source, Sql) else chunked


def _spooled(spool: Path, chunked: Iterable[Chunk]) -> Iterator[Chunk]:
    """The answer of a database as it was the first time: asked again, it has another order."""
    import pyarrow.parquet as pq

    from mlops_spec.runtime.data.stream import Chunk
    from mlops_spec.runtime.service.batch_parts import write

    if not (spool / _SPOOLED).is_file():
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
        firsts: list[int] = []
        for chunk in chunked:
            write(spool / f"{len(firsts):05d}.parquet", chunk.rows, {})
            firsts.append(chunk.first)
        replace_text(spool / _SPOOLED, json.dumps(firsts))
    for number, first in enumerate(json.loads((spool / _SPOOLED).read_text(encoding="utf-8"))):
        yield Chunk("query", first, pq.ParquetFile(spool / f"{number:05d}.parquet").read())


def _part(
    path: Path, chunk: Chunk, dataset: Dataset, scorer: Scorer, problems: Counter[str]
) -> Part:
    """The part of these rows: the one that is there, or a new one."""
    from mlops_spec.runtime.service.batch_parts import predictions, problems_of, write, written

    where = {"place": chunk.place, "first": str(chunk.first), "rows": str(chunk.rows.num_rows)}
    if written(path) != where:
        write(path, predictions(chunk.rows, dataset, scorer), where)
    found = problems_of(path)
    problems.update(found)
    return Part(
        path.name, chunk.rows.num_rows, sum(found.values()), chunk.place, chunk.first,
        file_digest(path),
    )  # fmt: skip


def _require_good(parts: list[Part], dataset: Dataset, problems: Counter[str]) -> None:
    rows, bad = sum(part.rows for part in parts), sum(part.bad for part in parts)
    if bad > dataset.bad_rows * rows:
        raise Refusal(
            "MLS702",
            f"{bad:,} of {rows:,} rows ({bad / rows:.2%}) do not fit the Dataset's columns; "
            f"{dataset.bad_rows:.2%} may be bad",
            "correct the data, or the Dataset's columns, or allow more: bad_rows",
            tuple(f"{problem}: {count:,} rows" for problem, count in problems.most_common(10)),
        )


def _require_unchanged(context: Context, dataset: Dataset, job: Job, folder: Path) -> None:
    """A file that was replaced half way would be in the parts twice, or not at all."""
    from mlops_spec.runtime.data.fingerprint import fingerprint

    if isinstance(dataset.source, Sql):
        return  # its rows were kept before the first was scored
    if fingerprint(context.root, dataset.source) != job.source:
        shutil.rmtree(folder, ignore_errors=True)
        raise Refusal(
            "MLS701", f"{dataset.source.path} changed while it was predicted", "run it again"
        )


def _finish(context: Context, job: Job, parts: tuple[Part, ...]) -> dict[str, Any]:
    output = context.root / job.output
    done, working = output / job.name, output / f".{job.name}"
    manifest = {
        **asdict(job), "rows": sum(part.rows for part in parts),
        "bad_rows": sum(part.bad for part in parts), "parts": [asdict(part) for part in parts],
    }  # fmt: skip
    if not (done / MANIFEST).is_file():
        shutil.rmtree(working / SPOOL, ignore_errors=True)
        named = {part.file for part in parts}
        for path in working.iterdir():
            if path.name not in named:
                path.unlink()  # unfinished, or of a job that was cut otherwise
        replace_text(working / MANIFEST, json.dumps(manifest, indent=2) + "\n")
        working.rename(done)
    replace_text(output / LATEST, json.dumps({"folder": job.name, "rows": manifest["rows"]}) + "\n")
    return {"folder": f"{job.output}/{job.name}", **{
        name: manifest[name] for name in ("release", "rows", "bad_rows")
    }}  # fmt: skip
