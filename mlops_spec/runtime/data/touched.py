"""Whether touched files hold the bytes that a snapshot was made of. Standard library only.

A file's times change when it is copied, checked out or written again as it was. Then, and only
then, its bytes decide: their digests are kept beside the snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.data.fingerprint import (
    Stamp,
    files,
    fingerprint,
    fingerprint_of_stamps,
    stamps_of,
)
from mlops_spec.runtime.declare import Csv, Parquet, Sql
from mlops_spec.runtime.machine.places import replace_text
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import file_digest
from mlops_spec.terms.keys import snapshot_key

MOST_READ: Final = 2 * 10**9  # bytes that are compared: some seconds; reading them all is minutes
_LATEST: Final = 10  # snapshots that files are compared with
_OF_SNAPSHOT: Final = "files"  # path, size, time in ns, SHA-256
_SEEN_LAST: Final = "seen"  # the same files, as they were touched last

Stamps = Sequence[Stamp]
Reading = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Mark:
    """What names the rows of a source; `not_compared`: bytes that were touched, and not read."""

    fingerprint: str
    not_compared: int = 0


def unsaid(_: int) -> None:
    """Nobody is told how many bytes are read."""


def source_mark(context: Context, source: Parquet | Csv | Sql, reading: Reading = unsaid) -> Mark:
    """The fingerprint that a snapshot of these bytes is recorded under, or else the one of now.

    Reads nothing unless files of the same sizes have other times. `reading` is told the bytes
    before they are read. `Refusal` MLS701 when there is no file or no answer.
    """
    if isinstance(source, Sql):
        return Mark(fingerprint(context.root, source))
    now = stamps_of(context.root, files(context.root, source))
    mark = fingerprint_of_stamps(now)
    if context.journal.done(context.model, "snapshot", snapshot_key(mark, context.facets)):
        return Mark(mark)
    for before, kept in islice(_snapshots(context), _LATEST):
        due = _touched(kept, now)
        if due is None:
            continue
        size = sum(stamp[1] for stamp, _ in due)
        if size > MOST_READ or any(not digest for _, digest in due):
            return Mark(mark, size)
        if not due:
            return Mark(before)
        reading(size)
        if _as_before(context.root, due):
            _remember(kept, now)
            return Mark(before)
    return Mark(mark)


def keep_digests(root: Path, source: Parquet | Csv | Sql, mark: str, folder: Path) -> None:
    """Keep the digests of the files beside the snapshot that was made of them under `mark`.

    Not where they changed meanwhile, nor of one so large that nobody would compare it.
    """
    if isinstance(source, Sql):
        return
    with suppress(OSError, Refusal):  # what was read is whole; the digests only spare work
        read = stamps_of(root, files(root, source))
        found = [[*s, file_digest(root / s[0]) if s[1] <= MOST_READ else ""] for s in read]
        if mark == fingerprint_of_stamps(read) == fingerprint_of_stamps(_again(root, read)):
            replace_text(_place(folder, mark), json.dumps({_OF_SNAPSHOT: found}))


def _again(root: Path, stamps: Stamps) -> Stamps:
    return stamps_of(root, [root / path for path, _, _ in stamps])


def _snapshots(context: Context) -> Iterator[tuple[str, Path]]:
    """The fingerprints of what was read as the Dataset asks for it now, the newest first; and
    where the digests of the files are, if rows and digests were kept.
    """
    for step in reversed(context.journal.steps(context.model, step="snapshot")):
        before = str(step.output.get("fingerprint", ""))
        if step.status == "done" and step.digest == snapshot_key(before, context.facets):
            folder = context.workspace.snapshot(str(step.output["data"]))
            kept = _place(folder, before)
            if kept.is_file() and (folder / "rows.parquet").is_file():
                yield before, kept


def _place(folder: Path, mark: str) -> Path:
    return folder / f"source-{mark}.json"


def _touched(kept: Path, now: Stamps) -> tuple[tuple[Stamp, str], ...] | None:
    """The files with other times, and the digests that they had; None: there are other files."""
    try:
        found = _read(kept)
    except (OSError, ValueError):
        return None
    before = [(_stamp(each), str(each[3])) for each in found[_OF_SNAPSHOT]]
    if [stamp[:2] for stamp, _ in before] != [stamp[:2] for stamp in now]:
        return None
    # All that were seen last had the bytes of the snapshot.
    known = {stamp for stamp, _ in before} | {_stamp(each) for each in found.get(_SEEN_LAST, ())}
    pairs = zip(now, (digest for _, digest in before), strict=True)
    return tuple((stamp, digest) for stamp, digest in pairs if stamp not in known)


def _stamp(row: list[Any]) -> Stamp:
    return str(row[0]), int(row[1]), int(row[2])


def _as_before(root: Path, due: Sequence[tuple[Stamp, str]]) -> bool:
    """Whether all files have their digests; not, where one cannot be read."""
    try:
        return all(_digest(root / stamp[0], stamp) == digest for stamp, digest in due)
    except OSError:
        return False


@lru_cache(maxsize=10_000)  # a command looks at its models several times
def _digest(path: Path, _: Stamp) -> str:
    return file_digest(path)


def _remember(kept: Path, now: Stamps) -> None:
    """So that the next look reads nothing; one that may not write reads again."""
    with suppress(OSError):
        replace_text(kept, json.dumps({**_read(kept), _SEEN_LAST: now}))


def _read(kept: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return found
