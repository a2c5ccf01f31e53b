"""Whether a source may have changed, told without reading it. Standard library only, for files."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from mlops_spec.runtime.declare import Csv, Parquet, Sql
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import digest

Stamp = tuple[str, int, int]


def fingerprint(root: Path, source: Parquet | Csv | Sql) -> str:
    """Changes when the source may hold other rows: paths, sizes, times of files, or the watermark.

    A database without a watermark always has the same one; its rows are read once, and again when
    the query changes. `Refusal` MLS701 when there is no file or no answer.
    """
    match source:
        case Parquet() | Csv():
            return fingerprint_of(root, files(root, source))
        case Sql():
            return digest(source.query, _watermark(source))


def fingerprint_of(root: Path, paths: Sequence[Path]) -> str:
    """That of a source which has these files. `Refusal` MLS701 when one of them is gone."""
    return fingerprint_of_stamps(stamps_of(root, paths))


def fingerprint_of_stamps(stamps: Sequence[Stamp]) -> str:
    """That of files which were looked at before."""
    return digest(list(map(list, stamps)))


def stamps_of(root: Path, paths: Sequence[Path]) -> tuple[Stamp, ...]:
    """Path from `root`, size in bytes and time of the last change in ns, of each file.

    `Refusal` MLS701 when one of them is gone.
    """
    try:
        return tuple(_of_file(root, path) for path in paths)
    except FileNotFoundError as error:
        raise Refusal("MLS701", f"{error.filename} is gone", "run it again") from error


def when_read_again(source: Parquet | Csv | Sql) -> str:
    """What a person who corrects rows has to know; "" where writing the file is enough."""
    if not isinstance(source, Sql):
        return ""
    mark = "its `watermark` is as before" if source.watermark else "it is the same query"
    what = "give corrected rows a newer watermark, or change" if source.watermark else "change"
    return f". The database is not read again while {mark}: {what} `query` (a comment in it does)"


def files(root: Path, source: Parquet | Csv) -> list[Path]:
    """The files of a source in order of their paths. `Refusal` MLS701 when there is none,
    MLS317 when one lies outside of `root`.
    """
    found = sorted(
        Path(name)
        for name in glob.glob(str(root / source.path), recursive=True)  # noqa: PTH207 - absolute too
        if Path(name).is_file()
    )
    if not found:
        raise Refusal(
            "MLS701",
            f"no file matches {source.path!r} under {root}",
            f"put the data there, or change `source` of the Dataset{_prepare_hint(root)}",
        )
    for path in found:
        require_inside(root, path)
    return found


def require_inside(root: Path, path: Path) -> None:
    """`Refusal` MLS317 unless a path lies below `root` when its links are followed.

    Specs come in strangers' pull requests, and so may links.
    """
    real = path.resolve()
    if not real.is_relative_to(root.resolve()):
        raise Refusal(
            "MLS317",
            f"{os.path.relpath(path, root)} is a link that leads out of the project, to {real}",
            "keep the data in a folder beside mlops.yaml or mount it there; or use sql",
        )


def _prepare_hint(root: Path) -> str:
    script = root / "prepare.py"
    return f"; {script.name} beside mlops.yaml may make it" if script.exists() else ""


def _of_file(root: Path, path: Path) -> Stamp:
    stat = path.stat()
    return os.path.relpath(path, root), stat.st_size, stat.st_mtime_ns


def _watermark(source: Sql) -> str:
    if source.watermark is None:
        return ""
    from mlops_spec.runtime.data.database import value_of

    return str(value_of(source, source.watermark))
